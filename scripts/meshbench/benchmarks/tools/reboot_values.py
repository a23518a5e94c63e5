"""The values of reboots: each one's, and over all of them their medians (pure)."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from meshbench.benchmarks.base import Observation
from meshbench.benchmarks.tools import reboot_metrics as m
from meshbench.benchmarks.tools.connect_metrics import CONNECT_TIME, HOST_WAIT, VPN_ADDED
from meshbench.benchmarks.tools.reboot_stages import Event, OnLink, Stages
from meshbench.results.metrics import Metric
from meshbench.results.records import Status

HEADLINES = (CONNECT_TIME, VPN_ADDED, m.STABLE)
_NOT_CHOSEN = "neither of the pair's hosts was to be rebooted (option hosts)"


def of_hosts(events: Sequence[Event], links: Sequence[OnLink]) -> Iterator[Observation]:
    """Each stage of each reboot of a host, as a stream of its number, and their medians."""
    values: dict[tuple[str, Metric], list[float]] = {}
    for event in events:
        stages = [reboot for link in links for reboot in link.stages if reboot.event == event]
        for metric, value in _of_host(event, stages):
            values.setdefault((event.host, metric), []).append(value)
            yield Observation(metric, value, event.host, stream=event.number)
    for (host, metric), those in values.items():
        yield Observation(metric, statistics.median(those), host)


def _of_host(event: Event, stages: Sequence[Stages]) -> Iterator[tuple[Metric, float]]:
    boot = event.boot
    if stages:
        yield m.GONE, max(0.0, max(reboot.gone_s for reboot in stages) - event.asked_s)
    yield m.STARTED, max(0.0, boot.started_s - event.asked_s)
    if back := [reboot.underlay_s for reboot in stages if reboot.underlay_s is not None]:
        yield m.UNDERLAY, min(back) - event.asked_s
    if boot.active_s is not None:
        yield m.UNIT, max(0.0, boot.active_s - event.asked_s)
    yield m.CLOCK_ERROR, boot.error_s


def of_link(link: OnLink) -> Iterator[Observation]:
    """Each reboot's values, and over all reboots of either end their medians where none is missing.

    A reboot is a stream of its number, and its mode says which end of the pair it was.
    """
    if link.watched:
        yield Observation(m.REBOOTS, link.watched, link.pair, settled=True)
    yield from _silences(link)
    for reboot in link.stages:
        yield from _of_reboot(reboot)
    if link.skipped:
        return
    if link.stages:
        yield from _medians(link)
    elif link.silences:
        for metric in HEADLINES:
            yield Observation(
                metric, None, link.pair, status=Status.UNSUPPORTED, reason=_NOT_CHOSEN
            )


def _silences(link: OnLink) -> Iterator[Observation]:
    for number, silence_s in enumerate(link.silences.values()):
        yield Observation(m.OTHERS_OUTAGE, silence_s, link.pair, stream=number, settled=True)
    if link.silences:
        longest_s = max(link.silences.values())
        yield Observation(m.OTHERS_OUTAGE, longest_s, link.pair, settled=True)


def _of_reboot(reboot: Stages) -> Iterator[Observation]:
    pair, end, number = reboot.pair, reboot.end, reboot.event.number
    for metric, value in _of_pair(reboot).items():
        yield Observation(metric, value, pair, mode=end, stream=number, settled=True)
    if reboot.trouble:
        yield Observation(
            m.STABLE,
            None,
            pair,
            mode=end,
            stream=number,
            status=Status.TIMEOUT,
            reason=reboot.trouble,
        )


def _medians(link: OnLink) -> Iterator[Observation]:
    values: dict[Metric, list[float]] = {}
    for reboot in link.stages:
        for metric, value in _of_pair(reboot).items():
            values.setdefault(metric, []).append(value)
    # Requests to the host are lost only where it is the pair's target.
    needed = {m.LOST: sum(reboot.end == "target" for reboot in link.stages)}
    for metric, those in values.items():
        if len(those) == needed.get(metric, len(link.stages)):
            yield Observation(metric, statistics.median(those), link.pair)


def _of_pair(reboot: Stages) -> Mapping[Metric, float]:
    event, values = reboot.event, {}
    if reboot.underlay_s is not None:
        values[HOST_WAIT] = max(0.0, reboot.underlay_s - event.boot.started_s)
    if reboot.underlay_s is not None and reboot.first_s is not None:
        values[CONNECT_TIME] = max(0.0, reboot.first_s - event.boot.started_s)
        values[VPN_ADDED] = max(0.0, reboot.first_s - reboot.underlay_s)
        values[m.FIRST] = reboot.first_s - event.asked_s
        if event.boot.active_s is not None:
            values[m.AFTER_UNIT] = max(0.0, reboot.first_s - event.boot.active_s)
    if reboot.stable_s is not None:
        values[m.STABLE] = reboot.stable_s - event.asked_s
        if reboot.lost is not None:
            values[m.LOST] = reboot.lost
    return values
