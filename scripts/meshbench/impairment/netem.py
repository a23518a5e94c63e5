"""Impairment by the kernel's netem: at the lab's switch ports, or on hosts of the user's own."""

import asyncio
import ipaddress
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from meshbench.config.profile import LEAST_QUEUE_BYTES, Emulator, Profile
from meshbench.impairment import physics
from meshbench.impairment.engine import Plan
from meshbench.results.records import Command
from meshbench.testbed import local
from meshbench.testbed.host import RUN, File, Host
from meshbench.testbed.lab.layout import HostLayout, Layout
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
LINE = 0x10
BRANCH, SHAPER, QUEUE = 0x4E42, 0x5242, 0x5142
"""First of the handles of the lab's line, and ("NB", "RB", "QB") of what several emulators of a device,
a profile's bottlenecks and their queues have."""
_MOST_BRANCHES = 16
NOTHING = Profile()
_KEEPS_ORDER = "100gbit"
"""With a rate netem lets no packet leave before the one in front of it (sch_netem.c, netem_enqueue:
the delay counts from the last packet's departure); this one adds 0.1 us for a full frame."""
_USAGE = ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "help")
"""Prints what this tc's netem takes, and adds nothing."""
_CHANCE = 5.0
"""Standard deviations of a random loss that are still taken for chance."""
Words = list[str]


def netem_words(profile: Profile, limit: int, seed: int | None) -> Words:
    """The arguments of ``tc qdisc … netem`` for a profile (tc-netem(8)); `seed` where tc has it."""

    def percent(keyword: str, value: float, correlation: float = 0) -> Words:
        if not value:
            return []
        return [keyword, f"{value:g}%", *([f"{correlation:g}%"] if correlation else [])]

    delay = [
        f"{profile.delay_ms:g}ms",
        *([f"{profile.jitter_ms:g}ms"] if profile.jitter_ms else []),
    ]
    return [
        "limit", str(limit),
        *(["delay", *delay] if profile.delay_ms or profile.jitter_ms else []),
        *percent("loss", profile.loss_percent, profile.loss_correlation_percent),
        *_bursts(profile),
        *percent("duplicate", profile.duplicate_percent),
        *percent("reorder", profile.reorder_percent, profile.reorder_correlation_percent),
        *(["rate", _KEEPS_ORDER] if profile.jitter_keeps_order else []),
        *(["seed", str(seed)] if seed is not None else []),
    ]  # fmt: skip


def _bursts(profile: Profile) -> Words:
    if (model := profile.loss_model) is None:
        return []
    chances = (model.p_percent, model.r_percent, model.bad_loss_percent, model.good_loss_percent)
    return ["loss", "gemodel", *(f"{percent:g}%" for percent in chances)]


@dataclass(frozen=True)
class Piece:
    """One emulator on a device, and the packets it gets.

    Attributes:
        matches: u32's words for the packets that are its own; without, what no other gets.
    """

    words: Words
    profile: Profile = NOTHING
    matches: tuple[Words, ...] = ()


def alone(words: Words, profile: Profile = NOTHING) -> list[Piece]:
    """What a device has when all its packets meet the same."""
    return [Piece(words, profile)]


def tree(
    device: str,
    at: Words,
    handle: str,
    pieces: Sequence[Piece],
    rate_bps: int | None = None,
    verb: str = "add",
) -> list[Words]:
    """The qdiscs of a device at a place: netem, with the rate below it.

    A rate inside netem would undo the reordering that its jitter makes, and its queue would be the
    delay's too. Several emulators are the bands of a prio that filters by address.
    """
    make = ["tc", "qdisc", verb, "dev", device]
    if len(pieces) == 1:
        own = [*make, *at, "handle", handle, "netem", *pieces[0].words]
        return [own, *_below(make, handle, pieces[0].profile, rate_bps, 0)]
    made = [[*make, *at, "handle", handle, "prio", "bands", str(len(pieces)),
             "priomap", *["0"] * 16]]  # fmt: skip
    for number, piece in enumerate(pieces):
        branch, band = f"{BRANCH + number:x}:", f"{handle}{number + 1:x}"
        made += [[*make, "parent", band, "handle", branch, "netem", *piece.words]]
        made += _below(make, branch, piece.profile, rate_bps, number)
        made += [
            ["tc", "filter", "add", "dev", device, "parent", handle, "pref", str(number + 1),
             "protocol", match[1].replace("ip6", "ipv6"), "u32", *match, "flowid", band]
            for match in piece.matches
        ]  # fmt: skip
    return made


def _below(
    make: Words, above: str, profile: Profile, rate_bps: int | None, number: int
) -> list[Words]:
    """The profile's bottleneck below a netem, else the lab's own line."""
    if profile.rate_mbit is not None:
        return bottleneck(make, f"{above}1", profile, number)
    if rate_bps is None:
        return []
    shaper = ["tbf", "rate", f"{rate_bps}bit", "burst", "128kb", "latency", "20ms"]
    return [[*make, "parent", f"{above}1", "handle", f"{LINE + number:x}:", *shaper]]


def bottleneck(make: Words, parent: str, profile: Profile, number: int = 0) -> list[Words]:
    """A token bucket of hardly more than a frame, with the profile's queue (tail drop).

    The bucket holds two full frames, or what the rate carries in a millisecond: tc-tbf(8) wants at
    least what comes due between two ticks of the timer.
    """
    rate_bps = profile.rate_bps or 0
    shaper, queue = f"{SHAPER + number:x}:", f"{QUEUE + number:x}:"
    burst = str(max(2 * LEAST_QUEUE_BYTES, rate_bps // 8000))
    held = (
        ["pfifo", "limit", str(profile.queue_packets)]
        if profile.queue_packets
        else ["bfifo", "limit", str(profile.queue_bytes)]
    )
    # tbf wants a limit, which is that of the queue it makes itself; ours takes its place.
    tbf = ["tbf", "rate", f"{rate_bps}bit", "burst", burst, "limit", burst]
    return [
        [*make, "parent", parent, "handle", shaper, *tbf],
        [*make, "parent", f"{shaper}1", "handle", queue, *held],
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


def foreign(qdiscs: Sequence[Mapping[str, Any]], *, clsact_is_ours: bool = False) -> list[str]:
    """Of what ``tc -j qdisc show dev …`` printed, what is neither the kernel's default nor ours.

    The kernel's own have the handle 0; a clsact or ingress qdisc is always ffff: and made by
    somebody.
    """
    ours = {ROOT, CHILD, *(["ffff:"] if clsact_is_ours else [])} | {
        f"{first + number:x}:"
        for first in (BRANCH, SHAPER, QUEUE)
        for number in range(_MOST_BRANCHES)
    }
    return [
        f"{qdisc['kind']} {qdisc['handle']}"
        for qdisc in qdiscs
        if qdisc["handle"] not in {"0:", *ours}
    ]


def parameters(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What a netem and the bottleneck below it read back, under the keys of `engine.asked`.

    ``tc -j qdisc show`` has seconds, shares, and bytes per second.
    """
    options = netem["options"]
    delay, loss = options.get("delay", {}), options.get("loss-random", {})
    reorder, duplicate = options.get("reorder", {}), options.get("duplicate", {})
    model = options.get("loss-gemodel", {})
    shaper = _child(netem, qdiscs) if _has_bottleneck(netem, qdiscs) else {}
    queue = _child(shaper, qdiscs)
    held = queue.get("options", {}).get("limit", 0)
    return {
        "delay_ms": 1000 * delay.get("delay", 0),
        "jitter_ms": 1000 * delay.get("jitter", 0),
        "loss_percent": 100 * loss.get("loss", 0),
        "loss_correlation_percent": 100 * loss.get("correlation", 0),
        "reorder_percent": 100 * reorder.get("reorder", 0),
        "reorder_correlation_percent": 100 * reorder.get("correlation", 0),
        "duplicate_percent": 100 * duplicate.get("duplicate", 0),
        "limit": options["limit"],
        "jitter_keeps_order": int("rate" in options),
        "loss_p_percent": 100 * model.get("p", 0),
        "loss_r_percent": 100 * model.get("r", 0),
        "loss_bad_percent": 100 * model.get("1-h", 0),
        "loss_good_percent": 100 * model.get("1-k", 0),
        "rate_mbit": shaper.get("options", {}).get("rate", 0) * 8 / 1e6,
        "queue_bytes": held if queue.get("kind") == "bfifo" else 0,
        "queue_packets": held if queue.get("kind") == "pfifo" else 0,
    }


def _child(above: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    parent = f"{above.get('handle', '')}1"
    return next((qdisc for qdisc in qdiscs if qdisc.get("parent") == parent), {})


def _has_bottleneck(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what is below is a profile's, not the lab's own line."""
    handle = _child(netem, qdiscs).get("handle", "0:")
    return SHAPER <= int(handle.rstrip(":"), 16) < SHAPER + _MOST_BRANCHES


def readings(text: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What ``tc -j -s qdisc show dev …`` says of each netem, by emulator, in the order of `tree`.

    `seed` is null where the kernel (before Linux 6.7) or tc (before iproute2 6.6) cannot seed it.
    """
    qdiscs = json.loads(text or "[]")
    netems = sorted(
        (qdisc for qdisc in qdiscs if qdisc["kind"] == "netem"), key=lambda qdisc: qdisc["handle"]
    )
    # One more or less than planned is nobody's: verification misses it, or finds it active.
    named = [*names, *(f"{names[-1]}, {number}" for number in range(2, len(netems) + 1))]
    return {name: _reading(netem, qdiscs) for name, netem in zip(named, netems, strict=False)}


def reading(text: str) -> dict[str, Any]:
    """The same of a device's only netem; empty where there is none."""
    return readings(text, ["it"]).get("it", {})


def _reading(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    full = tail_drops(netem, qdiscs)
    dropped = _dropped(netem, qdiscs)
    below = _child(netem, qdiscs).get("drops", 0)
    return {
        "parameters": parameters(netem, qdiscs),
        "seed": netem["options"].get("seed"),
        "offered": netem.get("packets", 0) + dropped,
        "lost": dropped - full,
        "queue_drops": below if _has_bottleneck(netem, qdiscs) else 0,
        "tail_drops": full,
        "qdiscs": qdiscs,
    }


def tail_drops(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> int:
    """Packets for which netem had no room: at least so many.

    netem has one counter for its losses on purpose, a full queue and what the shaper below it
    drops (sch_netem.c); what is more than the shaper's own drops and chance was a full queue.
    """
    own = _dropped(netem, qdiscs)
    share, spread = _loss(netem["options"])
    offered: int = netem.get("packets", 0) + own
    variance = offered * share * (1 - share) * spread
    return max(0, math.floor(own - offered * share - _CHANCE * math.sqrt(variance)))


def _loss(options: Mapping[str, Any]) -> tuple[float, float]:
    """The share that is lost on purpose, and its variance over that of independent losses."""
    if model := options.get("loss-gemodel"):
        return physics.bursts(model["p"], model["r"], model["1-h"], model["1-k"])
    loss = options.get("loss-random", {})
    return loss.get("loss", 0.0), physics.correlated(loss.get("correlation", 0.0))


def _dropped(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> int:
    """What netem itself dropped, on purpose or for want of room, without the shaper's own drops."""
    own: int = netem.get("drops", 0) - _child(netem, qdiscs).get("drops", 0)
    return own


def emulator_names(plan: Plan, hosts: Sequence[str]) -> dict[str, list[str]]:
    """By host, the names of the emulators on it, in the order of `pieces`."""
    named: dict[str, list[str]] = {host: [] for host in hosts}
    for emulator in plan.emulators(hosts):
        named[emulator.host].append(emulator.name)
    return named


def pieces(host: str, plan: Plan, addresses: Mapping[str, str], *, seeded: bool) -> list[Piece]:
    """A host's emulators; `addresses` are those of the data network by host."""
    own = [one for one in plan.emulators(list(addresses)) if one.host == host]
    return [
        Piece(
            netem_words(one.profile, plan.limit, plan.seeds[one.name] if seeded else None),
            one.profile,
            _matches(one, plan.placement, addresses) if one.name != host else (),
        )
        for one in own
    ]


def _matches(emulator: Emulator, placement: str, addresses: Mapping[str, str]) -> tuple[Words, ...]:
    side = "src" if placement == "ingress" else "dst"
    ends = (ipaddress.ip_address(addresses[peer]) for peer in emulator.peers)
    return tuple(
        [
            "match",
            "ip6" if isinstance(end, ipaddress.IPv6Address) else "ip",
            side,
            f"{end}/{end.max_prefixlen}",
        ]
        for end in ends
    )


class LabNetem:
    """netem at the switch's port of each host (ingress), or on the host itself (egress)."""

    name = "netem"

    def __init__(self, layout: Layout, hosts: Sequence[Host], rate_bps: int | None) -> None:
        self._layout = layout
        self._hosts = {host.name: host for host in hosts}
        self._rate_bps = rate_bps
        self._names: dict[str, list[str]] = {}

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        await self.clear()
        self._names = emulator_names(plan, self._layout.host_names)
        made = await asyncio.gather(*(self._apply(host, plan) for host in self._layout.hosts))
        return dict(zip((host.name for host in self._layout.hosts), made, strict=True))

    async def _apply(self, host: HostLayout, plan: Plan) -> list[list[str]]:
        run = partial(self._run, host, plan.placement)
        seeded = "seed" in await run(_USAGE, check=False)
        addresses = {each.name: each.data_address for each in self._layout.hosts}
        device = host.data_port if plan.placement == "ingress" else "data0"
        parts = pieces(host.name, plan, addresses, seeded=seeded)
        commands = tree(device, ["root"], "1:", parts, self._rate_bps, verb="replace")
        for argv in commands:
            await run(argv)
        return commands

    async def _run(
        self, host: HostLayout, placement: str, argv: Sequence[str], *, check: bool = True
    ) -> str:
        """Run a program where the qdisc is: at the switch, or on the host; what it said."""
        if placement == "ingress":
            return await self._wire(argv, check=check)
        done = await self._hosts[host.name].run(argv, check=check)
        return done.stdout + done.stderr

    async def read(self) -> dict[str, dict[str, Any]]:
        said = await asyncio.gather(*(self._read(host) for host in self._layout.hosts))
        return {name: found for readings_ in said for name, found in readings_.items()}

    async def _read(self, host: HostLayout) -> dict[str, dict[str, Any]]:
        show = ["tc", "-j", "-s", "qdisc", "show", "dev"]
        port, own = await asyncio.gather(
            self._wire([*show, host.data_port]), self._hosts[host.name].run([*show, "data0"])
        )
        names = self._names.get(host.name, [host.name])
        return readings(port, names) or readings(own.stdout, names)

    async def clear(self) -> None:
        await asyncio.gather(*(self._restore(host) for host in self._layout.hosts))

    async def _restore(self, host: HostLayout) -> None:
        for device in (host.data_port, "data0"):
            words = ["tc", "qdisc", "del", "dev", device, "root"]
            if self._rate_bps is not None:
                shaper = [
                    "tbf",
                    "rate",
                    f"{self._rate_bps}bit",
                    "burst",
                    "128kb",
                    "latency",
                    "20ms",
                ]
                words = ["tc", "qdisc", "replace", "dev", device, "root", *shaper]
            if device == "data0":
                await self._hosts[host.name].run(words, check=False)
            else:
                await self._wire(words, check=False)

    async def _wire(self, argv: Sequence[str], *, check: bool = True) -> str:
        _, text = await local.run("ip", "netns", "exec", self._layout.wire, *argv, check=check)
        return text


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
        made = await asyncio.gather(*(self._apply(host, plan, lifetime_s) for host in self._hosts))
        return dict(zip((host.name for host in self._hosts), made, strict=True))

    async def _apply(self, host: Host, plan: Plan, lifetime_s: float) -> list[list[str]]:
        device = host.address.data_interface
        ports, usage, settings = await asyncio.gather(
            ssh_ports(host),
            host.run(_USAGE, check=False),
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
        said = await asyncio.gather(*(self._read(host) for host in self._hosts))
        return {name: found for readings_ in said for name, found in readings_.items()}

    async def _read(self, host: Host) -> dict[str, dict[str, Any]]:
        names = self._names.get(host.name, [host.name])
        for device in (IFB, host.address.data_interface):
            said: Command = await host.run(
                ["tc", "-j", "-s", "qdisc", "show", "dev", device], check=False
            )
            if said.returncode == 0 and (found := readings(said.stdout, names)):
                return found
        return {}

    async def clear(self) -> None:
        # The script is there before anything is made, so it also knows what was made by half.
        script = ["sh", "-c", '[ ! -e "$1" ] || exec sh "$1"', "sh", str(SCRIPT)]
        await asyncio.gather(*(host.run(script) for host in self._hosts))


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
    show, made, ifb = await asyncio.gather(
        host.run(["tc", "-j", "qdisc", "show", "dev", device]),
        host.run(["test", "-e", str(CLSACT_MADE)], check=False),
        host.run(["sh", "-c", unknown_ifb], check=False),
    )
    there = foreign(json.loads(show.stdout or "[]"), clsact_is_ours=made.returncode == 0)
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


async def host_refuses(host: Host, placement: str, profile: Profile = NOTHING) -> str:
    """Why a host cannot be impaired: the first command that its kernel or tools refuse.

    Empty if it can. Everything is tried in a network namespace that ends with the trial.
    """
    make = ingress_commands if placement == "ingress" else egress_commands
    netem = netem_words(Profile(delay_ms=1, loss_percent=1), 1000, None)
    rated = next((one for one in profile.variants if one.rate_mbit is not None), NOTHING)
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
