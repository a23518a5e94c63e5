"""Impairment in the lab by the kernel's netem."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from meshbench.impairment.engine import Plan
from meshbench.impairment.qdiscs import USAGE, emulator_names, pieces, tree
from meshbench.impairment.tc_output import readings
from meshbench.testbed import local
from meshbench.testbed.host import Host
from meshbench.testbed.lab.layout import HostLayout, Layout


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
        commands = await asyncio.gather(*(self._apply(host, plan) for host in self._layout.hosts))
        return dict(zip((host.name for host in self._layout.hosts), commands, strict=True))

    async def _apply(self, host: HostLayout, plan: Plan) -> list[list[str]]:
        run = partial(self._run, host, plan.placement)
        seeded = "seed" in await run(USAGE, check=False)
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
        per_host = await asyncio.gather(*(self._read(host) for host in self._layout.hosts))
        return {name: reading for readings_ in per_host for name, reading in readings_.items()}

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
