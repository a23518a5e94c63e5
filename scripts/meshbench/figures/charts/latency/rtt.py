"""Round-trip times of every system under every profile, with their tails and the loss."""

import statistics
from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, axis_title
from meshbench.figures.drawing import comparison, doubt, estimated, strip
from meshbench.figures.drawing.groups import Group, collect, marked, troubles
from meshbench.figures.drawing.wording import percent

_P99 = strip.Column("p99", 40, lambda group: group.told("rtt_p99_ms"))


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Profiles below each other; each profile has its own logarithmic axis."""
    pings = groups(data, context)
    drawn = strip.Strip(
        column="rtt_avg_ms",
        scale=1.0,
        axis=axis_title("rtt_avg", "ms"),
        high="rtt_p99_ms",
        log=True,
        columns=(
            strip.Column("median", 44, lambda group: group.told("rtt_avg_ms")),
            *([_P99] if any(group.points("rtt_p99_ms") for group in pings) else []),
            strip.Column("loss", 44, lambda group: percent(loss(group))),
            strip.Column("n", 38, strip.counts),
        ),
    )
    return strip.grid(strip.by_profile_and_mode(pings), drawn, context)


def groups(data: Data, context: Context) -> list[Group]:
    """The groups of the benchmark 'ping', by profile."""
    pings = collect(data.rows("latency", benchmark="ping"), context)
    # Percentiles of single replies are no metric: no tool reports them.
    pings = estimated.over_rounds(pings, "rtt_p99_ms", marked=estimated.marked_count(data))
    return estimated.known(pings, data, "ping", {"rtt_avg_ms": "rtt_avg"})


def loss(group: Group) -> float | None:
    """Lost over sent, all rounds and links with counts together (share); None without any.

    Where no requests were counted it is the mean of the links' shares.
    """
    counted = [row for row in group.rows if row["n_sent"] and row["n_received"] is not None]
    sent = sum(row["n_sent"] for row in counted)
    if sent:
        return float(1 - sum(row["n_received"] for row in counted) / sent)
    shares = [row["loss"] for row in group.rows if row["loss"] is not None]
    return statistics.fmean(shares) if shares else None


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the best and worst system under each profile against the bare link."""
    pings = groups(data, context)
    sent = sorted({row["n_sent"] for group in pings for row in group.rows if row["n_sent"]})
    ends = " to ".join(str(count) for count in dict.fromkeys([*sent[:1], *sent[-1:]]))
    how = f" of {ends} echo requests" if sent else ""
    sentences = comparison.sentences(
        pings, "rtt_avg_ms", comparison.Unit("ms", 1.0), context, higher_is_better=False
    )
    return " ".join(
        [
            f"Mean round-trip time{how} over each link.",
            strip.LEGEND,
            "The bold bar is the same median of the links' 99th percentiles, where single replies were kept;",
            "loss is over all requests of a row, both directions together.",
            *sentences,
            doubt.told(pings, data, context),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    pings = groups(data, context)
    return [*troubles(pings, context), *marked(pings, context)]
