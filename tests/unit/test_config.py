"""Bad input: each a text with file, line, key and advice, and all of them at once."""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshbench import benchmarks, vpns
from meshbench.benchmarks import ping
from meshbench.benchmarks.tools.tcp_session import TcpOptions
from meshbench.cli import main
from meshbench.config import models
from meshbench.config.load import load_campaign, load_named
from meshbench.config.models import CampaignFile
from meshbench.config.profile import Profile
from meshbench.config.sources import Source, merge, read_setting
from meshbench.config.testbeds import LabTestbed, SshTestbed, host_names
from meshbench.config.validation import check
from meshbench.util.errors import ConfigError
from meshbench.workflow import hooks

SHIPPED = Path(__file__).parents[2] / "config"
FILE = "config/config.yaml"
CAMPAIGN = """\
campaign: trial
testbed: fake
rounds: 1
vpns: [internal, nebula]
profiles: [baseline, low]
benchmarks:
  ping: {count: 25}
  tcp:
    duration_s: 1
"""
SSH = """\
kind: ssh
hosts:
  - &host
    name: ada
    address: 203.0.113.1
    key_file: /nowhere/key
    known_hosts_file: /nowhere/known_hosts
    data_interface: eth1
    data_address: 192.0.2.1
  - <<: *host
    name: bob
    address: bob.example
    data_address: 192.0.2.2
"""


class Folder:
    """A checkout's configuration that a test may spoil."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def write(self, path: str, content: str | bytes) -> "Folder":
        data = content if isinstance(content, bytes) else content.encode()
        Path(path).write_bytes(data)
        return self

    def edit(self, old: str, new: str, path: str = FILE) -> "Folder":
        text = Path(path).read_text(encoding="utf-8")
        assert old in text
        return self.write(path, text.replace(old, new))

    def problems(self, *settings: str, file: str = FILE) -> list[str]:
        """What a run says of it, one line each; no line when it is usable."""
        words = ["--config", *settings] if settings else []
        try:
            status = main(["plan", "--configfile", file, *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, error = self._capsys.readouterr()
        assert bool(status) == bool(error)
        assert not (status and out), "it began before the problem was said"
        return [line for line in error.splitlines() if "cannot be used" not in line]


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Folder:
    shutil.copytree(SHIPPED, tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Folder(capsys).write(FILE, CAMPAIGN)


def test_a_good_campaign_is_accepted(folder: Folder) -> None:
    assert folder.problems() == []


@pytest.mark.parametrize("name", ["config.yaml", "thesis.yaml", "tuning.yaml"])
def test_the_shipped_campaigns_are_good(folder: Folder, name: str) -> None:
    assert folder.problems("testbed=fake", file=str(SHIPPED / name)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("rounds: 1", "round: 1", "3: round: unknown key; did you mean 'rounds'?"),
        ("rounds: 1", "qqq: 1", "3: qqq: unknown key; valid keys: campaign, testbed, seed, "),
        ("rounds: 1", "rounds: 0", "3: rounds: must be at least 1 (it says 0)"),
        ("rounds: 1", "rounds: two", "3: rounds: must be a whole number (it says 'two')"),
        ("campaign: trial\n", "", ": campaign: this key is required"),
        ("nebula]", "nebulla]", "4: nebulla: there is no config/vpns/nebulla.yaml; did you mean 'nebula'?"),
        ("nebula]", "xyz]", "4: xyz: there is no config/vpns/xyz.yaml; known: "),
        ("low]", "lov]", "5: lov: there is no config/profiles/lov.yaml; did you mean 'low'?"),
        ("testbed: fake", "testbed: fke", "2: fke: there is no config/testbeds/fke.yaml; did you mean 'fake'?"),
        ("rounds: 1", "tunings: [stok]", "3: stok: there is no config/tunings/stok.yaml; did you mean 'stock'?"),
        ("ping: {", "pong: {", "7: benchmarks.pong: there is no 'pong'; did you mean 'ping'?"),
        ("count: 25", "cuont: 25", "7: benchmarks.ping.cuont: unknown key; did you mean 'count'?"),
        ("count: 25", "count: 0", "7: benchmarks.ping.count: must be at least 1 (it says 0)"),
        ("duration_s: 1", "duration_s: soon", "9: benchmarks.tcp.duration_s: must be a whole number (it says 'soon')"),
        ("[internal, nebula]", "[nebula, nebula]", "4: vpns: duplicate vpn 'nebula'; each may appear once"),
        ("nebula]", "'nebula;reboot']", "4: vpns.1: 'nebula;reboot' is not allowed here: it must be small letters and digits, with"),
        ("nebula]", "../nebula]", "4: vpns.1: '../nebula' is not allowed here"),
        ("nebula]", "a..b]", "4: vpns.1: 'a..b' is not allowed here"),
        ("nebula]", "a/b]", "4: vpns.1: 'a/b' is not allowed here"),
        ("nebula]", "'a b']", "4: vpns.1: 'a b' is not allowed here"),
        ("nebula]", "-rf]", "4: vpns.1: '-rf' is not allowed here"),
        ("nebula]", '"nebula\\n"]', "4: vpns.1: 'nebula\\n' is not allowed here"),
        ("trial", "../trial", "1: campaign: '../trial' is not allowed here"),
        ("ping: {", "'p;ing': {", "'p;ing' is not allowed here"),
        ("rounds: 1", "links: [lom->lom]", "3: links: 'lom->lom' is not a pair of two of the hosts lom, yuki, luna"),
        ("rounds: 1", "links: [lom->ada]", "3: links: 'lom->ada' is not a pair of two of the hosts lom, yuki, luna"),
        ("rounds: 1", "calibration: {duration: 1}", "3: calibration.duration: unknown key; did you mean 'duration_s'?"),
        ("rounds: 1", "placements: [ingress, ingress]", "3: placements: duplicate placement 'ingress'"),
        ("rounds: 1", "placements: [wire]", "3: placements.0: must be 'ingress' or 'egress' (it says 'wire')"),
        ("rounds: 1", "placements: [ingress]\nplacement: egress", "4: placement: 'egress' is none of the placements: say one key"),
        ("rounds: 1", "bracket: around", "3: bracket: must be true or false (it says 'around')"),
        ("rounds: 1", "rounds: yes", "3: rounds: must be a whole number (it says true)"),
        ("rounds: 1", "rounds: {most: 5, until: 5%}", "3: rounds.most: an interval needs 6 rounds, so that none of 5 can be saved: let most be above 6, or say rounds: 5"),
        ("rounds: 1", "rounds: {least: 9, most: 8, until: 5%}", "3: rounds.most: must be at least 9, as least is"),
        ("rounds: 1", "rounds: {least: yes, most: 8, until: 5%}", "3: rounds.least: must be a whole number"),
        ("rounds: 1", "rounds: {most: 12, until: 5}", "3: rounds.until: must be a percentage, such as 5%"),
        ("rounds: 1", "rounds: {most: 12, until: 0%}", "3: rounds.until: must be more than 0"),
        ("rounds: 1", "engine: tc", "3: engine: must be 'auto', 'netem' or 'linkem' (it says 'tc')"),
    ],
)  # fmt: skip
def test_a_bad_campaign_names_file_line_key_and_advice(
    folder: Folder, old: str, new: str, problem: str
) -> None:
    [line] = folder.edit(old, new).problems()
    assert line.startswith(f"{FILE}:")
    assert problem in line


def test_a_bracket_needs_something_to_measure_by(folder: Folder) -> None:
    edited = folder.edit("rounds: 1", "bracket: true")
    assert edited.problems() == []
    old = "  ping: {count: 25}\n  tcp:\n    duration_s: 1\n"
    [line] = edited.edit(old, "  rist: {}\n").problems()
    assert line == (
        f"{FILE}:3: bracket: the bare link is measured around each round by ping and tcp, and the "
        "campaign has neither: add one to its benchmarks, or leave bracket out"
    )


def test_a_tuning_has_the_settings_of_its_base_and_its_own() -> None:
    shipped = {
        name: load_campaign(
            {**yaml.safe_load(CAMPAIGN), "tunings": [name]}, [], SHIPPED, vpns, benchmarks
        ).tunings[name]
        for name in ("stock", "reorder-only", "tailscale-style", "kernel-default")
    }
    stock = shipped["stock"].sysctls
    assert stock["net.ipv4.tcp_congestion_control"] == "cubic"
    assert shipped["kernel-default"].sysctls == {}
    for name in ("reorder-only", "tailscale-style"):
        own = shipped[name].sysctls
        assert own.keys() == stock.keys()
        assert own["net.ipv4.tcp_congestion_control"] == "cubic"
        assert {key for key in own if own[key] != stock[key]} >= {"net.ipv4.tcp_recovery"}


def shipped_tunings(*names: str) -> dict[str, models.Tuning]:
    config = {**yaml.safe_load(CAMPAIGN), "tunings": list(names)}
    return dict(load_campaign(config, [], SHIPPED, vpns, benchmarks).tunings)


def test_each_of_a_bundles_settings_has_a_tuning_of_its_own() -> None:
    names = [path.stem for path in (SHIPPED / "tunings").glob("*.yaml")]
    shipped = shipped_tunings(*names)
    stock = shipped["stock"].settings

    def own(name: str) -> dict[str, str]:
        return dict(shipped[name].settings.items() - stock.items())

    single = [own(name) for name in names if len(own(name)) == 1]
    for key, value in own("tailscale-style").items():
        assert {key: value} in single
    assert own("reorder-only-gso-off") == own("reorder-only") | own("gso-off")
    assert own("gso-off") == {
        f"ethtool.{side}.{feature}": "off" for side in ("data", "tunnel") for feature in ("gso", "tso")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("tunings/stock", "ethtool: {data: {gsoo: off}}\n", "1: ethtool.data.gsoo: must be 'gso', 'gro', 'tso' or "),
        ("tunings/stock", "ethtool: {data: {gso: 2}}\n", "1: ethtool.data.gso: must be "),
        ("tunings/stock", "ethtool: {eth0: {gso: off}}\n", "1: ethtool.eth0: unknown key; "),
        ("profiles/low", "delay_ms: 2\nloss_percent: -1\n", "2: loss_percent: must be at least 0 (it says -1)"),
        ("profiles/low", "loss_percent: 101\n", "1: loss_percent: must be at most 100 (it says 101)"),
        ("profiles/low", "loss_percent: .nan\n", "1: loss_percent: must be a finite number"),
        ("profiles/low", "delay_ms: .inf\n", "1: delay_ms: must be a finite number"),
        ("profiles/low", "delay_ms: 2ms\n", "1: delay_ms: must be a number (it says '2ms')"),
        ("profiles/low", "# r\nreorder_percent: 1\n", "2: reorder_percent: needs a delay_ms above 0"),
        ("profiles/low", "los_percent: 1\n", "1: los_percent: unknown key; did you mean 'loss_percent'?"),
        ("vpns/nebula", "driver: nebulla\n", "1: driver: there is no 'nebulla'; did you mean 'nebula'?"),
        ("vpns/nebula", "driver: nebula\noptions:\n  mtuu: 1300\n", "3: options.mtuu: unknown key; did you mean 'mtu'?"),
        ("vpns/nebula", "driver: nebula\noptions: {mtu: 5}\n", "2: options.mtu: must be at least 576 (it says 5)"),
        ("vpns/nebula", "driver: internal\noptions: {mtu: 5}\n", "2: options.mtu: unknown key"),
        ("vpns/nebula", "", ": driver: this key is required"),
        ("tunings/stock", "sysctls: {kernel.panic: 1}\n", "is not allowed here"),
        ("tunings/stock", "base: stok\n", ": stok: there is no config/tunings/stok.yaml; did you mean 'stock'?"),
        ("tunings/stock", "base: stock\n", ": base: 'stock' has a base itself ('stock'): name that, or copy its settings"),
        ("testbeds/fake", "kind: lab\nhosts: [lom, yuki, lom]\n", "2: hosts: duplicate host 'lom'; each may appear once"),
        ("testbeds/fake", "kind: fake\nhosts: [lom, yuki, lom]\n", "2: hosts: duplicate host 'lom'; each may appear once"),
        ("testbeds/fake", "kind: lab\nhosts: [lom]\n", "2: hosts: must be of at least 2 entries (it says a list of 1)"),
        ("testbeds/fake", "kind: lab\nhosts: [lom, 'a;b']\n", "2: hosts.1: 'a;b' is not allowed here"),
        ("testbeds/fake", "kind: lap\n", "1: kind: must be one of 'lab', 'ssh', 'fake' (it says 'lap')"),
        ("testbeds/fake", "kind: lab\nhots: [lom, ada]\n", "2: hots: unknown key; did you mean 'hosts'?"),
    ],
)  # fmt: skip
def test_a_bad_file_beside_it_names_itself(
    folder: Folder, file: str, content: str, problem: str
) -> None:
    path = f"config/{file}.yaml"
    [line] = folder.write(path, content).problems()
    assert line.startswith(f"{path}:")
    assert problem in line


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"campaign: [\n", "2: not YAML: "),
        (b"a: 1\n\tb: 2\n", "2: not YAML: "),
        (b"campaign: \x00\n", " not YAML: "),
        ("campaign: größer\n".encode("latin-1"), " not UTF-8 text: "),
        (b"- campaign\n", "1: must be a mapping of keys to values"),
    ],
)
@pytest.mark.parametrize("path", [FILE, "config/profiles/low.yaml"])
def test_what_is_no_yaml_mapping_is_refused(
    folder: Folder, path: str, content: bytes, problem: str
) -> None:
    [line] = folder.write(path, content).problems()
    assert line.startswith(f"{path}:")
    assert problem in line


def test_an_empty_campaign_says_what_is_missing(folder: Folder) -> None:
    keys = ("campaign", "vpns", "profiles", "benchmarks")
    expected = [f"{FILE}: {key}: this key is required" for key in keys]
    assert folder.write(FILE, "").problems() == expected


def test_an_empty_profile_is_the_link_as_it_is(folder: Folder) -> None:
    assert folder.write("config/profiles/low.yaml", "# nothing\n").problems() == []


def test_files_that_are_not_there_or_cannot_be_read(folder: Folder) -> None:
    assert folder.problems(file="config/other.yaml") == ["config/other.yaml: no such file"]
    assert folder.problems(file="config") == ["config: cannot be read: Is a directory"]


VARIANT = "config/benchmarks/tcp@short.yaml"


@pytest.mark.parametrize(
    ("inline", "file", "problem"),
    [
        ("tcp@short: {}", "", f"{VARIANT}: benchmark: this key is required"),
        ("tcp@short: {}", "benchmark: tpc\n", f"{VARIANT}:1: benchmark: there is no 'tpc'; did you mean 'tcp'?"),
        ("tcp@short: {}", "benchmark: tcp\noptions:\n  congestio: cubic\n", f"{VARIANT}:3: options.congestio: unknown key; did you mean 'congestion'?"),
        ("tcp@short: {}", "benchmark: tcp\noptions: {duration_s: 0}\n", f"{VARIANT}:2: options.duration_s: must be at least 1 (it says 0)"),
        ("tcp@short: {}", "benchmark: tcp\nduration_s: 1\n", f"{VARIANT}:2: duration_s: unknown key; did you mean 'options'?"),
        ("tcp@short: {duration_s: 1}", "benchmark: tcp\n", f"{FILE}:7: benchmarks.tcp@short: {VARIANT} has its options; say these there"),
        ("tcp@other: {duration: 1}", None, f"{FILE}:7: benchmarks.tcp@other.duration: unknown key; did you mean 'duration_s'?"),
        ("tpc@other: {}", None, f"{FILE}:7: benchmarks.tpc@other: there is no 'tpc'; did you mean 'tcp'?"),
        ("slow: {}", None, f"{FILE}:7: benchmarks.slow: there is no 'slow'; known: "),
        ("fast: {benchmark: tpc}", None, f"{FILE}:7: benchmarks.fast.benchmark: there is no 'tpc'; did you mean 'tcp'?"),
        ("fast: {benchmark: [tcp]}", None, f"{FILE}:7: benchmarks.fast.benchmark: there is no '['tcp']'"),
        ("tcp@a@b: {}", None, f"{FILE}:7: benchmarks.tcp@a@b"),
        ("calibration: {}", None, f"{FILE}:6: benchmarks: every campaign measures the calibration by itself"),
    ],
)  # fmt: skip
def test_a_bad_variant_of_a_benchmark_names_file_line_key_and_advice(
    folder: Folder, inline: str, file: str | None, problem: str
) -> None:
    if file is not None:
        Path(VARIANT).parent.mkdir()
        folder.write(VARIANT, file)
    [line] = folder.edit("ping: {count: 25}", inline).problems()
    assert line.startswith(problem)


@pytest.mark.parametrize("inline", ["fast: {benchmark: tcp, duration_s: 2}", "tcp@fast: {duration_s: 2}", "udp@100M: {benchmark: tcp, duration_s: 2}"])  # fmt: skip
def test_a_variant_of_a_benchmark_is_said_inline(folder: Folder, inline: str) -> None:
    folder.edit("ping: {count: 25}", inline)
    assert folder.problems() == []
    instruments = hooks.load(Source.read(Path(FILE)).data, [Path(FILE)]).benchmarks
    name = inline.partition(":")[0]
    assert (instruments[name].kind, instruments["tcp"].kind) == ("tcp", "tcp")
    assert instruments[name].options == TcpOptions(duration_s=2)
    assert instruments["tcp"].options == TcpOptions(duration_s=1)


def test_a_variant_of_a_benchmark_is_a_file(folder: Folder) -> None:
    Path(VARIANT).parent.mkdir()
    folder.write(VARIANT, "benchmark: ping\noptions: {count: 7}\n")
    folder.edit("ping: {count: 25}", "tcp@short:")
    instrument = hooks.load(Source.read(Path(FILE)).data, [Path(FILE)]).benchmarks["tcp@short"]
    assert (instrument.kind, instrument.options) == ("ping", ping.Options(count=7))


def test_a_campaign_may_stand_anywhere(folder: Folder, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}.yaml"
    elsewhere.write_text(CAMPAIGN.replace("nebula", "nebulla"), encoding="utf-8")
    [line] = folder.problems(file=str(elsewhere))
    assert line.startswith(f"{elsewhere}:4: nebulla: ")


def test_all_problems_are_said_not_only_the_first(folder: Folder) -> None:
    folder.edit("rounds: 1", "rond: 1\nseeed: 2\nengine: tc").edit("nebula]", "a;b]")
    lines = folder.problems()
    assert [line.split(": ")[1] for line in lines] == ["rond", "seeed", "vpns.1", "engine"]

    folder.write(FILE, CAMPAIGN.replace("nebula", "nebulla").replace("low", "lov"))
    folder.write("config/testbeds/fake.yaml", "kind: lab\nhots: [a, b]\nhosts: [x]\n")
    lines = folder.problems()
    assert [line.split(": ")[1] for line in lines] == ["nebulla", "lov", "hots", "hosts"]

    folder.write(FILE, CAMPAIGN.replace("count", "cuont").replace("duration_s", "duration"))
    folder.write("config/testbeds/fake.yaml", "kind: fake\n")
    folder.write("config/vpns/nebula.yaml", "driver: nebula\noptions: {mtu: 5, routine: 1}\n")
    lines = folder.problems()
    keys = ["options.routine", "options.mtu", "benchmarks.ping.cuont", "benchmarks.tcp.duration"]
    assert [line.split(": ")[1] for line in lines] == keys


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("rounds=0", "--config: rounds: must be at least 1 (it says 0)"),
        ("rond=1", "--config: rond: unknown key; did you mean 'rounds'?"),
        ("vpns=[internal, nebulla]", "--config: nebulla: there is no config/vpns/nebulla.yaml"),
        ("testbed=fke", "--config: fke: there is no config/testbeds/fke.yaml"),
        ("benchmarks={ping: {count: 0}}", "--config: benchmarks.ping.count: must be at least 1"),
        ("benchmarks={pong: {}}", "--config: benchmarks.pong: there is no 'pong'"),
        ("rounds", "--config: rounds: write KEY=VALUE"),
        ("links=[lom->ada]", "--config: links: 'lom->ada' is not a pair"),
        ("rounds={", "--config: rounds: not YAML: "),
    ],
)
def test_the_command_line_is_blamed_for_what_it_said(
    folder: Folder, setting: str, problem: str
) -> None:
    lines = folder.problems(setting)
    assert lines[0].startswith(problem)


@pytest.mark.parametrize(
    "word",
    ["ab=1", "ab=2025_12", "ab=1.50", "ab=1e3", "ab=True", "ab=true", "ab=False", "ab=", "ab=null", "ab=text",
     "ab=[b, 2025_12]", "ab={b: {c: 1, d: }}", 'ab="2025_12"', "ab='x y'", "ab=inf", "ab=b=c", "ab=0x10"],
)  # fmt: skip
def test_settings_are_read_as_snakemake_does(word: str) -> None:
    parse: Any = importlib.import_module("snakemake.cli").parse_config
    assert dict([read_setting(word)]) == parse([word])


def test_a_file_is_blamed_for_what_the_command_line_did_not_touch(folder: Folder) -> None:
    folder.edit("count: 25", "count: 0")
    [line] = folder.problems("benchmarks={tcp: {duration_s: 2}}", "rounds=2")
    assert line.startswith(f"{FILE}:7: benchmarks.ping.count: ")
    assert folder.problems("benchmarks={ping: {count: 3}}") == []


def test_the_command_line_extends_a_file_as_snakemake_does() -> None:
    update_config: Any = importlib.import_module("snakemake.utils").update_config

    def fresh() -> dict[str, Any]:
        return {"a": {"b": 1, "c": {"d": 2}}, "e": [1, 2], "f": None}

    cases: list[dict[str, Any]] = [
        {"a": {"c": {"d": 3}}}, {"a": {"c": 4}}, {"a": 1}, {"e": {"x": 1}}, {"e": [3]},
        {"f": {"g": {"h": 1}}}, {"n": {}},
    ]  # fmt: skip
    for over in cases:
        ours, theirs = fresh(), fresh()
        merge(ours, over)
        update_config(theirs, over)
        assert ours == theirs


def test_an_ssh_testbed_without_its_key_files_is_refused(folder: Folder, tmp_path: Path) -> None:
    folder.write("config/testbeds/own.yaml", SSH).edit("testbed: fake", "testbed: own")
    assert folder.problems() == [
        f"config/testbeds/own.yaml: hosts.ada,bob.{key}_file: there is no file /nowhere/{key}"
        for key in ("key", "known_hosts")
    ]
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    hosts = tmp_path / "known_hosts"
    hosts.touch()
    text = SSH.replace("/nowhere/", f"{tmp_path}/")
    [unknown] = folder.write("config/testbeds/own.yaml", text).problems()
    assert unknown.startswith(
        f"config/testbeds/own.yaml: hosts.ada.known_hosts_file: {hosts} has no key for 203.0.113.1: "
        f"ssh-keyscan 203.0.113.1 >> {hosts} adds what the host answers with"
    )
    hosts.write_bytes(b"203.0.113.1 " + key.export_public_key())
    assert folder.problems() == []
    key.write_public_key(tmp_path / "key")
    [public] = folder.problems()
    assert "own.yaml: hosts.ada,bob.key_file: " in public
    assert "is the public half of a key" in public


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: bob", "name: ada", "duplicate host 'ada'"),
        ("192.0.2.2", "192.0.2.1", "duplicate data_address '192.0.2.1'"),
        (
            "192.0.2.2",
            "bob.example",
            "hosts.1.data_address: 'bob.example' is not an IP address",
        ),
        ("192.0.2.2", "192.0.2.256", "hosts.1.data_address: '192.0.2.256' is not an IP"),
        ("192.0.2.2", "2001:db8::2", "hosts: every data_address must be of one family"),
        ("bob.example", "203.0.113.1", "duplicate address '203.0.113.1 port 22'"),
        (
            "bob.example",
            "root@bob.example",
            "hosts.1.address: 'root@bob.example' is neither a host",
        ),
        (
            "bob.example",
            "'[2001:db8::2]:22'",
            "'[2001:db8::2]:22' is neither a host name nor an IP",
        ),
        ("bob.example", "-oProxyCommand=x", "'-oProxyCommand=x' is neither a host name nor an IP"),
        ("bob.example", "''", "'' is neither a host name nor an IP address"),
        ("eth1", "eth1;reboot", "'eth1;reboot' is not allowed here"),
        ("name: bob", "name: BOB", "'BOB' is not allowed here"),
        ("key_file: /nowhere/key", "keyfile: /nowhere/key", "did you mean 'key_file'?"),
    ],
)
def test_a_bad_ssh_testbed(folder: Folder, old: str, new: str, problem: str) -> None:
    folder.write("config/testbeds/own.yaml", SSH.replace(old, new))
    lines = folder.edit("testbed: fake", "testbed: own").problems()
    assert any(problem in line for line in lines)
    assert all(line.startswith("config/testbeds/own.yaml") for line in lines)


@pytest.mark.parametrize(
    ("allowed", "hosts", "refused"),
    [
        ((), "", ["1: bob", "0: ada"]),
        (("ada",), "", ["1: bob"]),
        (("ada",), "{hosts: [ada]}", []),
        (("ada", "bob"), "", []),
    ],
)
def test_own_hosts_are_rebooted_only_by_permission(
    folder: Folder, allowed: tuple[str, ...], hosts: str, refused: list[str]
) -> None:
    text = SSH
    for name in ("bob", "ada"):
        word = f"name: {name}\n    allow_reboot: {'true' if name in allowed else 'false'}"
        text = text.replace(f"name: {name}", word)
    folder.write("config/testbeds/own.yaml", text).edit("testbed: fake", "testbed: own")
    folder.edit("ping: {", f"reboot: {hosts}\n  ping: {{")
    lines = [line for line in folder.problems() if "allow_reboot" in line]
    wanted = [
        f"hosts.{index}.allow_reboot: the benchmark 'reboot' reboots {name}, which is not allowed"
        for index, _, name in (refusal.partition(": ") for refusal in refused)
    ]
    assert len(lines) == len(wanted)
    for problem in wanted:
        assert any(problem in line for line in lines)
    assert all(line.startswith("config/testbeds/own.yaml:") for line in lines)


@pytest.mark.parametrize(
    ("benchmark", "option", "value"),
    [
        ("reboot", "hosts", "[lom, bob]"),
        ("reconnect", "hosts", "[lom, bob]"),
        ("reconnect", "second_addresses", "{lom: 192.0.2.8, bob: 192.0.2.9}"),
    ],
)
def test_a_host_that_a_benchmark_names_is_the_testbed_s(
    folder: Folder, benchmark: str, option: str, value: str
) -> None:
    [line] = folder.edit("ping: {", f"{benchmark}: {{{option}: {value}}}\n  ping: {{").problems()
    wanted = f"{FILE}:7: benchmarks.{benchmark}.{option}: bob is no host of the testbed"
    assert line.startswith(wanted)


def test_a_lab_s_hosts_may_be_rebooted(folder: Folder) -> None:
    folder.edit("testbed: fake", "testbed: lab").edit("ping: {", "reboot:\n  ping: {")
    assert not [line for line in folder.problems() if "reboot" in line]


def test_unknown_keys_are_not_looked_up_forever() -> None:
    with pytest.raises(ConfigError) as error:
        check(CampaignFile, yaml.safe_load("{1: x, yes: y, vpns: {vpns: 1}}"), [])
    assert {problem.key for problem in error.value.problems} >= {"1", "vpns", "campaign"}


@given(
    st.dictionaries(
        st.sampled_from(["vpns", "tunings", "rounds", "benchmarks", "links", "sed", "calibration"]),
        st.recursive(
            st.none() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=6,
        ),
    )
)
def test_whatever_a_file_says_its_problems_are_listed(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        check(CampaignFile, {**data, "campaign": "No Name"}, [])
    assert all(problem.message for problem in error.value.problems)
    assert "campaign" in {problem.key for problem in error.value.problems}


def test_the_schemas_in_the_repository_are_the_models() -> None:
    for name, text in models.schemas().items():
        assert (SHIPPED / "schema" / name).read_text(encoding="utf-8") == text, (
            f"config/schema/{name} is out of date: run `make schema`"
        )
        assert json.loads(text)
    assert {path.name for path in (SHIPPED / "schema").iterdir()} == models.schemas().keys()


def test_the_profiles_are_the_thesis_ones() -> None:
    profiles = {
        name: load_named(SHIPPED / "profiles", name, Profile, ("", None))
        for name in ("baseline", "low", "medium", "high")
    }
    values = {
        name: (p.delay_ms, p.jitter_ms, p.loss_percent, p.reorder_percent,
               p.reorder_correlation_percent)
        for name, p in profiles.items()
    }  # fmt: skip
    assert values == {
        "baseline": (0, 0, 0, 0, 0),
        "low": (2, 2, 0.25, 0.5, 25),
        "medium": (4, 7, 1, 2.5, 50),
        "high": (6, 15, 2.5, 5, 50),
    }
    assert [name for name, profile in profiles.items() if profile.impairs] == [
        "low",
        "medium",
        "high",
    ]


def test_links_are_a_ring_all_pairs_or_chosen() -> None:
    def links(value: Any) -> tuple[tuple[str, str], ...]:
        file = CampaignFile.model_validate(
            {"campaign": "c", "vpns": ["a"], "profiles": ["b"], "benchmarks": {"p": None}}
            | ({"links": value} if value else {})
        )
        return models.Campaign(file, LabTestbed(kind="lab"), {}, {}, {}, {}).links

    ring = (("lom", "yuki"), ("yuki", "luna"), ("luna", "lom"))
    assert links(None) == ring
    assert len(set(links("all"))) == 6
    assert links(["luna->lom"]) == (("luna", "lom"),)


def test_hosts_of_an_ssh_testbed_keep_their_order() -> None:
    names = host_names(SshTestbed.model_validate(yaml.safe_load(SSH)))
    assert names == ("ada", "bob")


def test_lab_all_has_every_system_of_its_driver_s_name() -> None:
    systems = {path.stem: yaml.safe_load(path.read_text()) for path in (SHIPPED / "vpns").iterdir()}
    expected = {name for name, system in systems.items() if system["driver"] == name}
    listed = yaml.safe_load((SHIPPED / "lab-all.yaml").read_text())["vpns"]
    assert sorted(listed) == sorted(expected), "config/lab-all.yaml: list each under vpns"
