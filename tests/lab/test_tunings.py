"""Tunings hold for a whole cell, and go by themselves when nobody comes to take them away."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from meshbench.benchmarks.base import Arena, Link, Outcome
from meshbench.benchmarks.ping import Ping
from meshbench.config.models import Offloads, Tuning
from meshbench.runner import measure
from meshbench.runner.jobs import MeasureJob
from meshbench.runner.session import Session
from meshbench.testbed import deadman, tuning
from meshbench.testbed.host import Host
from meshbench.testbed.lab.lab import Lab
from tests.lab import support
from tests.lab.support import said

T = TypeVar("T")
KEY = "net.ipv4.tcp_reordering"
TUNED = Tuning(
    sysctls={KEY: 7, "net.ipv4.tcp_rmem": "4096 131072 7654321"},
    ethtool=Offloads(data={"gso": False, "gro": True}, tunnel={"tso": False}),
)
"""Other values than the lab's hosts have by themselves."""


def tuned_job(vpn: str = "internal") -> MeasureJob:
    return support.job(vpn, count=3).model_copy(update={"tuning": TUNED})


async def settings(host: Host) -> list[str]:
    """What a host's kernel says by other programs than meshbench asks."""
    sysctls = await said(host, "sysctl", "-n", *TUNED.sysctls)
    offloads = await said(host, "ethtool", "-k", "data0")
    names = ("generic-segmentation-offload: ", "generic-receive-offload: ")
    return [*sysctls.splitlines(), *(o for o in offloads.splitlines() if o.startswith(names))]


async def on_all(bed: Session) -> list[list[str]]:
    return [await settings(host) for host in bed.hosts]


def with_bed(work: Callable[[Session], Awaitable[T]]) -> T:
    async def inner() -> T:
        async with support.bed() as bed:
            return await work(bed)

    return asyncio.run(inner())


def test_what_another_process_changes_is_noticed(
    lab: Lab, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a cell of a VPN whose own interface is tuned too."""
    assert lab.running()
    stock = with_bed(on_all)
    whole = Ping.measure

    async def meddled(self: Ping, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        await arena.hosts[1].run(["sysctl", "-w", f"{KEY}=5"])
        await arena.hosts[2].run(["ethtool", "-K", arena.links[0].interface, "tso", "on"])
        return await whole(self, group, arena)

    monkeypatch.setattr(Ping, "measure", meddled)
    record = support.measured(tuned_job("vxlan"), store)
    assert support.reasons(record) == {}
    assert record.tuning["luna"] == TUNED.settings
    tunnel = "ethtool.tunnel.tso"
    assert record.tuning_changed == {"yuki": {KEY: "5"}, "luna": {tunnel: "on"}}
    assert f"{KEY} of yuki changed during the cell" in record.marks
    assert f"{tunnel} of luna changed during the cell" in record.marks

    async def undone(bed: Session) -> list[list[str]]:
        await tuning.apply(Tuning(), bed.hosts)
        return await on_all(bed)

    assert with_bed(undone) == stock


def test_a_controller_killed_in_a_tuned_cell_leaves_the_hosts_as_they_were(
    lab: Lab, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lab.running()
    stock = with_bed(on_all)
    seen = tmp_path / "seen"

    async def killed(_: Any, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        del group
        seen.write_text("\n".join(await settings(arena.hosts[0])))
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    if not (child := os.fork()):
        monkeypatch.setattr(Ping, "measure", killed)
        monkeypatch.setattr(measure, "_settings_s", lambda _: 4.0)
        asyncio.run(measure.measure(tuned_job(), store))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert seen.read_text().splitlines() == [
        "7", "4096\t131072\t7654321", "generic-segmentation-offload: off",
        "generic-receive-offload: on",
    ]  # fmt: skip

    async def restored(bed: Session) -> None:
        async def as_before() -> bool:
            return await on_all(bed) == stock

        await support.eventually(as_before, "the hosts put their settings back")
        units = await said(bed.hosts[0], "systemctl", "list-units", "--all", f"{deadman.UNIT}*")
        assert "failed" not in units

    with_bed(restored)
