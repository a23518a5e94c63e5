"""Campaigns and systems compared, and gates, on campaigns whose truth is known."""

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from meshbench.analysis import compare, gates, order, sides
from meshbench.analysis.compare import Change, Comparison, Manner
from meshbench.analysis.estimates import Estimate
from meshbench.analysis.gates import Gate, Outcome
from meshbench.cli import main
from meshbench.report import comparing, comparison
from meshbench.tables import schema
from meshbench.util.errors import MeshbenchError
from tests.unit.synthetic import LINKS, link, sample

Rows = list[dict[str, Any]]
SETTINGS: dict[str, Any] = {
    "where": {"seed": 1, "links": [["lom", "yuki"]]},
    "profile": {"loss_percent": 0},
    "options": {"duration_s": 6},
    "system": {"driver": "nebula", "options": {}},
}
VPNS = ("internal", "nebula", "tinc")


def noise(seed: int, amount: float) -> Callable[[str, int], float]:
    """A factor per system and round."""

    def drawn(vpn: str, round_: int) -> float:
        dice = np.random.default_rng([seed, round_, VPNS.index(vpn)])
        return float(dice.lognormal(0, amount))

    return drawn


def campaign(
    folder: Path,
    *,
    factors: dict[str, float] | None = None,
    rounds: int = 8,
    seed: int = 1,
    amount: float = 0.01,
    settings: dict[str, Any] | None = None,
    failed: tuple[str, ...] = (),
    **columns: Any,
) -> Path:
    """A campaign's results: goodput and RTT of three systems, with records of their first round."""
    factor = noise(seed, amount)
    samples, links = [], []
    for round_ in range(1, rounds + 1):
        weather = 1 + 0.1 * (round_ % 3)
        for vpn in VPNS:
            bad = {"status": "failed", "reason": "no route"} if vpn in failed else {}
            for source, target in LINKS:
                at = {"vpn": vpn, "round": round_, "source": source, "target": target}
                record = f"raw/{vpn}/{round_}.json"
                links.append(link(**at, **columns, **bad, record=record))
                value = 1e8 * weather * factor(vpn, round_) * (factors or {}).get(vpn, 1.0)
                for metric, unit, of in (
                    ("goodput", "bit/s", value),
                    ("rtt_avg", "ms", 1e9 / value),
                ):
                    samples.append(sample(metric, None if bad else of, unit, **at, **bad))
    _write(folder, samples, links)
    recorded = {**SETTINGS, "where": {**SETTINGS["where"], "seed": seed}, **(settings or {})}
    for vpn in VPNS:
        path = folder / "raw" / vpn / "1.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"settings": recorded, "versions": {"benchmark_method": 1}}))
    return folder


_MEASURE = pa.schema(
    [
        *(field for field in schema.SAMPLES if field.name not in {"kind", "stream", "t_s", "host"}),
        pa.field("marks", pa.list_(pa.string())),
    ]
)


def _write(folder: Path, samples: Rows, links: Rows) -> None:
    """What the tables of such a campaign hold, without the detour by SQL."""
    measures = [{**row, "marks": [], "record": None} for row in samples]
    hosts = _MEASURE.append(pa.field("host", pa.string())).empty_table()
    for name, table in (
        ("measures", schema.table(measures, _MEASURE)),
        ("links", schema.table(links, schema.LINKS)),
        ("hosts", hosts),
    ):
        schema.write(table, folder / "tables" / f"{name}.parquet")
    schema.write(schema.table(samples, schema.SAMPLES), folder / "samples" / "all.parquet")


def against(*folders: Path | str, **manner: Any) -> Comparison:
    wanted = Manner(**{"metrics": ("goodput",), **manner})
    [compared] = compare.compare([sides.read(str(folder)) for folder in folders], wanted)
    return compared


def of(compared: Comparison, vpn: str = "nebula") -> Change:
    [change] = [change for change in compared.changes if change.key["vpn"] == vpn]
    return change


def effects(compared: Comparison) -> dict[str, str]:
    return {mismatch.what: mismatch.effect for mismatch in compared.basis.mismatches}


def test_a_change_is_found_and_what_did_not_change_is_not_called_one(tmp_path: Path) -> None:
    base = campaign(tmp_path / "base")
    compared = against(base, campaign(tmp_path / "next", factors={"nebula": 0.9}))
    assert of(compared).verdict == "worse"
    assert of(compared).ratio == pytest.approx(0.9)
    assert {of(compared, vpn).verdict for vpn in ("internal", "tinc")} == {"equivalent"}
    assert (compared.base, compared.other, compared.basis.paired, compared.basis.mismatches) == (
        "base", "next", True, (),
    )  # fmt: skip


def test_of_times_more_is_worse(tmp_path: Path) -> None:
    base = campaign(tmp_path / "base")
    other = campaign(tmp_path / "next", factors={"nebula": 0.9})
    assert of(against(base, other, metrics=("rtt_avg",))).verdict == "worse"
    assert of(against(other, base, metrics=("rtt_avg",))).verdict == "better"


def test_other_weather_is_compared_without_pairing(tmp_path: Path) -> None:
    base = campaign(tmp_path / "base")
    compared = against(base, campaign(tmp_path / "next", seed=2, factors={"nebula": 0.5}))
    assert compared.basis.paired is False
    assert effects(compared) == {"weather": "compared all the same"}
    assert of(compared).verdict == "worse"
    assert of(compared).low is not None
    assert of(compared, "tinc").verdict == "cannot tell"


def test_other_machines_are_compared_by_their_own_bare_link(tmp_path: Path) -> None:
    """Half as fast a machine changes nothing for a system that has as much of the bare link."""
    base = campaign(tmp_path / "base", kernel="6.12")
    slower = {"internal": 0.5, "nebula": 0.5, "tinc": 0.4}
    compared = against(base, campaign(tmp_path / "next", factors=slower, kernel="6.1"))
    assert compared.basis.relative
    assert effects(compared)["kernel"] == "relative to the bare link"
    assert {change.key["vpn"] for change in compared.changes} == {"nebula", "tinc"}
    assert (of(compared).verdict, of(compared, "tinc").verdict) == ("equivalent", "worse")
    assert of(compared).ratio == pytest.approx(1)
    assert of(compared, "tinc").ratio == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("profile baseline", {"profile": {"loss_percent": 1}}),
        ("options of benchmark tcp", {"options": {"duration_s": 9}}),
        ("links of benchmark tcp", {"where": {"seed": 1, "links": [["yuki", "lom"]]}}),
    ],
)
def test_what_was_measured_otherwise_is_left_out_and_said_first(
    what: str, changed: dict[str, Any], tmp_path: Path
) -> None:
    base = campaign(tmp_path / "base")
    other = campaign(tmp_path / "next", settings=changed)
    compared = against(base, other)
    assert (effects(compared), compared.changes) == ({what: "left out"}, ())
    report = comparison.told([compared])
    assert report.grids[0].title == "Not the same on both sides"
    assert "Nothing is left that could be compared." in report.lines
    anyway = against(base, other, anyway=True)
    assert effects(anyway) == {what: "compared all the same"}
    assert len(anyway.changes) == 3


def test_versions_and_set_up_of_a_system_are_told_and_compared(tmp_path: Path) -> None:
    other = {"system": {"driver": "nebula", "options": {"cipher": "chachapoly"}}}
    base = campaign(tmp_path / "base")
    compared = against(base, campaign(tmp_path / "next", settings=other, vpn_version="2.0"))
    mismatches = {m.what: (m.base, m.other) for m in compared.basis.mismatches}
    assert mismatches["version of nebula"] == ("1.0", "2.0")
    assert mismatches["set-up of nebula"] == (
        "no options.cipher", "options.cipher chachapoly",
    )  # fmt: skip
    assert len(compared.changes) == 3


def test_two_systems_of_one_campaign_are_compared_round_by_round(tmp_path: Path) -> None:
    base = campaign(tmp_path / "base", factors={"tinc": 0.5})
    compared = against(f"{base}:nebula", f"{base}:tinc")
    [change] = compared.changes
    assert (compared.base, compared.other) == ("base:nebula", "base:tinc")
    assert (compared.basis.paired, change.verdict) == (True, "worse")
    assert change.ratio == pytest.approx(0.5, rel=0.02)


def test_with_fewer_than_six_rounds_nothing_is_told(tmp_path: Path) -> None:
    base = campaign(tmp_path / "base", rounds=5)
    change = of(against(base, campaign(tmp_path / "next", rounds=5, factors={"nebula": 0.1})))
    assert (change.verdict, change.p, change.low) == ("cannot tell", None, None)
    assert change.why == "six rounds needed"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["base"], "nothing to compare with"),
        (["base", "base"], "are the same"),
        (["base", "base:nebula"], "compare a system with a system"),
        (["base:nebulla", "base:tinc"], "did you mean 'nebula'"),
        (["base", "elsewhere"], "'elsewhere' has no tables to compare"),
    ],
)
def test_what_cannot_be_compared_is_said(
    names: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign(tmp_path / "results" / "base")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MeshbenchError, match=words):
        compare.compare([sides.read(name) for name in names], Manner())


def test_the_unpaired_ratio_is_wilcoxons() -> None:
    # All 36 quotients lie between 2/1.5 and 3/1; two samples of six have none left out but five pairs.
    left, right = np.array([2.0, 2.2, 2.4, 2.6, 2.8, 3.0]), np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5])
    interval = order.ratio_interval(left, right)
    assert interval is not None
    quotients = sorted(a / b for a in left for b in right)
    # Table of Mann and Whitney's U: 5 is the critical value of 6 and 6 at 5 %.
    assert interval[1:] == (quotients[5], quotients[-6])
    assert order.rank_sum_chances(6, 6).cumsum()[5] == pytest.approx(0.0206, abs=1e-4)
    assert order.ratio_interval(left[:3], right[:3]) is None


# Gates


def change(low: float | None, high: float | None, **of_change: Any) -> Change:
    centre = Estimate(1.0, None, None, 8)
    defaults: dict[str, Any] = {
        "key": {"metric": "goodput"}, "base": centre, "other": centre, "ratio": None, "low": low,
        "high": high, "shift": None, "p": None, "p_holm": None, "rounds": 8, "verdict": "",
    }  # fmt: skip
    return Change(**{**defaults, **of_change})


@pytest.mark.parametrize(
    ("gate", "low", "high", "outcome"),
    [
        ("goodput -5%", 0.96, 1.2, Outcome.PASS),
        ("goodput -5%", 0.95, None, Outcome.PASS),
        ("goodput -5%", 0.90, 0.97, Outcome.CANNOT_TELL),
        ("goodput -5%", 0.80, 0.94, Outcome.FAIL),
        ("goodput -5%", None, None, Outcome.CANNOT_TELL),
        ("rtt_avg +10%", 0.5, 1.09, Outcome.PASS),
        ("rtt_avg +10%", 1.05, 1.15, Outcome.CANNOT_TELL),
        ("rtt_avg +10%", 1.11, None, Outcome.FAIL),
        ("rtt_avg +10%", 0.9, None, Outcome.CANNOT_TELL),
    ],
)
def test_a_gate_passes_only_what_is_known_to_be_within(
    gate: str, low: float | None, high: float | None, outcome: Outcome
) -> None:
    assert Gate.of(gate).judge(change(low, high))[0] is outcome


def test_a_system_that_has_no_value_any_more_fails_its_gate() -> None:
    gone = change(None, None, other=Estimate(None, None, None, 0))
    outcome, why = Gate.of("goodput -5%").judge(gone)
    assert (outcome, why) == (Outcome.FAIL, "no value any more, there were some in 8 rounds")


@pytest.mark.parametrize(
    "text", ["goodput", "goodput 5%", "goodput -5", "-5%", "goodput -0%", "goodput -100%"]
)
def test_a_gate_that_cannot_be_one_says_how_to_write_it(text: str) -> None:
    with pytest.raises(MeshbenchError, match="such as 'goodput -5%'"):
        Gate.of(text)


def test_cannot_tell_is_no_pass_unless_asked_for() -> None:
    unsure = [Outcome.PASS, Outcome.CANNOT_TELL]
    assert gates.worst(unsure) is Outcome.CANNOT_TELL
    assert gates.worst(unsure, unsure_passes=True) is Outcome.PASS
    assert gates.worst([*unsure, Outcome.FAIL], unsure_passes=True) is Outcome.FAIL


@pytest.mark.parametrize(("slower", "status"), [(1.0, 0), (0.8, 1), (0.95, 3)])
def test_the_exit_status_and_the_junit_file_say_what_gates_say(
    slower: float, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = campaign(tmp_path / "base")
    other = campaign(tmp_path / "next", factors={"nebula": slower}, seed=2 if status == 3 else 1)
    file = tmp_path / "gates.xml"
    words = ["compare", f"{base}:nebula", f"{other}:nebula", "--gate", "goodput -5%"]
    assert main([*words, "--junit", str(file)]) == status
    suite = ET.parse(file).getroot()[0]  # noqa: S314
    counts = {key: suite.get(key) for key in ("name", "tests", "failures", "skipped")}
    failures = "0" if status == 0 else "1"
    assert counts == {"name": "goodput -5%", "tests": "1", "failures": failures, "skipped": "0"}
    assert "1 value behind gates" in capsys.readouterr().out
    if status == 3:
        assert main([*words, "--cannot-tell", "pass", "--junit", str(file)]) == 0
        assert ET.parse(file).getroot()[0].get("skipped") == "1"  # noqa: S314


def test_of_ten_campaigns_a_gate_lets_the_unchanged_pass_and_stops_the_slowed(
    tmp_path: Path,
) -> None:
    base = sides.read(str(campaign(tmp_path / "base")))
    gate, manner = Gate.of("goodput -5%"), Manner(("goodput",))
    for seed in range(10):
        # Paired by the weather, though their own noise differs.
        unchanged, slowed = (
            campaign(
                tmp_path / f"{name}{seed}", seed=10 + seed, factors={"nebula": by},
                settings={"where": SETTINGS["where"]},
            )
            for name, by in (("same", 1.0), ("slow", 0.88))
        )  # fmt: skip
        comparisons = [
            compare.compare([base, sides.read(str(other))], manner) for other in (unchanged, slowed)
        ]
        outcomes = [gate.judge(of(compared))[0] for [compared] in comparisons]
        assert outcomes == [Outcome.PASS, Outcome.FAIL]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gate", "goodpt -5%"], "did you mean 'goodput'"),
        (["--gate", "copy_time +5%"], "no value of 'copy_time' is compared"),
        (["--metric", "goodpt"], "there is no metric 'goodpt'"),
        (["--junit", "x.xml"], "--junit writes what gates say"),
    ],
)
def test_words_that_mean_nothing_are_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = campaign(tmp_path / "base"), campaign(tmp_path / "next")
    assert main(["compare", str(base), str(other), *words]) == 2
    assert said in capsys.readouterr().err


# How it reads


def test_it_reads_like_benchstat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = campaign(tmp_path / "base", amount=0.1)
    other = campaign(tmp_path / "next", factors={"nebula": 0.5}, amount=0.1, seed=3)
    files = {kind: tmp_path / f"out.{kind}" for kind in ("html", "csv", "latex", "markdown")}
    words = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    assert main(["compare", str(base), str(other), "--metric", "goodput", *words]) == 0
    out = capsys.readouterr().out
    assert "next against base: unpaired, as the rounds met other weather." in out
    nebula, tinc = (
        next(line for line in out.splitlines() if vpn in line) for vpn in ("nebula", "tinc")
    )
    assert "-5" in nebula
    assert "p=0.0" in nebula
    assert "~ [" in tinc
    assert "n=8)" in tinc
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert {row["vpn"]: row["verdict"] for row in rows}["nebula"] == "worse"
    assert float(rows[0]["base_value"]) > 1e7
    assert "| nebula | baseline |" in files["markdown"].read_text()
    assert "\\toprule" in files["latex"].read_text()
    assert "<td>nebula</td>" in files["html"].read_text()
    assert "?" not in files["latex"].read_text().replace("\\usepackage", "")


def test_the_rule_writes_every_format(tmp_path: Path) -> None:
    base, other = campaign(tmp_path / "base"), campaign(tmp_path / "next")
    out = {kind: tmp_path / f"c.{kind}" for kind in ("html", "csv", "markdown", "latex")}
    comparing.write([str(base), str(other)], out, marked=True, equivalent_percent=5)
    assert all(path.stat().st_size > 500 for path in out.values())
    assert {"goodput", "rtt_avg", "copy_time"} <= set(comparing.headline_metrics())


def test_two_profiles_of_one_system_are_compared_by_name(tmp_path: Path) -> None:
    samples, links = [], []
    for profile, by in (("low", 1.0), ("low@loss", 0.9)):
        for round_ in range(1, 9):
            for vpn in ("internal", "nebula"):
                for source, target in LINKS:
                    at = {
                        "vpn": vpn,
                        "round": round_,
                        "source": source,
                        "target": target,
                        "profile": profile,
                    }
                    links.append(link(**at, record=f"raw/{profile}.json"))
                    samples.append(sample("goodput", by * (100 + round_), "bit/s", **at))
    _write(tmp_path / "aa", samples, links)
    for profile, loss in (("low", 0.25), ("low@loss", 0.275)):
        recorded = {**SETTINGS, "profile": {"loss_percent": loss}}
        path = tmp_path / "aa" / "raw" / f"{profile}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"settings": recorded, "versions": {"benchmark_method": 1}}))
    aa = f"{tmp_path / 'aa'}:nebula"
    compared = against(f"{aa}/low", f"{aa}/low@loss")
    [change] = compared.changes
    assert change.ratio == pytest.approx(0.9)
    assert change.verdict == compare.WORSE
    assert [(m.base, m.other, m.effect) for m in compared.basis.mismatches] == [
        ("loss_percent 0.25", "loss_percent 0.275", "compared all the same")
    ]
    with pytest.raises(MeshbenchError, match="did you mean 'low'"):
        sides.read(f"{aa}/lov")
    with pytest.raises(MeshbenchError, match="name a profile on both sides"):
        against(f"{aa}/low", f"{tmp_path / 'aa'}:internal")
