"""Impairment by the kernel's netem: at the lab's switch ports, or on hosts of the user's own."""

import asyncio
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from meshbench.config.models import Profile
from meshbench.impairment.engine import Plan
from meshbench.results.records import Command
from meshbench.testbed import local
from meshbench.testbed.host import STATE, File, Host
from meshbench.testbed.lab.layout import HostLayout, Layout

IFB = "mbifb0"
_SCRIPT = STATE / "impairment" / "clear"
_DEAD_MAN = "meshbench-deadman"
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
        *percent("duplicate", profile.duplicate_percent),
        *percent("reorder", profile.reorder_percent, profile.reorder_correlation_percent),
        *(["seed", str(seed)] if seed is not None else []),
    ]  # fmt: skip


def root_qdisc(device: str, netem: Words, rate_bps: int | None) -> list[Words]:
    """The root qdisc of a device: netem, with the rate below it: a rate inside netem would undo the
    reordering that its jitter makes.
    """
    root = ["tc", "qdisc", "replace", "dev", device, "root", "handle", "1:", "netem", *netem]
    if rate_bps is None:
        return [root]
    shaper = ["tbf", "rate", f"{rate_bps}bit", "burst", "128kb", "latency", "20ms"]
    return [
        root,
        ["tc", "qdisc", "replace", "dev", device, "parent", "1:1", "handle", "10:", *shaper],
    ]


def ingress_commands(device: str, netem: Words, ssh_port: int) -> list[Words]:
    """Everything a device receives goes through an ifb with netem, except the control traffic."""
    qdisc = ["tc", "filter", "add", "dev", device, "ingress"]
    control = [
        [*qdisc, "prio", str(prio), "protocol", "ip", "u32", "match", "ip", "protocol", "6", "0xff",
         "match", "ip", side, str(ssh_port), "0xffff", "action", "pass"]
        for prio, side in ((1, "dport"), (2, "sport"))
    ]  # fmt: skip
    return [
        ["ip", "link", "add", IFB, "type", "ifb"],
        ["ip", "link", "set", IFB, "up"],
        ["tc", "qdisc", "add", "dev", device, "clsact"],
        *control,
        [*qdisc, "prio", "3", "matchall", "action", "mirred", "egress", "redirect", "dev", IFB],
        *root_qdisc(IFB, netem, None),
        ["ethtool", "-K", device, "gro", "off", "lro", "off"],
    ]


def egress_commands(device: str, netem: Words, ssh_port: int) -> list[Words]:
    """What a device sends goes through netem, except the control traffic."""
    filters = [
        ["tc", "filter", "add", "dev", device, "parent", "1:", "prio", str(prio), "protocol", "ip",
         "u32", "match", "ip", "protocol", "6", "0xff", "match", "ip", side, str(ssh_port), "0xffff",
         "flowid", "1:1"]
        for prio, side in ((1, "sport"), (2, "dport"))
    ]  # fmt: skip
    bands = ["prio", "bands", "2", "priomap", *["1"] * 16]
    return [
        ["tc", "qdisc", "replace", "dev", device, "root", "handle", "1:", *bands],
        ["tc", "qdisc", "add", "dev", device, "parent", "1:2", "handle", "2:", "netem", *netem],
        *filters,
    ]


def clear_commands(device: str) -> list[Words]:
    """Take away what the other functions made; each may fail because it is not there."""
    return [
        ["tc", "qdisc", "del", "dev", device, "clsact"],
        ["tc", "qdisc", "del", "dev", device, "root"],
        ["ip", "link", "del", IFB],
    ]


def parameters(options: Mapping[str, Any], limit: int) -> dict[str, float]:
    """What netem reads back (``tc -j qdisc show``; seconds and shares) under the keys of a profile."""
    delay, loss = options.get("delay", {}), options.get("loss-random", {})
    reorder, duplicate = options.get("reorder", {}), options.get("duplicate", {})
    return {
        "delay_ms": 1000 * delay.get("delay", 0),
        "jitter_ms": 1000 * delay.get("jitter", 0),
        "loss_percent": 100 * loss.get("loss", 0),
        "loss_correlation_percent": 100 * loss.get("correlation", 0),
        "reorder_percent": 100 * reorder.get("reorder", 0),
        "reorder_correlation_percent": 100 * reorder.get("correlation", 0),
        "duplicate_percent": 100 * duplicate.get("duplicate", 0),
        "limit": limit,
    }


def reading(text: str) -> dict[str, Any]:
    """What ``tc -j -s qdisc show dev …`` says of netem; empty where there is none.

    `seed` is null where the kernel (before Linux 6.7) or tc (before iproute2 6.6) cannot seed it.
    """
    qdiscs = json.loads(text or "[]")
    found = next((qdisc for qdisc in qdiscs if qdisc["kind"] == "netem"), None)
    if found is None:
        return {}
    options = found["options"]
    full = tail_drops(found, qdiscs)
    dropped = _dropped(found, qdiscs)
    return {
        "parameters": parameters(options, options["limit"]),
        "seed": options.get("seed"),
        "offered": found.get("packets", 0) + dropped,
        "lost": dropped - full,
        "tail_drops": full,
        "qdiscs": qdiscs,
    }


def tail_drops(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> int:
    """Packets for which netem had no room: at least so many.

    netem has one counter for its losses on purpose, a full queue and what the shaper below it
    drops (sch_netem.c); what is more than the shaper's own drops and chance was a full queue.
    """
    own = _dropped(netem, qdiscs)
    loss = netem["options"].get("loss-random", {})
    share: float = loss.get("loss", 0)
    correlation: float = min(loss.get("correlation", 0), 0.99)
    offered: int = netem.get("packets", 0) + own
    variance = offered * share * (1 - share) * (1 + correlation) / (1 - correlation)
    return max(0, math.floor(own - offered * share - _CHANCE * math.sqrt(variance)))


def _dropped(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> int:
    """What netem itself dropped, on purpose or for want of room, without the shaper's own drops."""
    below = sum(
        qdisc.get("drops", 0) for qdisc in qdiscs if qdisc.get("parent") == f"{netem['handle']}1"
    )
    own: int = netem.get("drops", 0) - below
    return own


class LabNetem:
    """netem at the switch's port of each host (ingress), or on the host itself (egress)."""

    name = "netem"

    def __init__(self, layout: Layout, hosts: Sequence[Host], rate_bps: int | None) -> None:
        self._layout = layout
        self._hosts = {host.name: host for host in hosts}
        self._rate_bps = rate_bps

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        await self.clear()
        made = await asyncio.gather(*(self._apply(host, plan) for host in self._layout.hosts))
        return dict(zip((host.name for host in self._layout.hosts), made, strict=True))

    async def _apply(self, host: HostLayout, plan: Plan) -> list[list[str]]:
        run = partial(self._run, host, plan.placement)
        seed = plan.seeds[host.name] if "seed" in await run(_USAGE, check=False) else None
        words = netem_words(plan.profile, plan.limit, seed)
        device = host.data_port if plan.placement == "ingress" else "data0"
        commands = root_qdisc(device, words, self._rate_bps)
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
        return {h.name: found for h, found in zip(self._layout.hosts, said, strict=True) if found}

    async def _read(self, host: HostLayout) -> dict[str, Any]:
        show = ["tc", "-j", "-s", "qdisc", "show", "dev"]
        port, own = await asyncio.gather(
            self._wire([*show, host.data_port]), self._hosts[host.name].run([*show, "data0"])
        )
        return reading(port) or reading(own.stdout)

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

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        await self.clear()
        if not plan.profile.impairs:
            return {}
        made = await asyncio.gather(*(self._apply(host, plan, lifetime_s) for host in self._hosts))
        return dict(zip((host.name for host in self._hosts), made, strict=True))

    async def _apply(self, host: Host, plan: Plan, lifetime_s: float) -> list[list[str]]:
        await self._arm(host, lifetime_s)
        usage = await host.run(_USAGE, check=False)
        seed = plan.seeds[host.name] if "seed" in usage.stdout + usage.stderr else None
        words = netem_words(plan.profile, plan.limit, seed)
        make = ingress_commands if plan.placement == "ingress" else egress_commands
        commands = make(host.address.data_interface, words, host.address.port)
        for argv in commands:
            optional = argv[0] == "ethtool"
            await host.run(argv, check=not optional)
        return commands

    async def _arm(self, host: Host, lifetime_s: float) -> None:
        lines = (shlex.join(argv) for argv in clear_commands(host.address.data_interface))
        script = "#!/bin/sh\n" + "".join(f"{line}\n" for line in lines)
        await host.upload([File(_SCRIPT, script.encode(), 0o755)])
        await host.stop(f"{_DEAD_MAN}.timer", f"{_DEAD_MAN}.service")
        await host.run([
            "systemd-run", "--quiet", "--collect", f"--unit={_DEAD_MAN}",
            f"--on-active={math.ceil(lifetime_s)}", "--timer-property=AccuracySec=1s", str(_SCRIPT),
        ])  # fmt: skip

    async def read(self) -> dict[str, dict[str, Any]]:
        said = await asyncio.gather(*(self._read(host) for host in self._hosts))
        return {h.name: found for h, found in zip(self._hosts, said, strict=True) if found}

    async def _read(self, host: Host) -> dict[str, Any]:
        for device in (IFB, host.address.data_interface):
            said: Command = await host.run(
                ["tc", "-j", "-s", "qdisc", "show", "dev", device], check=False
            )
            if said.returncode == 0 and (found := reading(said.stdout)):
                return found
        return {}

    async def clear(self) -> None:
        await asyncio.gather(*(self._clear(host) for host in self._hosts))

    async def _clear(self, host: Host) -> None:
        # The timer is armed before anything is made, so it also tells of what was made by half.
        armed = await host.run(["systemctl", "is-active", f"{_DEAD_MAN}.timer"], check=False)
        if armed.returncode != 0 and not await self._read(host):
            return
        await host.stop(f"{_DEAD_MAN}.timer", f"{_DEAD_MAN}.service")
        for argv in clear_commands(host.address.data_interface):
            await host.run(argv, check=False)


async def host_has_netem(host: Host) -> bool:
    """Whether a host's kernel has netem, tried on a device made for it."""
    await host.run(["ip", "link", "add", "mbprobe", "type", "dummy"], check=False)
    tried = await host.run(["tc", "qdisc", "add", "dev", "mbprobe", "root", "netem"], check=False)
    await host.run(["ip", "link", "del", "mbprobe"], check=False)
    return tried.returncode == 0


async def lab_has_netem(layout: Layout) -> bool:
    """Whether this machine's kernel has netem, tried in the lab's wire namespace."""
    enter = ("ip", "netns", "exec", layout.wire)
    await local.run(*enter, "ip", "link", "add", "mbprobe", "type", "dummy", check=False)
    code, _ = await local.run(
        *enter, "tc", "qdisc", "add", "dev", "mbprobe", "root", "netem", check=False
    )
    await local.run(*enter, "ip", "link", "del", "mbprobe", check=False)
    return code == 0
