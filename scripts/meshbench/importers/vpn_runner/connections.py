"""connection_timings.json and reboot_connection_timings.json: when each peer answered.

A host asks the first-phase names of its peers (``v4.*``: public addresses, or ``vpn.*``: through the
VPN, depending on the runner's version) and only when all of them answered asks through the VPN. So
the time the VPN itself adds is known only where the first phase avoided it; clocks start when the
check starts on the asking host, not at power-on (reference-runner.md section 5.8).
"""

from collections.abc import Iterator
from typing import Any

from meshbench.benchmarks.tools import connect_metrics as connect
from meshbench.importers.vpn_runner.outcome import LinkOutcome
from meshbench.importers.vpn_runner.reading import (
    UnreadableError,
    duration_s,
    from_iso,
    keys,
    mapping,
    number,
    text,
)
from meshbench.importers.vpn_runner.values import Value
from meshbench.results import imported_metrics as m
from meshbench.results.records import Status

_VPN_PREFIX = "vpn."
MARK_THROUGH_VPN = "first phase asked through the VPN"


def read(document: Any, host: str) -> Iterator[LinkOutcome]:
    """One link per peer asked. Raises UnreadableError when no peer was asked."""
    asked = {peer: result for peer, _, result in _results(document, "vpn")}
    first = {
        peer: (duration_s(text(result, "time_took")), name.startswith(_VPN_PREFIX))
        for peer, name, result in _results(document, "public")
    }
    peers = sorted({*asked, *first})
    if not peers:
        raise UnreadableError("no peer in vpn_results or public_results")
    boots = [wait for wait, through_vpn in first.values() if wait is not None and not through_vpn]
    complete = len(boots) == len(peers)
    for peer in peers:
        link = LinkOutcome(host, peer.lower(), started=from_iso(text(document, "started")))
        _fill(
            link,
            asked.get(peer),
            first.get(peer),
            max(boots) if complete else None,
        )
        yield link


def _results(document: Any, phase: str) -> Iterator[tuple[str, str, Any]]:
    """Peer, name and result of each request; earlier versions asked addresses, listed with their hosts."""
    hosts = mapping(document, f"{phase}_ips")
    for name, result in keys(mapping(document, f"{phase}_results")):
        _, _, host = name.partition(".")
        if peer := text(hosts, name) or (host if host[:1].isalpha() else ""):
            yield peer, name, result


def _fill(
    link: LinkOutcome, result: Any, first: tuple[float | None, bool] | None, slowest_s: float | None
) -> None:
    took = duration_s(text(result, "time_took"))
    if text(result, "status") != "success" or took is None:
        link.status = Status.FAILED
        link.reason = "the peer never answered through the VPN"
        took = None
    link.values.append(Value(connect.CONNECT_TIME, took))
    if (polls := number(result, "attempt")) is not None:
        link.values.append(Value(m.CONNECT_POLLS, polls))
    if first is not None:
        wait, through_vpn = first
        link.values.append(Value(m.FIRST_PHASE_WAIT if through_vpn else connect.HOST_WAIT, wait))
        if through_vpn:
            link.marks.append(MARK_THROUGH_VPN)
    if took is not None and slowest_s is not None:
        link.values.append(Value(connect.VPN_ADDED, took - slowest_s))
