"""Impairment in the lab by our own link emulator, for kernels without sch_netem."""

import asyncio
import hashlib
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshbench.config.models import Profile
from meshbench.impairment.engine import Plan
from meshbench.testbed import local
from meshbench.testbed.lab import cgroups
from meshbench.testbed.lab.lab import end, spawn
from meshbench.testbed.lab.layout import HostLayout, Layout
from meshbench.util.errors import TestbedError
from meshbench.util.files import cache
from meshbench.util.waiting import persist

SOURCE = Path(__file__).parents[3] / "tools" / "linkem"
_START_LIMIT_S = 5.0


async def build() -> Path:
    """The program, compiled once per state of its sources. Raises TestbedError."""
    digest = hashlib.sha256()
    for file in sorted([SOURCE / "Makefile", *SOURCE.glob("src/*.[ch]")]):
        digest.update(file.read_bytes())
    folder = cache() / "linkem" / digest.hexdigest()[:16]
    program = folder / "linkem"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        await local.run(
            "make", "-s", "-C", str(SOURCE), f"BUILD={folder}", str(program), limit_s=300
        )
    return program


class Linkem:
    """One emulator per host uplink in the lab's wire namespace.

    While one is active the hosts' ports are not in the kernel's bridge: each frame crosses
    exactly one emulator, the receiver's (ingress) or the sender's (egress).
    """

    name = "linkem"

    def __init__(self, layout: Layout, rate_bps: int | None) -> None:
        self._layout = layout
        self._rate_bps = rate_bps

    def _group(self, host: HostLayout) -> str:
        return f"{self._layout.id}-linkem-{host.name}"

    def _control(self, host: HostLayout) -> Path:
        return self._layout.folder / f"linkem-{host.name}"

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        program = str(await build())
        hosts = self._layout.hosts
        ways = {host.name: way(self._layout, host, plan.placement, lifetime_s) for host in hosts}
        changes = {host.name: change(host, plan, self._rate_bps) for host in hosts}
        told = {h.name: [["linkem", *ways[h.name], *changes[h.name]]] for h in hosts}
        if not await self._bridged() and all(self._runs(host, ways[host.name]) for host in hosts):
            await asyncio.gather(*(self._change(host, changes[host.name]) for host in hosts))
            return told
        await self._end()
        for host in hosts:
            await self._wire("ip", "link", "set", host.data_port, "nomaster")
        for host in hosts:
            argv = [
                program,
                *ways[host.name],
                *changes[host.name],
                "--control",
                str(self._control(host)),
            ]
            await spawn(self._group(host), argv, self._layout.folder / f"{host.name}-linkem.log")
            self._way(host).write_text(shlex.join(ways[host.name]))
        await asyncio.gather(*(self._started(host) for host in hosts))
        return told

    def _way(self, host: HostLayout) -> Path:
        return self._layout.folder / f"linkem-{host.name}.way"

    def _runs(self, host: HostLayout, words: list[str]) -> bool:
        """Whether the host's emulator is running between these ports."""
        alive = bool(cgroups.processes(self._group(host)))
        return (
            alive and self._way(host).exists() and self._way(host).read_text() == shlex.join(words)
        )

    async def _change(self, host: HostLayout, words: list[str]) -> None:
        """Other impairment in a running emulator, from a fresh seed and with counters at zero."""
        await self._ask(host, "--send", shlex.join(["set", *words]))
        await self._ask(host, "--send", "reset")

    async def _bridged(self) -> set[str]:
        """The ports that are in the kernel's bridge; a host that has rebooted puts a new one there."""
        show = ("ip", "-n", self._layout.wire, "-j", "link", "show", "master", "lan")
        _, text = await local.run(*show)
        return {link["ifname"] for link in json.loads(text or "[]")}

    async def read(self) -> dict[str, dict[str, Any]]:
        bridged = await self._bridged()
        hosts = [
            host
            for host in self._layout.hosts
            if cgroups.processes(self._group(host)) and host.data_port not in bridged
        ]
        stats = await asyncio.gather(*(self._ask(host, "--stats") for host in hosts))
        return {
            host.name: {
                "parameters": parameters(said),
                "offered": offered(said),
                "lost": int(said["lost"]),
                "tail_drops": tail_drops(said),
                "late_ms": said["lateness_us"]["mean"] / 1000,
                "stats": said,
            }
            for host, said in zip(hosts, stats, strict=True)
        }

    async def clear(self) -> None:
        await self._end()
        for host in self._layout.hosts:
            await self._wire("ip", "link", "set", host.data_port, "master", "lan")

    async def _end(self) -> None:
        for host in self._layout.hosts:
            if self._group(host) in cgroups.named(self._group(host)):
                await end(self._group(host))
            self._control(host).unlink(missing_ok=True)
            self._way(host).unlink(missing_ok=True)

    async def _wire(self, *argv: str) -> None:
        await local.run("ip", "netns", "exec", self._layout.wire, *argv)

    async def _ask(self, host: HostLayout, *request: str) -> dict[str, Any]:
        program = str(await build())
        option, *line = request
        _, text = await local.run(program, option, str(self._control(host)), *line)
        said: dict[str, Any] = json.loads(text)
        return said

    async def _started(self, host: HostLayout) -> None:
        if not await persist(
            lambda: self._ask(host, "--stats"), _START_LIMIT_S, TestbedError, ValueError
        ):
            return
        log = (self._layout.folder / f"{host.name}-linkem.log").read_text(errors="replace")
        raise TestbedError(f"linkem of {host.name} did not start: {log.strip()[-1000:]}")


def way(layout: Layout, host: HostLayout, placement: str, lifetime_s: float) -> list[str]:
    """Between which ports a host's emulator forwards, fixed while it runs (pure)."""
    others = [other for other in layout.hosts if other != host]
    senders, receivers = (others, [host]) if placement == "ingress" else ([host], others)
    return [
        *(word for sender in senders for word in ("--in", sender.data_port)),
        *(word for r in receivers for word in ("--out", f"{r.data_port}={r.data_mac}")),
        "--netns", f"/run/netns/{layout.wire}",
        "--dead-man", f"{lifetime_s:.0f}",
    ]  # fmt: skip


def change(host: HostLayout, plan: Plan, rate_bps: int | None) -> list[str]:
    """What a host's emulator does to packets; may change while it runs (pure)."""
    return [
        *_profile_arguments(plan.profile),
        *(["--rate-bps", str(rate_bps)] if rate_bps else []),
        "--limit", str(plan.limit),
        "--seed", str(plan.seeds[host.name]),
    ]  # fmt: skip


def arguments(
    layout: Layout, host: HostLayout, plan: Plan, rate_bps: int | None, lifetime_s: float
) -> list[str]:
    """The whole command line of one host's emulator (pure)."""
    return [*way(layout, host, plan.placement, lifetime_s), *change(host, plan, rate_bps)]


def _profile_arguments(profile: Profile) -> list[str]:
    words = ["--delay-us", str(round(profile.delay_ms * 1000)),
             "--jitter-us", str(round(profile.jitter_ms * 1000))]  # fmt: skip
    for option, percent, correlation in (
        ("--loss", profile.loss_percent, profile.loss_correlation_percent),
        ("--duplicate", profile.duplicate_percent, 0),
        ("--reorder", profile.reorder_percent, profile.reorder_correlation_percent),
    ):
        if percent:
            words += [option, f"{percent:g},{correlation:g}"]
    return words


def parameters(stats: Mapping[str, Any]) -> dict[str, float]:
    """The effective parameters of linkem under the keys of a profile."""
    said = stats["parameters"]
    return {
        "delay_ms": said["delay_us"] / 1000,
        "jitter_ms": said["jitter_us"] / 1000,
        "loss_percent": said["loss"]["percent"],
        "loss_correlation_percent": said["loss"]["correlation"],
        "reorder_percent": said["reorder"]["percent"],
        "reorder_correlation_percent": said["reorder"]["correlation"],
        "duplicate_percent": said["duplicate"]["percent"],
        "limit": said["limit"],
    }


def offered(stats: Mapping[str, Any]) -> int:
    """Packets of which linkem drew whether they are lost."""
    aside = ("exempt", "oversize", "unroutable")
    return int(stats["received"]) - sum(int(stats.get(key, 0)) for key in aside)


def tail_drops(stats: Mapping[str, Any]) -> int:
    """Packets lost for want of room or by the emulator's own trouble, never on purpose."""
    keys = ("tail_drop", "oversize", "kernel_drop", "device_drop", "send_error")
    return sum(int(stats.get(key, 0)) for key in keys)
