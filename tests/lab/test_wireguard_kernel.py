"""WireGuard by the kernel's own module, which `implementation: auto` takes where there is one."""

from pathlib import Path

import pytest

from meshbench.runner.session import Session
from meshbench.testbed.lab.lab import Lab
from meshbench.vpns.common import lifecycle
from tests.lab.meshes import all_pairs_answer, up, with_bed
from tests.lab.support import said
from tests.lab.test_campaign import kernel_has_wireguard

NAME = "wireguard"


def test_the_kernel_shakes_hands_and_carries_packets(lab: Lab, store: Path) -> None:
    """On every ordered pair, without a process of wireguard-go."""
    assert lab.running()
    if not kernel_has_wireguard():
        pytest.skip("this kernel has no WireGuard")

    async def work(bed: Session) -> None:
        await lifecycle.purge(bed.hosts, NAME)
        try:
            mesh = (await up(bed, NAME, store)).mesh
            await all_pairs_answer(mesh)
            for host in bed.hosts:
                version = await lifecycle.version(mesh, host)
                assert version
                assert version.startswith("kernel module, ")
                interface = lifecycle.interface_of(mesh, host)
                assert "wireguard" in await said(host, "ip", "-d", "link", "show", interface)
                processes = await said(host, "ps", "-e", "-o", "comm")
                assert "wireguard-go" not in processes.split()
            paths = await lifecycle.paths(mesh)
            assert len(paths) == len(bed.hosts) * (len(bed.hosts) - 1)
            for pair, path in paths.items():
                assert path.details["latest_handshake"], pair
                assert path.details["received_bytes"], pair
        finally:
            await lifecycle.purge(bed.hosts, NAME)

    with_bed(work)
