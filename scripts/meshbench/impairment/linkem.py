"""Impairment in the lab by our own link emulator, for kernels without sch_netem."""

import asyncio
import hashlib
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshbench.config.profile import Emulator, Profile
from meshbench.impairment.engine import Plan
from meshbench.testbed import local
from meshbench.testbed.lab import cgroups
from meshbench.testbed.lab.lab import end, spawn
from meshbench.testbed.lab.layout import Layout
from meshbench.util.errors import TestbedError
from meshbench.util.files import cache
from meshbench.util.waiting import persist

SOURCE = Path(__file__).parents[3] / "tools" / "linkem"
_START_LIMIT_S = 5.0
_ARROW = "_"


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
    """One emulator per host uplink, and per link with values of its own, in the lab's wire namespace.

    While one is active the hosts' ports are not in the kernel's bridge: each frame crosses
    exactly one emulator, the receiver's (ingress) or the sender's (egress).
    """

    name = "linkem"

    def __init__(self, layout: Layout, rate_bps: int | None) -> None:
        self._layout = layout
        self._rate_bps = rate_bps

    def _group(self, emulator: str) -> str:
        return f"{self._layout.id}-linkem-{_label(emulator)}"

    def _control(self, emulator: str) -> Path:
        return self._layout.folder / f"linkem-{_label(emulator)}"

    def _way(self, emulator: str) -> Path:
        return self._layout.folder / f"linkem-{_label(emulator)}.way"

    def _log(self, emulator: str) -> Path:
        return self._layout.folder / f"{_label(emulator)}-linkem.log"

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        program = str(await build())
        wanted = plan.emulators(self._layout.host_names)
        ways = {
            emulator.name: way(self._layout, emulator, plan.placement, lifetime_s)
            for emulator in wanted
        }
        changes = {emulator.name: change(emulator, plan, self._rate_bps) for emulator in wanted}
        commands = {name: [["linkem", *ways[name], *changes[name]]] for name in ways}
        if not await self._bridged() and await self._runs(ways):
            await asyncio.gather(*(self._change(name, changes[name]) for name in ways))
            return commands
        await self._end()
        for host in self._layout.hosts:
            await self._wire("ip", "link", "set", host.data_port, "nomaster")
        for name, words in ways.items():
            argv = [program, *words, *changes[name], "--control", str(self._control(name))]
            await spawn(self._group(name), argv, self._log(name))
            self._way(name).write_text(shlex.join(words))
        await asyncio.gather(*(self._started(name) for name in ways))
        return commands

    async def _runs(self, ways: Mapping[str, list[str]]) -> bool:
        """Whether these emulators, and no other, run between these ports."""
        return set(self._running()) == set(ways) and all(
            self._way(name).read_text() == shlex.join(words) for name, words in ways.items()
        )

    def _started_ones(self) -> list[str]:
        """The emulators that have a control group, whether they live or not."""
        prefix = self._group("")
        names = {name.removeprefix(prefix).replace(_ARROW, "->") for name in cgroups.named(prefix)}
        order = self._layout.host_names
        return sorted(names, key=lambda name: [order.index(host) for host in name.split("->")])

    def _running(self) -> list[str]:
        return [name for name in self._started_ones() if cgroups.processes(self._group(name))]

    async def _change(self, emulator: str, words: list[str]) -> None:
        """Other impairment in a running emulator, from a fresh seed and with counters at zero."""
        await self._ask(emulator, "--send", shlex.join(["set", *words]))
        await self._ask(emulator, "--send", "reset")

    async def _bridged(self) -> set[str]:
        """The ports that are in the kernel's bridge; a host that has rebooted puts a new one there."""
        show = ("ip", "-n", self._layout.wire, "-j", "link", "show", "master", "lan")
        _, text = await local.run(*show)
        return {link["ifname"] for link in json.loads(text or "[]")}

    async def read(self) -> dict[str, dict[str, Any]]:
        bridged = await self._bridged()
        outside = {host.name for host in self._layout.hosts if host.data_port in bridged}
        names = [name for name in self._running() if not outside & set(name.split("->"))]
        stats = await asyncio.gather(*(self._ask(name, "--stats") for name in names))
        return {
            name: {
                "parameters": parameters(answer),
                "offered": offered(answer),
                "lost": int(answer["lost"]),
                "queue_drops": int(answer["queue_drop"]),
                "tail_drops": tail_drops(answer),
                "late_ms": answer["lateness_us"]["mean"] / 1000,
                "stats": answer,
            }
            for name, answer in zip(names, stats, strict=True)
        }

    async def clear(self) -> None:
        await self._end()
        for host in self._layout.hosts:
            await self._wire("ip", "link", "set", host.data_port, "master", "lan")

    async def _end(self) -> None:
        for name in self._started_ones():
            await end(self._group(name))
        for file in self._layout.folder.glob("linkem-*"):
            file.unlink(missing_ok=True)

    async def _wire(self, *argv: str) -> None:
        await local.run("ip", "netns", "exec", self._layout.wire, *argv)

    async def _ask(self, emulator: str, *request: str) -> dict[str, Any]:
        program = str(await build())
        option, *line = request
        _, text = await local.run(program, option, str(self._control(emulator)), *line)
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def _started(self, emulator: str) -> None:
        if not await persist(
            lambda: self._ask(emulator, "--stats"), _START_LIMIT_S, TestbedError, ValueError
        ):
            return
        log = self._log(emulator).read_text(errors="replace")
        raise TestbedError(f"linkem of {emulator} did not start: {log.strip()[-1000:]}")


def _label(emulator: str) -> str:
    """An emulator's name where an arrow is no good: no host has an underscore in its name."""
    return emulator.replace("->", _ARROW)


def way(layout: Layout, emulator: Emulator, placement: str, lifetime_s: float) -> list[str]:
    """Between which ports an emulator forwards, fixed while it runs (pure)."""
    hosts = {host.name: host for host in layout.hosts}
    own, others = [hosts[emulator.host]], [hosts[peer] for peer in emulator.peers]
    senders, receivers = (others, own) if placement == "ingress" else (own, others)
    return [
        *(word for sender in senders for word in ("--in", sender.data_port)),
        *(word for r in receivers for word in ("--out", f"{r.data_port}={r.data_mac}")),
        "--netns", f"/run/netns/{layout.wire}",
        "--dead-man", f"{lifetime_s:.0f}",
    ]  # fmt: skip


def change(emulator: Emulator, plan: Plan, rate_bps: int | None) -> list[str]:
    """What an emulator does to packets; may change while it runs (pure)."""
    return [
        *_profile_arguments(emulator.profile),
        *_line_arguments(emulator.profile, rate_bps),
        "--limit", str(plan.limit),
        "--seed", str(plan.seeds[emulator.name]),
    ]  # fmt: skip


def arguments(
    layout: Layout, emulator: Emulator, plan: Plan, rate_bps: int | None, lifetime_s: float
) -> list[str]:
    """The whole command line of one emulator (pure)."""
    return [*way(layout, emulator, plan.placement, lifetime_s), *change(emulator, plan, rate_bps)]


def _line_arguments(profile: Profile, rate_bps: int | None) -> list[str]:
    """The profile's bottleneck with its queue, else the lab's own line."""
    if profile.rate_bps is None:
        return ["--rate-bps", str(rate_bps)] if rate_bps else []
    queue = (
        ["--queue-packets", str(profile.queue_packets)]
        if profile.queue_packets
        else ["--queue-bytes", str(profile.queue_bytes)]
    )
    return ["--rate-bps", str(profile.rate_bps), *queue]


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
    if model := profile.loss_model:
        chances = (
            model.p_percent, model.r_percent, model.bad_loss_percent, model.good_loss_percent
        )  # fmt: skip
        words += ["--gemodel", ",".join(f"{percent:g}" for percent in chances)]
    return [*words, *(["--keep-order"] if profile.jitter_keeps_order else [])]


def parameters(stats: Mapping[str, Any]) -> dict[str, float]:
    """The effective parameters of linkem under the keys of `engine.asked`.

    A rate without a queue is the lab's own line, which no profile asks for.
    """
    settings = stats["parameters"]
    queued = settings["queue_bytes"] or settings["queue_packets"]
    p, r, bad, good = settings["gemodel"] or (0, 0, 0, 0)
    return {
        "delay_ms": settings["delay_us"] / 1000,
        "jitter_ms": settings["jitter_us"] / 1000,
        "loss_percent": settings["loss"]["percent"],
        "loss_correlation_percent": settings["loss"]["correlation"],
        "reorder_percent": settings["reorder"]["percent"],
        "reorder_correlation_percent": settings["reorder"]["correlation"],
        "duplicate_percent": settings["duplicate"]["percent"],
        "limit": settings["limit"],
        "jitter_keeps_order": int(settings["keep_order"]),
        "loss_p_percent": p,
        "loss_r_percent": r,
        "loss_bad_percent": bad,
        "loss_good_percent": good,
        "rate_mbit": settings["rate_bps"] / 1e6 if queued else 0,
        "queue_bytes": settings["queue_bytes"],
        "queue_packets": settings["queue_packets"],
    }


def offered(stats: Mapping[str, Any]) -> int:
    """Packets of which linkem drew whether they are lost."""
    aside = ("exempt", "oversize", "unroutable")
    return int(stats["received"]) - sum(int(stats.get(key, 0)) for key in aside)


def tail_drops(stats: Mapping[str, Any]) -> int:
    """Packets lost for want of room or by the emulator's own trouble, never on purpose."""
    keys = ("tail_drop", "oversize", "kernel_drop", "device_drop", "send_error")
    return sum(int(stats.get(key, 0)) for key in keys)
