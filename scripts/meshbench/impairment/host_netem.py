"""Impairment by the kernel's netem on hosts of the user's own, which clear themselves."""

import asyncio
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from meshbench.config.profile import Profile
from meshbench.impairment.engine import Plan
from meshbench.impairment.qdiscs import (
    BRANCH,
    MOST_BRANCHES,
    NOTHING,
    QUEUE,
    SHAPER,
    USAGE,
    Piece,
    Words,
    alone,
    emulator_names,
    netem_words,
    pieces,
    tree,
)
from meshbench.impairment.tc_output import readings
from meshbench.results.records import Command
from meshbench.testbed.host import RUN, File, Host
from meshbench.util.errors import TestbedError

IFB = "mbifb0"
ROOT, CHILD = "4d42:", "4d43:"
"""Handles of our own ("MB"): the kernel deletes a qdisc by its handle only if it has that one."""
_FIRST_PREFERENCE = 0x4D42
_FILTERS = 3
SCRIPT = RUN / "impairment" / "clear"
"""Takes away what was made on a host; there, like everything made, only until the next boot."""
CLSACT_MADE = RUN / "impairment" / "clsact"
"""A clsact cannot have a handle of its own: this file says that it is ours."""
_DEAD_MAN = "meshbench-deadman"
_OFFLOADS = {"generic-receive-offload": "gro", "large-receive-offload": "lro"}


class HostNetem:
    """netem on hosts of the user's own; they clear themselves if the controller disappears."""

    name = "netem"

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._hosts = list(hosts)
        self._names: dict[str, list[str]] = {}

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        await self.clear()
        self._names = emulator_names(plan, [host.name for host in self._hosts])
        if not plan.profile.impairs:
            return {}
        await refuse_foreign(self._hosts)
        commands = await asyncio.gather(
            *(self._apply(host, plan, lifetime_s) for host in self._hosts)
        )
        return dict(zip((host.name for host in self._hosts), commands, strict=True))

    async def _apply(self, host: Host, plan: Plan, lifetime_s: float) -> list[list[str]]:
        device = host.address.data_interface
        ports, usage, settings = await asyncio.gather(
            ssh_ports(host),
            host.run(USAGE, check=False),
            host.run(["ethtool", "-k", device], check=plan.placement == "ingress"),
        )
        addresses = {each.name: each.address.data_address for each in self._hosts}
        seeded = "seed" in usage.stdout + usage.stderr
        offloads = switched_on(settings.stdout)
        await self._arm(host, offloads, lifetime_s)
        make = ingress_commands if plan.placement == "ingress" else egress_commands
        parts = pieces(host.name, plan, addresses, seeded=seeded)
        commands = make(device, parts, ports, offloads)
        for argv in commands:
            await host.run(argv)
            if argv[-1] == "clsact":
                await host.run(["touch", str(CLSACT_MADE)])
        return commands

    async def _arm(self, host: Host, offloads: Sequence[str], lifetime_s: float) -> None:
        script = clear_script(host.address.data_interface, offloads)
        await host.upload([File(SCRIPT, script.encode(), 0o755)])
        await host.stop(f"{_DEAD_MAN}.timer", f"{_DEAD_MAN}.service")
        await host.run([
            "systemd-run", "--quiet", "--collect", f"--unit={_DEAD_MAN}",
            f"--on-active={math.ceil(lifetime_s)}", "--timer-property=AccuracySec=1s",
            "sh", str(SCRIPT),
        ])  # fmt: skip

    async def read(self) -> dict[str, dict[str, Any]]:
        per_host = await asyncio.gather(*(self._read(host) for host in self._hosts))
        return {name: reading for readings_ in per_host for name, reading in readings_.items()}

    async def _read(self, host: Host) -> dict[str, dict[str, Any]]:
        names = self._names.get(host.name, [host.name])
        for device in (IFB, host.address.data_interface):
            command: Command = await host.run(
                ["tc", "-j", "-s", "qdisc", "show", "dev", device], check=False
            )
            if command.returncode == 0 and (by_emulator := readings(command.stdout, names)):
                return by_emulator
        return {}

    async def clear(self) -> None:
        # The script is there before anything is made, so it also knows what was made by half.
        script = ["sh", "-c", '[ ! -e "$1" ] || exec sh "$1"', "sh", str(SCRIPT)]
        await asyncio.gather(*(host.run(script) for host in self._hosts))


def ingress_commands(
    device: str, pieces: Sequence[Piece], ssh_ports: Sequence[int], offloads: Sequence[str] = ()
) -> list[Words]:
    """Everything a device receives goes through an ifb with netem, except the control traffic.

    `offloads` are those that would join packets before they get there.
    """
    qdisc = ["tc", "filter", "add", "dev", device, "ingress"]
    everything = ["protocol", "all", "u32", "match", "u32", "0", "0"]
    last = ["pref", str(_FIRST_PREFERENCE + _FILTERS - 1)]
    return [
        ["ip", "link", "add", IFB, "type", "ifb"],
        ["ip", "link", "set", IFB, "up"],
        ["tc", "qdisc", "add", "dev", device, "clsact"],
        *_exempt(qdisc, ssh_ports, ("dport", "sport"), _FIRST_PREFERENCE),
        *tree(IFB, ["root"], ROOT, pieces),
        *([["ethtool", "-K", device, *_set(offloads, "off")]] if offloads else []),
        [*qdisc, *last, *everything, "action", "mirred", "egress", "redirect", "dev", IFB],
    ]


def egress_commands(
    device: str, pieces: Sequence[Piece], ssh_ports: Sequence[int], offloads: Sequence[str] = ()
) -> list[Words]:
    """What a device sends goes through netem, except the control traffic."""
    del offloads  # They join packets on arrival.
    qdisc = ["tc", "filter", "add", "dev", device, "parent", ROOT]
    bands = ["prio", "bands", "2", "priomap", *["1"] * 16]
    return [
        ["tc", "qdisc", "add", "dev", device, "root", "handle", ROOT, *bands],
        *_exempt(qdisc, ssh_ports, ("sport", "dport"), 1),
        *tree(device, ["parent", f"{ROOT}2"], CHILD, pieces),
    ]


def _exempt(qdisc: Words, ports: Sequence[int], sides: Sequence[str], first: int) -> list[Words]:
    """Filters that pass TCP of these ports, over IPv4 and IPv6 (u32's `flowid` needs no act_gact)."""
    return [
        [*qdisc, "pref", str(preference), "protocol", protocol, "u32",
         "match", family, "protocol", "6", "0xff", "match", family, side, str(port), "0xffff",
         "flowid", f"{ROOT}1"]
        for preference, (protocol, family) in enumerate((("ip", "ip"), ("ipv6", "ip6")), first)
        for port in ports
        for side in sides
    ]  # fmt: skip


def _set(offloads: Sequence[str], value: str) -> Words:
    return [word for offload in offloads for word in (offload, value)]


def clear_script(device: str, offloads: Sequence[str]) -> str:
    """A shell script that takes away what the other functions made, whatever of it is there.

    What others have put on the device meanwhile stays: their filters, and the clsact they are on.
    """
    preferences = range(_FIRST_PREFERENCE, _FIRST_PREFERENCE + _FILTERS)
    restore = f"ethtool -K {device} {' '.join(_set(offloads, 'on'))}" if offloads else ":"
    return f"""#!/bin/sh
# Takes away what meshbench made on {device} to impair it, and nothing else.
exec 2>/dev/null
systemctl --quiet stop {_DEAD_MAN}.timer
for preference in {" ".join(map(str, preferences))}; do
    [ -e {CLSACT_MADE} ] && tc filter del dev {device} ingress pref $preference
done
filters=$(tc filter show dev {device} ingress; tc filter show dev {device} egress)
[ -e {CLSACT_MADE} ] && [ -z "$filters" ] && tc qdisc del dev {device} clsact
tc qdisc del dev {device} root handle {ROOT}
ip link del {IFB}
{restore}
rm -f {CLSACT_MADE} {SCRIPT}
"""


def switched_on(text: str) -> list[str]:
    """Of what ``ethtool -k`` printed, the offloads that join received packets and can be changed."""
    settings = dict(line.strip().partition(": ")[::2] for line in text.splitlines())
    return [short for name, short in _OFFLOADS.items() if settings.get(name) == "on"]


async def ssh_ports(host: Host) -> list[int]:
    """The ports of sshd that must not be impaired: ours, and the one behind a port forwarding."""
    line = await host.run(["sh", "-c", 'echo "$SSH_CONNECTION"'])
    seen = [int(word) for word in line.stdout.split()[3:4] if word.isdecimal()]
    return sorted({host.address.port, *seen})


async def refuse_unable(hosts: Sequence[Host], placement: str, profile: Profile = NOTHING) -> None:
    """Raise TestbedError naming every host that cannot or must not be impaired, and why."""
    _raise(await asyncio.gather(*(host_refuses(host, placement, profile) for host in hosts)))
    await refuse_foreign(hosts)


async def refuse_foreign(hosts: Sequence[Host]) -> None:
    """Raise TestbedError when a host's data interface has a qdisc that somebody else made."""
    _raise(await asyncio.gather(*(_foreign(host) for host in hosts)))


def _raise(problems: Sequence[str]) -> None:
    if any(problems):
        raise TestbedError("\n".join(filter(None, problems)))


async def _foreign(host: Host) -> str:
    device = host.address.data_interface
    unknown_ifb = f"[ ! -e {SCRIPT} ] && ip link show dev {IFB}"
    show, clsact, ifb = await asyncio.gather(
        host.run(["tc", "-j", "qdisc", "show", "dev", device]),
        host.run(["test", "-e", str(CLSACT_MADE)], check=False),
        host.run(["sh", "-c", unknown_ifb], check=False),
    )
    there = foreign(json.loads(show.stdout or "[]"), clsact_is_ours=clsact.returncode == 0)
    problems = [f"{device} has {', '.join(there)}"] if there else []
    problems += [f"there is a device {IFB}"] if ifb.returncode == 0 else []
    if not problems:
        return ""
    return (
        f"{host.name}: {' and '.join(problems)}, which meshbench did not make and leaves as it is. "
        f"To impair there, take it away (see tc qdisc show dev {device}; tc filter show dev "
        f"{device} ingress) or name another data_interface; profiles that do not impair can be "
        "measured as it stands"
    )


def foreign(qdiscs: Sequence[Mapping[str, Any]], *, clsact_is_ours: bool = False) -> list[str]:
    """Of what ``tc -j qdisc show dev …`` printed, what is neither the kernel's default nor ours.

    The kernel's own have the handle 0; a clsact or ingress qdisc is always ffff: and made by
    somebody.
    """
    ours = {ROOT, CHILD, *(["ffff:"] if clsact_is_ours else [])} | {
        f"{first + number:x}:"
        for first in (BRANCH, SHAPER, QUEUE)
        for number in range(MOST_BRANCHES)
    }
    return [
        f"{qdisc['kind']} {qdisc['handle']}"
        for qdisc in qdiscs
        if qdisc["handle"] not in {"0:", *ours}
    ]


async def host_refuses(host: Host, placement: str, profile: Profile = NOTHING) -> str:
    """Why a host cannot be impaired: the first command that its kernel or tools refuse.

    Empty if it can. Everything is tried in a network namespace that ends with the trial.
    """
    make = ingress_commands if placement == "ingress" else egress_commands
    netem = netem_words(Profile(delay_ms=1, loss_percent=1), 1000, None)
    rated = next(
        (variant for variant in profile.variants if variant.rate_mbit is not None), NOTHING
    )
    commands = [
        ["tc", "qdisc", "add", "dev", "lo", "root", "netem", *netem],
        ["tc", "qdisc", "del", "dev", "lo", "root"],
        *make("lo", alone(netem, rated), [host.address.port]),
        *([["ethtool", "-k", "lo"]] if placement == "ingress" else []),
    ]
    script = "\n".join(
        f'{line} >/dev/null || {{ printf "%s\\n" {shlex.quote(line)}; exit 1; }}'
        for line in map(shlex.join, commands)
    )
    trial = await host.run(["unshare", "--net", "sh", "-c", script], check=False)
    if trial.returncode == 0:
        return ""
    refused = trial.stdout.strip() or "unshare --net"
    words = " ".join(trial.stderr.split()) or f"ended with {trial.returncode}"
    return (
        f"{host.name}: its kernel cannot impair (sch_netem, ifb, cls_u32, act_mirred and sch_prio "
        f"are needed; for a rate sch_tbf): {refused}: {words[:300]}; only profiles that do not impair can be measured "
        "there"
    )
