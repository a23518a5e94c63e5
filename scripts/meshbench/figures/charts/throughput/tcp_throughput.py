"""TCP goodput of every system under every profile, each round and link a point."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, axis_title
from meshbench.figures.drawing import comparison, doubt, estimated, strip
from meshbench.figures.drawing.groups import Group, collect, marked, troubles, variants

MBIT = 1e-6
"""From bit/s to decimal Mbit/s."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Profiles below each other, modes side by side; linear from zero, each profile its own axis."""
    drawn = strip.Strip(
        column="goodput_bps",
        scale=MBIT,
        axis=axis_title("goodput", "Mbit/s"),
        columns=(
            strip.Column("median", 42, lambda group: group.told("goodput_bps", MBIT)),
            strip.Column("n", 38, strip.counts),
        ),
    )
    return strip.grid(strip.by_profile_and_mode(groups(data, context)), drawn, context)


def groups(data: Data, context: Context) -> list[Group]:
    """The groups of the benchmark 'tcp', by profile, mode and direction."""
    goodputs = collect(data.rows("throughput", benchmark="tcp"), context, modes=True)
    return estimated.known(goodputs, data, "tcp", {"goodput_bps": "goodput"})


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the best and worst system under each profile against the bare link."""
    definition = "TCP goodput at the receiver of one stream over each link, whole run."
    unsure = doubt.told(groups(data, context), data, context)
    return f"{definition} {strip.LEGEND} {told(data, context)} {unsure}"


def told(data: Data, context: Context) -> str:
    """For each profile the best and the worst system against the bare link, first mode only."""
    first = variants(data.rows("throughput", benchmark="tcp"))[0]
    single = [g for g in groups(data, context) if (g.mode, g.direction) == first]
    unit = comparison.Unit("Mbit/s", MBIT)
    return " ".join(
        comparison.sentences(single, "goodput_bps", unit, context, higher_is_better=True)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    goodputs = groups(data, context)
    return [*troubles(goodputs, context), *marked(goodputs, context)]
