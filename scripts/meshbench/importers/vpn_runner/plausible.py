"""Values that cannot be: below zero, or above what any clock, network or computer could have had."""

from collections.abc import Sequence

from meshbench.benchmarks import ping
from meshbench.benchmarks.tools import connect_metrics, rist_metrics
from meshbench.benchmarks.tools import udp_metrics as udp
from meshbench.importers.vpn_runner.outcome import LinkOutcome, Refused
from meshbench.importers.vpn_runner.values import Value
from meshbench.results import imported_metrics as m
from meshbench.results.metrics import Metric
from meshbench.results.records import Status

_MOST = {"s": 1e8, "ms": 1e9, "bit/s": 1e14, "byte": 1e17, "1": 1e15, "1/s": 1e9}
_SHARES = {
    ping.LOSS, udp.LOSS, rist_metrics.QUALITY.mean, m.NETEM_LOSS, m.NETEM_REORDER, m.NETEM_REORDER_CORRELATION,
    *(rist_metrics.QUALITY.statistics[name] for name in ("min", "p50", "max")),
}  # fmt: skip
_SIGNED = {connect_metrics.VPN_ADDED}
_EXTRAPOLATED = ("_p25", "_p75")
"""Exclusive quartiles of few values lie beyond these values, so below zero or above one too."""
_ROUNDING = 1e-6


def problem(metric: Metric, value: float) -> str | None:
    """Why a value cannot be, naming it; None when it can."""
    free = metric in _SIGNED or metric.name.endswith(_EXTRAPOLATED)
    least = -_MOST[metric.unit] if free else -_ROUNDING if metric in _SHARES else 0.0
    most = 1 + _ROUNDING if metric in _SHARES else _MOST[metric.unit]
    if least <= value <= most:
        return None
    unit = "" if metric.unit == "1" else f" {metric.unit}"
    return f"{metric.name} of {value:g}{unit} cannot be"


def refuse(link: LinkOutcome, headlines: Sequence[Metric]) -> None:
    """Take what cannot be from a link, by name; a link without its first headline is not ok.

    Args:
        link: as it was read; changed in place.
        headlines: metrics of its benchmark, the first of which it must have.
    """
    kept: list[Value] = []
    bad: dict[str, None] = {}
    for value in link.values:
        why = None if value.value is None else problem(value.metric, value.value)
        if why is None:
            kept.append(value)
            continue
        bad[why] = None
        if value.t_s is None and value.stream is None:
            link.refused.append(Refused(value, f"set aside: {why}"))
    if not bad:
        return
    link.values = kept
    link.marks += [f"set aside: {why}" for why in bad]
    needed = {refused.value.metric for refused in link.refused} & set(headlines[:1])
    if needed and link.status is Status.OK:
        link.status = Status.TOOL_FAILED
        link.reason = next(r.reason for r in link.refused if r.value.metric in needed)
