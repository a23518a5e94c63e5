"""What a host's kernel counts of IP and UDP, before and after a run."""

import re

COMMAND = ("cat", "/proc/net/snmp", "/proc/net/snmp6")
_PAIR = re.compile(r"^(\w{1,20}): ([A-Za-z].*)\n\1: (.*)$", re.MULTILINE | re.ASCII)
_SINGLE = re.compile(r"^(\w{1,60})\s+(\d{1,20})\s*$", re.MULTILINE | re.ASCII)


def read(text: str) -> dict[str, int]:
    """By name, e.g. ``IpFragCreates`` and ``Ip6FragCreates``."""
    counters = {name: int(value) for name, value in _SINGLE.findall(text)}
    for group, names, values in _PAIR.findall(text):
        for name, value in zip(names.split(), values.split(), strict=False):
            if value.isdigit():
                counters[f"{group}{name}"] = int(value)
    return counters


def grown(before: str, after: str, *names: str) -> int | None:
    """By how much these counters together grew; None where either does not have them."""
    first, last = read(before), read(after)
    shared = [name for name in names if name in first and name in last]
    return max(0, sum(last[name] - first[name] for name in shared)) if shared else None
