"""TCP retransmit rate of every system under every profile, each round and link a point."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, axis_title
from meshbench.figures.drawing import comparison, doubt, estimated, strip
from meshbench.figures.drawing.groups import Group, collect, marked, troubles, variants

_WHAT = (
    "Segments sent again, spuriously or not, of all segments sent (bytes sent over the "
    "connection's own segment size), whole run."
)
_PERCENT = 100.0
_LEAST_AXIS = 0.05
"""In percent: a rate below it is drawn as the nothing it is."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Profiles below each other, modes side by side; linear from zero, each profile its own axis."""
    drawn = strip.Strip(
        column="retransmit_rate",
        scale=_PERCENT,
        axis=axis_title("retransmit_rate", "%"),
        bound=_LEAST_AXIS,
        columns=(
            strip.Column("median", 46, lambda group: group.told("retransmit_rate", _PERCENT, 2, 3)),
            strip.Column("n", 38, strip.counts),
        ),
    )
    return strip.grid(strip.by_profile_and_mode(groups(data, context)), drawn, context)


def groups(data: Data, context: Context) -> list[Group]:
    """The groups of the benchmark 'tcp', by profile, mode and direction."""
    rates = collect(data.rows("retransmits", benchmark="tcp"), context, modes=True)
    return estimated.known(rates, data, "tcp", {"retransmit_rate": "retransmit_rate"})


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the best and worst system under each profile against the bare link."""
    first = variants(data.rows("retransmits", benchmark="tcp"))[0]
    single = [g for g in groups(data, context) if (g.mode, g.direction) == first]
    sentences = comparison.sentences(
        single, "retransmit_rate", comparison.Unit("%", _PERCENT), context, higher_is_better=False
    )
    return " ".join(
        [
            _WHAT,
            strip.LEGEND,
            *sentences,
            doubt.told(groups(data, context), data, context),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    rates = groups(data, context)
    return [*troubles(rates, context), *marked(rates, context)]
