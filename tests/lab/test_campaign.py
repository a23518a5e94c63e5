"""A whole small campaign with the real workflow, from nothing to figures, and then once more."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import pytest
import yaml
from pyarrow import parquet

from meshbench import benchmarks
from meshbench.figures import catalogue
from meshbench.results import records
from meshbench.results.records import Record, Status
from meshbench.testbed.lab.layout import Layout
from tests.lab import support

COPIED = (
    "Snakefile", "config", "environment.yml", "profiles", "pyproject.toml", "rules", "scripts", "tools",
)  # fmt: skip
FIGURES = ("campaign_overview", "impairment", "rtt", "tcp_throughput", "throughput_table")
PROFILES = ("baseline", "medium")
BENCHMARKS = ("ping", "tcp")
SOUND = ("internal", "tinc", "wireguard")
LEAST_KEY_BYTES = 16
"""Shorter ones, as the last line of a PEM text, may be anywhere by chance."""
BROKEN = "kernelonly"
"""WireGuard by the kernel's module only, where the kernel has none: a VPN that cannot come up."""


def kernel_has_wireguard() -> bool:
    """Tried in a namespace of its own."""
    name = f"mbwg{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        add = ["ip", "-n", name, "link", "add", "wg0", "type", "wireguard"]
        return subprocess.run(add, capture_output=True, check=False).returncode == 0
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@dataclass(frozen=True)
class Campaign:
    """A copy of the checkout, its lab and its campaign."""

    folder: Path
    vpns: tuple[str, ...]

    @property
    def lab(self) -> Layout:
        return Layout("lab", str(self.folder), support.TESTBED.hosts)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        bin_ = Path(support.PYTHON).parent
        return subprocess.run(
            [str(bin_ / argv[0]), *argv[1:]],
            cwd=self.folder,
            env={
                **{key: value for key, value in os.environ.items() if key != "MESHBENCH_RUN"},
                "MESHBENCH_LAB_OWNER": self.lab.owner,
                "PYTHONPATH": str(self.folder / "scripts"),
                "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def snakemake(self) -> subprocess.CompletedProcess[str]:
        return self.run(
            "snakemake", "--cores", "1", "figures/all", "--configfile", "config/mini.yaml"
        )

    def meshbench(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("python", "-m", "meshbench", "--configfile", "config/mini.yaml", *words)

    def records(self) -> dict[str, Record]:
        """By cell, e.g. ``nebula/stock/low/ping/1``."""
        return {record.cell.path: record for record in map(records.read, self.files_of_records())}

    def files_of_records(self) -> list[Path]:
        return sorted((self.folder / "results" / "mini" / "raw").rglob("*.json"))

    def record(self, vpn: str, profile: str, benchmark: str) -> Record:
        return self.records()[f"{vpn}/stock/{profile}/{benchmark}/1"]

    def values(
        self, vpn: str, profile: str, benchmark: str, metric: str, *, whole: bool = True
    ) -> list[float]:
        """Over the links and directions, of whole runs or of their single samples."""
        instrument = benchmarks.load(benchmark)()
        return [
            v.value
            for v in instrument.parse(self.record(vpn, profile, benchmark))
            if v.metric.name == metric and (v.t_s is None) is whole and v.value is not None
        ]

    def mean(self, vpn: str, profile: str, benchmark: str, metric: str) -> float:
        return fmean(self.values(vpn, profile, benchmark, metric))

    def median_rtt_ms(self, vpn: str, profile: str) -> float:
        """Over all replies: a machine that is held up for a moment does not move it."""
        return median(self.values(vpn, profile, "ping", "rtt", whole=False))

    def files(self) -> dict[str, tuple[int, int]]:
        """Everything the workflow made, with when it was made."""
        folders = [self.folder / "results", self.folder / "figures"]
        paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_ino) for p in paths}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, machine_is_ours: None) -> Iterator[Campaign]:
    """The campaign after its first run."""
    del machine_is_ours
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        source = support.CHECKOUT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "build")
            )
        else:
            shutil.copy(source, folder)
    vpns = SOUND if kernel_has_wireguard() else (*SOUND, BROKEN)
    (folder / "config" / "mini.yaml").write_text(
        yaml.safe_dump(
            {
                "campaign": "mini",
                "testbed": "lab",
                "seed": 7,
                "rounds": 1,
                "vpns": list(vpns),
                "profiles": list(PROFILES),
                "benchmarks": {
                    "ping": {"count": 60, "interval_s": 0.05},
                    "tcp": {"duration_s": 1, "modes": ["bidir"]},
                },
                "figures": list(FIGURES),
                "calibration": {"duration_s": 1, "interval_ms": 2},
            }
        )
    )
    (folder / "config" / "vpns" / f"{BROKEN}.yaml").write_text(
        "driver: wireguard\noptions: {implementation: kernel}\n"
    )
    campaign = Campaign(folder, vpns)
    assert support.leftovers(campaign.lab.id) == []
    try:
        done = campaign.snakemake()
        (folder / "first-run.txt").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
        yield campaign
    finally:
        campaign.meshbench("lab", "down")
    assert support.leftovers(campaign.lab.id) == []


def test_the_lab_is_gone_after_the_run(campaign: Campaign) -> None:
    assert support.leftovers(campaign.lab.id) == []
    assert campaign.meshbench("lab", "status").stdout == f"lab {campaign.lab.id} is down\n"


def test_every_cell_has_a_record(campaign: Campaign) -> None:
    cells = {
        f"{vpn}/stock/{profile}/{benchmark}/1"
        for vpn in campaign.vpns
        for profile in PROFILES
        for benchmark in BENCHMARKS
    }
    records = campaign.records()
    assert records.keys() == cells
    for record in records.values():
        if record.cell.vpn in SOUND:
            assert support.reasons(record) == {}
            assert record.vpn.version
            assert record.testbed.shared_cpu is True
            impaired = record.cell.profile != "baseline"
            assert (record.impairment.engine != "none") is impaired
            assert len(record.impairment.after) == (3 if impaired else 0)


def test_figures_are_there(campaign: Campaign) -> None:
    folder = campaign.folder / "figures" / "mini"
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert {f"{name}.{kind}" for name in FIGURES for kind in catalogue.get(name).formats} <= names
    assert all((folder / name).stat().st_size > 0 for name in names)


def test_physics_is_plausible(campaign: Campaign) -> None:
    link = campaign.mean("internal", "baseline", "tcp", "goodput")
    tunnel = campaign.mean("tinc", "baseline", "tcp", "goodput")
    assert 0 < tunnel <= 1.1 * link
    for vpn in SOUND:
        # Two one-way delays of 4.32 ms each in the mean.
        impaired = campaign.median_rtt_ms(vpn, "medium")
        assert impaired >= campaign.median_rtt_ms(vpn, "baseline") + 4, vpn
        assert campaign.mean(vpn, "baseline", "ping", "ping_loss") == 0
    # Loss limits both alike: which of them is ahead in a second of it is chance.
    for vpn in SOUND:
        assert 0 < campaign.mean(vpn, "medium", "tcp", "goodput") < link / 2, vpn


def test_a_vpn_that_cannot_come_up_is_a_result(campaign: Campaign) -> None:
    if BROKEN not in campaign.vpns:
        pytest.skip("this kernel has WireGuard: there is no VPN that cannot come up")
    cells = [r for r in campaign.records().values() if r.cell.vpn == BROKEN]
    assert len(cells) == len(PROFILES) * len(BENCHMARKS)
    for record in cells:
        assert {link.status for link in record.links} == {Status.UNAVAILABLE}
        assert all("the kernel has no wireguard" in (link.reason or "") for link in record.links)
    files = campaign.files_of_records()
    paths = [str(p.relative_to(campaign.folder)) for p in files if BROKEN in p.parts]
    assert len(paths) == len(cells)
    listed = campaign.meshbench("failed").stdout.split()
    assert sorted(listed) == sorted([f"results/mini/deploy/{BROKEN}.json", *paths])
    output = (campaign.folder / "first-run.txt").read_text()
    assert "-R $(python -m meshbench" in output
    assert all(path in output for path in paths)


def forms_of(value: str) -> set[bytes]:
    """A key as it is stored, line by line, and what it stands for: raw, in hex and in base64."""
    lines = {line for line in value.splitlines() if line and "-----" not in line}
    forms = {line.encode() for line in lines}
    for line in lines:
        with contextlib.suppress(ValueError):
            raw = base64.b64decode(line, validate=True)
            forms |= {raw, raw.hex().encode(), base64.urlsafe_b64encode(raw)}
    return {form for form in forms if len(form) >= LEAST_KEY_BYTES}


def private_keys(campaign: Campaign) -> dict[str, set[bytes]]:
    """By system and host, every form of the private keys in the store."""
    store = campaign.folder / ".meshbench" / "secrets" / "mini"
    materials = {path.stem: json.loads(path.read_text())["material"] for path in store.iterdir()}
    return {
        f"{system} of {host}": forms_of(values["private"])
        for system, material in materials.items()
        for host, values in material.items()
        if "private" in values
    }


def test_results_can_be_published_as_they_are(campaign: Campaign) -> None:
    keys = private_keys(campaign)
    expected = {f"{vpn} of {host}" for vpn in SOUND[1:] for host in support.TESTBED.hosts}
    assert keys.keys() >= expected
    assert all(len(forms) >= 3 for forms in keys.values()), "as stored, raw, in hex"
    parts = [campaign.folder / part for part in ("results", "figures", "logs")]
    files = [path for part in parts for path in part.rglob("*") if path.is_file()]
    assert {path.relative_to(campaign.folder).parts[0] for path in files} == {
        "results", "figures", "logs"
    }  # fmt: skip
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".parquet":  # compressed
            content = str(parquet.read_table(path).to_pydict()).encode()
        shown = [owner for owner, forms in keys.items() if any(form in content for form in forms)]
        assert not shown, path


def test_a_second_run_does_nothing(campaign: Campaign) -> None:
    before = campaign.files()
    done = campaign.snakemake()
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-4000:]
    assert campaign.files() == before
    assert "Nothing to be done" in output
    assert support.leftovers(campaign.lab.id) == []
