"""`hosts clean`: nothing of meshbench is left on hosts of the user's own, and nobody is disturbed."""

import asyncio
from pathlib import Path

import pytest
import yaml

from meshbench.cli import main
from meshbench.config.models import Tuning
from meshbench.config.testbeds import SshTestbed
from meshbench.faults import partition
from meshbench.impairment.host_netem import IFB, HostNetem
from meshbench.runner import clean
from meshbench.testbed.host import STATE, Unit
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lease import lease
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError
from tests.lab import support
from tests.lab.support import ends, on_hosts, said
from tests.lab.test_conformance import listing
from tests.lab.test_hosts import as_own_hosts
from tests.workflow.checkout import Checkout

SETTING = "net.ipv4.tcp_reordering"
UNITS = ("systemctl", "list-units", "--all", "--plain", "--no-legend", "meshbench*")
"""The lab's own are not on its hosts."""


@pytest.fixture
def own(lab: Lab) -> SshTestbed:
    """Hosts of one's own on which nothing of meshbench is."""
    testbed = as_own_hosts(lab)
    asyncio.run(clean.clean(testbed))
    return testbed


async def found(hosts: list[SshHost]) -> list[tuple[set[str], str, str, str, bool]]:
    """By host: files, units, tables of nft, a kernel setting, whether there is an ifb of ours."""
    return [
        (
            await listing(host),
            await said(host, *UNITS),
            await said(host, "nft", "list", "tables"),
            await said(host, "cat", f"/proc/sys/{SETTING.replace('.', '/')}"),
            await ends(host, "ip", "link", "show", "dev", IFB) == 0,
        )
        for host in hosts
    ]


async def make_everything(hosts: list[SshHost]) -> None:
    """What a controller leaves behind that dies in the middle of a cell."""
    first, second, _ = hosts
    await first.start(Unit("meshbench-test", ["sleep", "4714"]))
    await partition._drop(first, second)
    await HostNetem(hosts)._arm(first, [], 600)
    await first.run(["ip", "tuntap", "add", IFB, "mode", "tun"])


def test_nothing_is_left(lab: Lab, own: SshTestbed, store: Path) -> None:
    before = on_hosts(lab, found)
    job = support.job("nebula", at=support.where(own, testbed="own"), count=5)
    tuned = job.model_copy(update={"tuning": Tuning(sysctls={SETTING: 7})})
    assert support.reasons(support.measured(tuned, store)) == {}
    on_hosts(lab, make_everything)
    (files, units, tables, setting, ifb), *_ = on_hosts(lab, found)
    assert str(STATE / "nebula") in files
    assert {"meshbench-test.service", "meshbench-mend.timer", "meshbench-deadman.timer"} <= set(
        units.split()
    )
    assert (partition.TABLE in tables, setting, ifb) == (True, "7", True)

    assert asyncio.run(clean.clean(own)) == ("nebula",)

    after = on_hosts(lab, found)
    assert [support.unlike(was[0], has[0]) for was, has in zip(before, after, strict=True)] == [
        []
    ] * 3
    assert [has[1:] for has in after] == [was[1:] for was in before]
    assert after[0][1] == ""


def test_who_holds_the_hosts_is_not_disturbed(lab: Lab, own: SshTestbed) -> None:
    async def work(hosts: list[SshHost]) -> None:
        async with lease(hosts[0], "the other one's purpose"):
            await hosts[1].run(["mkdir", "-p", str(STATE / "nebula")])
            with pytest.raises(TestbedError, match="in use by .*the other one's purpose"):
                await clean.clean(own)
            assert await ends(hosts[1], "test", "-d", str(STATE / "nebula")) == 0
        assert await clean.clean(own) == ("nebula",)
        assert await ends(hosts[1], "test", "-e", str(STATE)) == 1

    on_hosts(lab, work)


def test_the_command_cleans_the_hosts_of_the_campaign(
    lab: Lab, own: SshTestbed, tmp_path: Path
) -> None:
    checkout = Checkout.make(
        tmp_path / "own", "campaign: trial\ntestbed: own\nseed: 1\nrounds: 1\nvpns: [internal]\n"
        "profiles: [baseline]\nbenchmarks:\n  ping:\n",
    )  # fmt: skip
    checkout.write("config/testbeds/own.yaml", yaml.safe_dump(own.model_dump(mode="json")))

    async def leave(hosts: list[SshHost]) -> None:
        await hosts[2].run(["mkdir", "-p", str(STATE / "tinc")])

    on_hosts(lab, leave)
    words = checkout.python("-m", "meshbench", "hosts", "clean")
    assert words == "lom, yuki, luna: clean; there were tinc\n"
    assert checkout.python("-m", "meshbench", "hosts", "clean").endswith("there were no systems\n")


def test_a_lab_is_not_cleaned_but_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hosts", "clean"]) == 1
    assert "kind: ssh" in capsys.readouterr().err
