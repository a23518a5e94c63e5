"""Under which circumstances a link was measured, from the evidence in its record (pure)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from meshbench.results.records import LinkRecord, Record

CONGESTION = "net.ipv4.tcp_congestion_control"
VERSIONS = "versions"
"""The role of a command whose every line is the version of a program that measured."""
_LIBRARIES = re.compile(r" \([^)]*\)")
_PER_QUEUE = {"mq", "mqprio"}


def of(record: Record, link: LinkRecord) -> dict[str, str | None]:
    """A link's columns: of both its hosts, joined where they differ; null where not recorded."""
    ends = [_state(record, host) for host in (link.source, link.target)]
    default = [(end.get("sysctls") or {}).get(CONGESTION) for end in ends]
    path = link.path_after or link.path_before
    interface = path.interface if path else None
    return {
        "kernel": _joined(" ".join(str(end.get("kernel") or "").split()[:2]) for end in ends),
        "cpu_model": _joined(end.get("cpu_model") for end in ends),
        "congestion_control": _joined(_chosen(link) or default),
        "qdisc": _joined(_qdisc(end, interface) for end in ends),
        "tool": _joined(_tools(ends[0], link) or _asked(record, link)),
    }


def _state(record: Record, host: str) -> Mapping[str, Any]:
    return record.testbed.after.get(host) or record.testbed.before.get(host) or {}


def _joined(values: Iterable[str | None]) -> str | None:
    """Each value once."""
    return ", ".join(dict.fromkeys(value for value in values if value)) or None


def _qdisc(state: Mapping[str, Any], interface: str | None) -> str | None:
    """How the interface queues what TCP sends, with the qdiscs below one that only shares out."""
    mine = [qdisc for qdisc in state.get("qdiscs") or [] if qdisc.get("dev") == interface]
    root = next((qdisc["kind"] for qdisc in mine if qdisc.get("root")), None)
    if root in _PER_QUEUE:
        below = _joined(qdisc["kind"] for qdisc in mine if not qdisc.get("root"))
        return f"{root} of {below}"
    return root


def _chosen(link: LinkRecord) -> list[str]:
    """The congestion controls that iperf3 was told to use, on both hosts (iperf3(1): -C)."""
    words = [command.argv for command in link.commands if "iperf3" in command.argv]
    return [argv[argv.index("-C") + 1] for argv in words if "-C" in argv]


def _tools(state: Mapping[str, Any], link: LinkRecord) -> list[str]:
    """The versions of the programs that measured, as they say them, without their libraries'."""
    by_program: Mapping[str, str] = state.get("tools") or {}
    ran = (next((word for word in c.argv if word in by_program), "") for c in link.commands)
    asked = [line for c in link.in_role(VERSIONS) for line in c.stdout.splitlines()]
    lines = [*(by_program[program] for program in ran if program), *asked]
    return [" ".join(_LIBRARIES.sub("", line).split()) for line in lines]


def _asked(record: Record, link: LinkRecord) -> list[str]:
    """The versions that were asked for before the cell."""
    return [f"{name} {version}" for name, version in record.tools.get(link.source, {}).items()]
