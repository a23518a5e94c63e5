"""Offloads as settings, what puts settings back, and what becomes of one that somebody changes."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from meshbench import benchmarks, vpns
from meshbench.benchmarks.base import Arena
from meshbench.benchmarks.ping import Ping
from meshbench.config.load import load_campaign
from meshbench.config.models import Offloads, Tuning
from meshbench.config.profile import Profile
from meshbench.config.testbeds import FakeTestbed
from meshbench.impairment.fake import FakeEngine
from meshbench.results.records import Cell, Status
from meshbench.runner import measure, reconcile, tuned
from meshbench.runner.session import Session
from meshbench.testbed import deadman, offloads, tuning
from meshbench.testbed.fake import FakeWorld
from meshbench.util.errors import TestbedError
from meshbench.workflow.settings import Setup
from tests.unit import making
from tests.unit.test_measure import job

ETHTOOL = """Features for data0:
rx-checksumming: on
tx-checksumming: off
tcp-segmentation-offload: on
	tx-tcp-segmentation: off [requested on]
	tx-tcp-accecn-segmentation: on
generic-segmentation-offload: on
generic-receive-offload: off [fixed]
"""


def test_offloads_are_read_one_by_one() -> None:
    """A summary that is on says nothing of its parts."""
    assert offloads.parse(ETHTOOL) == {"gso": "on", "gro": "off", "tso": "off"}
    assert offloads.parse("") == {}


class Nic:
    """A host with two interfaces whose offloads can be set, but for those that are fixed."""

    def __init__(self) -> None:
        self.names = {"data0": 2, "mesh0": 7}
        self.features = {name: {"gso": "on", "gro": "off", "tso": "off"} for name in self.names}
        self.fixed: set[str] = set()
        self.host = making.ScriptedHost("lom", self.answer)

    def answer(self, argv: Sequence[str]) -> Any:
        if argv[0] == "cat":
            kept = self.host.files.get(argv[1])
            return kept.content.decode() if kept else (1, "", "No such file")
        if argv[:2] == ["ethtool", "-K"]:
            pairs = dict(zip(argv[3::2], argv[4::2], strict=True))
            free = {key: value for key, value in pairs.items() if key not in self.fixed}
            self.features[argv[2]] |= free
            return (0, "", "") if free == pairs else (1, "", "Could not change any device features")
        if argv[2] == offloads._READ:
            name = argv[-1]
            if name not in self.names:
                return 1, "", "No such file"
            lines = (f"{offloads.FEATURES[k]}: {v}\n" for k, v in self.features[name].items())
            return f"{self.names[name]}\nFeatures for {name}:\n{''.join(lines)}"
        return ""

    def apply(self, wanted: Tuning, *, tunnel: bool = False) -> tuning.Applied:
        tunnels = {"lom": "mesh0"} if tunnel else {}
        return asyncio.run(tuning.apply(wanted, [self.host], tunnels=tunnels))


SPLIT = Tuning(ethtool=Offloads(data={"gso": False}, tunnel={"gso": False, "gro": True}))


def test_offloads_are_set_read_back_and_undone() -> None:
    nic = Nic()
    assert nic.apply(SPLIT) == tuning.Applied({"lom": {"ethtool.data.gso": "off"}}, changed=True)
    assert nic.features["data0"]["gso"] == "off"
    assert nic.features["mesh0"]["gso"] == "on"
    assert nic.apply(SPLIT).changed is False
    nic.apply(Tuning())
    assert nic.features["data0"]["gso"] == "on"


def test_the_tunnels_offloads_are_set_when_it_is_up_and_stay_while_it_is() -> None:
    nic = Nic()
    nic.apply(SPLIT)
    settings = {"ethtool.data.gso": "off", "ethtool.tunnel.gso": "off", "ethtool.tunnel.gro": "on"}
    assert nic.apply(SPLIT, tunnel=True) == tuning.Applied({"lom": settings}, changed=True)
    assert nic.features["mesh0"] == {"gso": "off", "gro": "on", "tso": "off"}
    assert nic.apply(SPLIT).changed is False, "the next cell's VPN need not be started anew"
    assert nic.apply(Tuning()).changed is True
    assert (
        nic.features["mesh0"] == nic.features["data0"] == {"gso": "on", "gro": "off", "tso": "off"}
    )


def test_a_tunnel_that_was_made_anew_is_another_one() -> None:
    """What the first one had is not put back on the second."""
    nic = Nic()
    nic.apply(SPLIT, tunnel=True)
    nic.names["mesh0"] = 8
    nic.features["mesh0"] = {"gso": "on", "gro": "on", "tso": "on"}
    assert nic.apply(Tuning(ethtool=Offloads(data={"gso": False}))).changed is False
    assert nic.features["mesh0"] == {"gso": "on", "gro": "on", "tso": "on"}


def test_an_offload_that_cannot_be_changed_is_named_with_ethtools_words() -> None:
    nic = Nic()
    nic.fixed = {"tso"}
    wanted = Tuning(ethtool=Offloads(data={"gso": False, "tso": True}))
    pattern = r"^lom: ethtool\.data0\.tso is off, not on \(Could not change any device features\)$"
    with pytest.raises(tuning.UnsupportedError, match=pattern):
        nic.apply(wanted)
    assert nic.features["data0"] == {"gso": "on", "gro": "off", "tso": "off"}
    del nic.names["data0"]
    with pytest.raises(tuning.UnsupportedError, match="^lom: ethtool tells nothing of data0$"):
        nic.apply(wanted)
    udp = Tuning(ethtool=Offloads(data={"rx-udp-gro-forwarding": True}))
    with pytest.raises(tuning.UnsupportedError, match=r"no ethtool\.data0\.rx-udp-gro-forwarding$"):
        Nic().apply(udp)


def test_what_puts_settings_back_is_a_script_that_a_shell_can_read(tmp_path: Path) -> None:
    """Of real commands, with a program in ethtool's place that writes down what it is asked."""
    stock = {"net.ipv4.no such": "4096 1 2", "ethtool.data0#2.gso": "on", "ethtool.m0#9.gro": "off"}
    (tmp_path / "ethtool").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "ethtool").chmod(0o755)
    done = subprocess.run(
        ["sh"], input=deadman.script(stock), capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["-K data0 gso on", "-K m0 gro off"]
    assert done.stderr.startswith("net.ipv4.no such: ")


def test_the_settings_names_and_values_are_what_records_have() -> None:
    wanted = Tuning(sysctls={"net.ipv4.tcp_rmem": "4096  1\t2"}, ethtool=SPLIT.ethtool)
    assert wanted.settings == {
        "net.ipv4.tcp_rmem": "4096 1 2", "ethtool.data.gso": "off", "ethtool.tunnel.gso": "off",
        "ethtool.tunnel.gro": "on",
    }  # fmt: skip


def test_settings_of_cells_without_offloads_are_as_they_were() -> None:
    """Or everything would be measured again."""
    assert json.loads(Tuning(sysctls={"net.a": 1}).model_dump_json()) == {"sysctls": {"net.a": 1}}
    again = Tuning.model_validate_json(SPLIT.model_dump_json())
    assert again == SPLIT


@pytest.mark.parametrize(
    "said", [{"data": {"gsoo": True}}, {"wire": {"gso": True}}, {"data": {"gso": "perhaps"}}]
)
def test_an_offload_that_nobody_knows_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Tuning.model_validate({"ethtool": said})


# --- what somebody else changes ----------------------------------------------------------------

KEY = "net.ipv4.tcp_reordering"


def tuned_job(**changes: Any) -> Any:
    wanted = Tuning(sysctls={KEY: 10, "net.ipv4.tcp_sack": 1})
    return job(**changes).model_copy(update={"tuning": wanted})


def meddle(hosts: Sequence[Any]) -> None:
    yuki = next(host for host in hosts if host.name == "yuki")
    yuki._sysctls[f"/proc/sys/{KEY.replace('.', '/')}"] = "5"


def test_a_setting_changed_while_it_is_measured_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Ping.measure

    async def measuring(self: Ping, group: Any, arena: Arena) -> Any:
        meddle(arena.hosts)
        return await whole(self, group, arena)

    monkeypatch.setattr(Ping, "measure", measuring)
    record = asyncio.run(measure.measure(tuned_job(vpn="internal"), tmp_path))
    assert record.tuning["yuki"][KEY] == "10"
    assert record.tuning_changed == {"yuki": {KEY: "5"}}
    assert f"{KEY} of yuki changed during the cell" in record.marks
    assert {link.status for link in record.links} == {Status.OK}


def test_a_setting_changed_before_it_is_measured_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reconcile.only

    async def bringing_up(bed: Session, *more: Any) -> Any:
        meddle(bed.hosts)
        return await whole(bed, *more)

    monkeypatch.setattr(reconcile, "only", bringing_up)
    pattern = f"^yuki: {KEY} is 5, not 10 as it was set for this cell; find out which other process"
    with pytest.raises(TestbedError, match=pattern):
        asyncio.run(measure.measure(tuned_job(), tmp_path))


def test_nothing_is_said_where_nothing_changed(tmp_path: Path) -> None:
    record = asyncio.run(measure.measure(tuned_job(vpn="internal"), tmp_path))
    assert record.tuning_changed == {}
    assert not any("changed" in mark for mark in record.marks)
    assert "tuning_changed" not in record.model_dump_json()


def test_a_setting_that_no_tuning_makes_is_noticed_too() -> None:
    def facts(**values: str) -> dict[str, Any]:
        return {"lom": {"sysctls": {f"net.ipv4.{key}": value for key, value in values.items()}}}

    before = facts(tcp_ecn="2", tcp_sack="1", tcp_available_congestion_control="reno")
    after = facts(tcp_ecn="1", tcp_sack="0", tcp_available_congestion_control="reno bbr")
    changed = {"lom": {"net.ipv4.tcp_sack": "0"}}
    both = "net.ipv4.tcp_ecn, net.ipv4.tcp_sack of lom changed during the cell"
    assert tuned.marks(changed, before, after) == [both]
    assert tuned.marks({}, before, {}) == tuned.marks({}, {"lom": {}}, before) == []


# --- hosts of one's own ------------------------------------------------------------------------


class Engine(FakeEngine):
    cleared = 0

    async def clear(self) -> None:
        self.cleared += 1


@pytest.mark.parametrize("profile", [Profile(), Profile(delay_ms=2)])
@pytest.mark.parametrize("on", [True, False])
def test_what_impairs_hosts_of_ones_own_takes_gro_away(profile: Profile, *, on: bool) -> None:
    engine = Engine()
    hosts = FakeWorld(FakeTestbed(kind="fake")).hosts()
    bed = Session(kind="ssh", hosts=tuple(hosts), engine=engine)
    wanted = Tuning(ethtool=Offloads(data={"gro": on}))
    measure_job = job().model_copy(update={"tuning": wanted, "profile": profile})
    words = "ethtool tells nothing" if not (on and profile.impairs) else "impaired at ingress"
    with pytest.raises(tuning.UnsupportedError, match=words):
        asyncio.run(tuned.apply(measure_job, bed, 60))
    assert engine.cleared == (not (on and profile.impairs))


def test_all_cells_of_a_round_meet_the_same_weather_whatever_the_tuning() -> None:
    shipped = Path(__file__).parents[2] / "config"
    words = yaml.safe_load((shipped / "tuning.yaml").read_text(encoding="utf-8"))
    campaign = load_campaign({**words, "testbed": "fake"}, [], shipped, vpns, benchmarks)
    setup = Setup(campaign)
    hosts = FakeWorld(FakeTestbed(kind="fake")).hosts()
    bed = Session(kind="fake", hosts=tuple(hosts), engine=FakeEngine())
    weather: dict[int, list[Any]] = {}
    for step in setup.plan.priority:
        if isinstance(step, Cell):
            plan = measure._plan(setup.measure(step), bed)
            weather.setdefault(step.round, []).append((plan.seeds, plan.profile))
    assert {len(cells) for cells in weather.values()} == {33}
    assert all(cell == cells[0] for cells in weather.values() for cell in cells)
    assert weather[1][0] != weather[2][0]
