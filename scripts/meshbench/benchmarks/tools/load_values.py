"""What a link's phases come to, as observations: RTT, delay added by load, responsiveness, loss, goodput."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean, median

from meshbench.benchmarks import ping
from meshbench.benchmarks.base import Observation, Pair
from meshbench.benchmarks.tools import delays
from meshbench.benchmarks.tools import load_metrics as m
from meshbench.benchmarks.tools.load_phases import (
    DIRECTIONS,
    LOAD,
    MODES,
    PATHS,
    PHASES,
    Load,
    Probe,
    role,
)
from meshbench.benchmarks.tools.tcp_metrics import GOODPUT
from meshbench.results.metrics import Metric
from meshbench.results.records import LinkRecord, Status

APART = "apart"
"""Ends the mode of what counts in no value of its phase: while a load settles, or after its end."""
_WITHOUT_IDLE = "no median RTT of an idle phase to compare with"

Trouble = tuple[Status, str]


def of_link(link: LinkRecord, counted: int, interval_s: float) -> Iterator[Observation]:
    """All values of a link's phases; those of a phase before the one that failed are settled.

    Args:
        link: its record.
        counted: how many requests of each probe, the last ones, count.
        interval_s: between two of them.

    Raises:
        ValueError: when the load of a link that is ok cannot be read.
    """
    loads = _loads(link)
    ends_s = {load.phase: load.ended_s for load in loads}
    probes = [probe.until(ends_s.get(probe.phase)) for probe in _probes(link, counted)]
    start_s = _start_s(probes, loads) or 0.0
    last = _last_phase(link)
    for probe in probes:
        for value in _of_probe(probe, probes, link.pair, start_s):
            yield replace(value, settled=probe.phase != last)
    for load in loads:
        for value in _of_load(load, probes, interval_s, link.pair, start_s):
            yield replace(value, settled=load.phase != last)


def start_s(link: LinkRecord, counted: int) -> float | None:
    """When the axis of a link's values begins, by the source's clock; None where nothing is known.

    Raises ValueError when the load of a link that is ok cannot be read.
    """
    return _start_s(_probes(link, counted), _loads(link))


def _last_phase(link: LinkRecord) -> str:
    return link.commands[-1].role.split()[0] if link.commands else ""


def _probes(link: LinkRecord, counted: int) -> list[Probe]:
    return [
        Probe.read(command, phase, path, counted)
        for phase in PHASES
        for path in PATHS
        for command in link.in_role(role(phase, path))
    ]


def _loads(link: LinkRecord) -> list[Load]:
    loads = []
    for phase in MODES:
        for command in link.in_role(role(phase, LOAD)):
            try:
                loads.append(Load.read(command, phase))
            except ValueError:
                # That a load failed stands in the link's status.
                if link.status is Status.OK:
                    raise
    return loads


def _start_s(probes: Sequence[Probe], loads: Sequence[Load]) -> float | None:
    """The first thing known on the source's clock; None where nothing is."""
    sent = (sent_s for probe in probes for sent_s, _, _ in probe.sent_at())
    started = (load.started_s for load in loads if load.started_s is not None)
    return min((*sent, *started), default=None)


def _of_probe(
    probe: Probe, probes: Sequence[Probe], pair: Pair, start_s: float
) -> Iterator[Observation]:
    mode = role(probe.phase, probe.path)
    idle = [p.rtts_ms for p in probes if (p.phase, p.path) == ("idle", probe.path)]
    for metric, value in (*_counts(probe), *_rtts(probe), *_added(probe, idle)):
        if isinstance(value, tuple):
            status, reason = value
            yield Observation(metric, None, pair, mode=mode, status=status, reason=reason)
        else:
            yield Observation(metric, value, pair, mode=mode)
    for sent_s, rtt_ms, counts in probe.sent_at():
        t_s = round(sent_s - start_s, 6)
        yield Observation(ping.RTT, rtt_ms, pair, mode=_when(mode, counts), t_s=t_s)


def _when(mode: str, counts: bool) -> str:
    return mode if counts else f"{mode} {APART}"


def _silent(probe: Probe) -> Trouble | None:
    """A silent underlay says nothing of the system; a silent tunnel is an outage, and no loss rate."""
    if probe.received:
        return None
    if probe.sent == 0:
        return Status.UNAVAILABLE, f"{probe.phase}: the load ended before a request that counts"
    return Status.FAILED if probe.path == "inside" else Status.UNAVAILABLE, probe.silence


def _counts(probe: Probe) -> Iterator[tuple[Metric, float | Trouble]]:
    if probe.sent is None:
        unknown = (Status.UNAVAILABLE, "ping did not say how many requests it sent, or not whole")
        yield ping.LOSS, unknown
        return
    yield ping.SENT, probe.sent
    yield ping.RECEIVED, probe.received
    if probe.sent:
        lost = (probe.sent - probe.received) / probe.sent
        yield ping.LOSS, _silent(probe) or lost


def _rtts(probe: Probe) -> Iterator[tuple[Metric, float | Trouble]]:
    rtts_ms, silent = probe.rtts_ms, _silent(probe)
    for share in m.SHARES:
        yield ping.PERCENTILES[share], silent or _percentile(rtts_ms, share)
    if rtts_ms:
        yield ping.RTT_MAX, max(rtts_ms)
    yield m.RESPONSIVENESS, silent or _responsiveness(rtts_ms)


def _percentile(rtts_ms: Sequence[float], share: int) -> float | Trouble:
    value = delays.percentile(rtts_ms, share)
    return _too_few(rtts_ms, share) if value is None else value


def _too_few(rtts_ms: Sequence[float], share: int) -> Trouble:
    few = f"{len(rtts_ms)} replies, and the {share}th percentile needs {delays.least(share)}"
    return Status.UNAVAILABLE, few


def _responsiveness(rtts_ms: Sequence[float]) -> float | Trouble:
    if not rtts_ms:
        return Status.UNAVAILABLE, "no reply with a time"
    return 60_000 / trimmed_mean(rtts_ms)


def trimmed_mean(rtts_ms: Sequence[float]) -> float:
    """The mean without the largest 5 % (draft-ietf-ippm-responsiveness: TM95)."""
    kept = sorted(rtts_ms)[: len(rtts_ms) - int(m.TRIMMED * len(rtts_ms))]
    return fmean(kept)


def _added(
    probe: Probe, idle: Sequence[Sequence[float]]
) -> Iterator[tuple[Metric, float | Trouble]]:
    """What a loaded phase has above the idle median of its path."""
    if probe.phase == "idle":
        return
    silent = _silent(probe)
    for share, metric in m.ADDED.items():
        value = _percentile(probe.rtts_ms, share)
        if silent or isinstance(value, tuple):
            yield metric, silent or value
        elif not (idle and idle[0]):
            yield metric, (Status.UNAVAILABLE, _WITHOUT_IDLE)
        else:
            yield metric, value - median(idle[0])


def _of_load(
    load: Load, probes: Sequence[Probe], interval_s: float, pair: Pair, start_s: float
) -> Iterator[Observation]:
    skipped = max((probe.skipped for probe in probes if probe.phase == load.phase), default=0)
    for direction in DIRECTIONS[load.phase]:
        goodput_bps = load.goodput_bps(direction, skipped * interval_s)
        yield Observation(GOODPUT, goodput_bps, pair, direction, load.phase)
        # Without the clock a rate has no place on the axis of the RTTs.
        for rate in load.rates(direction) if load.started_s is not None else ():
            t_s = round((load.started_s or 0.0) - start_s + rate.start_s, 6)
            mode = _when(load.phase, rate.start_s >= skipped * interval_s)
            yield Observation(GOODPUT, rate.bps, pair, direction, mode, t_s=t_s)
