"""Rounds until intervals are narrow: who goes on, why, and which cells that makes."""

from pathlib import Path
from typing import Any

import pytest

from meshbench.analysis import decisions, waves
from meshbench.analysis.decisions import Decision, Group
from meshbench.analysis.waves import Width
from meshbench.config.models import Adaptive
from meshbench.config.plan import Bracketed, Calibrated
from meshbench.results import records
from meshbench.results.records import Status
from meshbench.workflow.settings import Setup
from meshbench.workflow.waves import Waves
from tests.unit import making
from tests.unit.test_analysis import analysed, campaign

ADAPTIVE = {"least": 3, "most": 9, "until": "5%"}
FIRSTS = [["tcp", "goodput", None, "forward", "link"]]


def group(vpn: str, profile: str = "low") -> Group:
    return vpn, "stock", "ingress", profile


def width(percent: float | None, **more: Any) -> Width:
    return Width("tcp", "goodput", percent, **more)


def going(widths: dict[str, list[Width]]) -> dict[str, str]:
    """By VPN, why it goes on."""
    decided = waves.decided(
        [group(vpn) for vpn in widths], {group(vpn): w for vpn, w in widths.items()}, 7, 5.0
    )
    assert {decision.rounds for decision in decided} == {7}
    return {decision.vpn: decision.why for decision in decided if decision.goes_on}


def test_a_system_goes_on_until_every_headline_is_narrow() -> None:
    widths = {"tinc": [width(4.9), width(5.1)], "nebula": [width(5.0)], "vxlan": [width(None)]}
    assert going(widths) == {
        "tinc": "more than ±5 %: tcp goodput ±4.9 %, tcp goodput ±5.1 %",
        "vxlan": "more than ±5 %: tcp goodput no interval",
    }


def test_the_bare_link_goes_on_beside_any_other_one() -> None:
    assert going({"internal": [width(0.1)], "tinc": [width(9)]})["internal"] == "beside tinc"
    assert going({"internal": [width(0.1)], "tinc": [width(1)]}) == {}
    assert "internal" in going({"internal": [width(9)], "tinc": [width(1)]})


def test_what_is_impossible_is_not_waited_for_and_what_failed_is() -> None:
    assert going({"tinc": [width(None, impossible=True), width(1)]}) == {}
    assert going({"tinc": [width(None, impossible=True)]}) == {}
    assert "tinc" in going({"tinc": [width(None)]})
    assert "tinc" in going({"tinc": []})


def recorded(folder: Path, vpn: str, round_: int, status: Status = Status.OK) -> Path:
    """A record of a ping, with times that are the rounds' own."""
    output = "\n".join(f"[1.{n}] 64 bytes from x: icmp_seq={n} ttl=64 time={100 + round_} ms"
                       for n in range(1, 4))  # fmt: skip
    end = f"\n3 packets transmitted, 3 received, 0% packet loss, time 1ms\nrtt min/avg/max/mdev = {100 + round_}/{100 + round_}/{100 + round_}/0.0 ms"
    link = making.link(
        making.command(output + end, argv=("ping", "-c", "3")), status=status, reason="no way"
    )
    cell = making.cell(vpn=vpn, round=round_)
    path = folder / cell.path / "0123456789ab.json"
    path.parent.mkdir(parents=True)
    records.write(making.record(link, cell=cell, options={"count": 3}), path)
    return path


def test_a_wave_reads_the_records_and_keeps_what_was_decided(tmp_path: Path) -> None:
    files = [recorded(tmp_path, "nebula", n) for n in range(1, 8)]
    files += [recorded(tmp_path, "tinc", n, Status.FAILED) for n in range(1, 8)]
    before, out = tmp_path / "6.json", tmp_path / "7.json"
    stopped = Decision(*group("vxlan"), False, 6, "within")
    on = [Decision(*group(vpn), True, 6, "more") for vpn in ("nebula", "tinc")]
    decisions.write([stopped, *on], 6, before)
    first = ["ping", "rtt_avg", None, "forward", "link"]
    groups = [group(vpn) for vpn in ("vxlan", "nebula", "tinc")]
    waves.decide(files, [], [], before, groups, [first], 7, 5.0, True, out)
    decided = decisions.read(out)
    assert decided[group("vxlan")] == stopped
    assert not decided[group("nebula")].goes_on
    assert decided[group("nebula")].rounds == 7
    # Seven values one apart around 104: the interval is that of the estimates.
    assert decided[group("nebula")].why.startswith("within ±5 %: ping rtt_avg ±2.")
    assert decided[group("tinc")].why == "more than ±5 %: ping rtt_avg no interval"


def test_the_half_width_is_that_of_the_estimates(tmp_path: Path) -> None:
    def value(vpn: str, round_: int, index: int) -> float:
        del vpn, index
        return 100.0 + round_

    stops = [Decision(*group("tinc", "baseline"), True, 7, "more")]
    file = tmp_path / "7.json"
    decisions.write([*stops, Decision(*group("vxlan", "baseline"), False, 6, "within")], 7, file)
    samples, links = campaign(value, ["tinc"], 8)
    tables = analysed(
        tmp_path / "a", samples, links, decided=file, rounds=8, until=5.0, firsts=FIRSTS, links=3
    )
    [estimate] = tables["estimates"]
    percent = 50 * (estimate["high"] - estimate["low"]) / estimate["value"]
    ended, stopped = tables["stopping"]
    assert ended["why"] == f"within ±5 %: tcp goodput ±{percent:.3g} %"
    assert (ended["n_rounds"], ended["enough"], stopped["n_rounds"]) == (8, True, 6)


def adaptive(*, bracket: bool = False, **changes: Any) -> Setup:
    rounds = {**ADAPTIVE, **changes}
    return Setup(making.campaign(rounds=rounds, vpns=("internal", "nebula"), bracket=bracket))


def test_only_rounds_that_are_decided_on_are_measured(tmp_path: Path) -> None:
    setup = adaptive()
    chosen = Waves(setup)
    assert list(chosen.rounds) == [6, 7, 8]
    assert max(step.round for step in chosen.steps([])) == 6
    assert {step.round for step in chosen.open([])} == {7, 8, 9}

    file = tmp_path / "6.json"
    decisions.write(
        [Decision(vpn, "stock", "ingress", profile, profile == "low", 6, "why")
         for vpn in ("internal", "nebula") for profile in ("baseline", "low")], 6, file,
    )  # fmt: skip
    after = chosen.steps([file])
    assert {step.profile for step in after if step.round == 7} == {"low"}
    assert Calibrated("low", 7) in after
    assert Calibrated("baseline", 7) not in after
    assert {(step.round, step.profile) for step in chosen.open([file])} == {(8, "low"), (9, "low")}
    files = list(setup.records.values())
    assert {setup.steps[path].round for path in chosen.of(files, [file], 6)} == set(range(1, 7))

    decisions.write([Decision(*group("nebula"), False, 6, "why")], 6, file)
    assert chosen.open([file]) == set()


def test_a_round_s_bracket_is_measured_where_any_system_is(tmp_path: Path) -> None:
    chosen = Waves(adaptive(bracket=True))
    file = tmp_path / "6.json"
    decisions.write([Decision(*group("nebula"), True, 6, "why")], 6, file)
    after = chosen.steps([file])
    for side in ("before", "after"):
        assert Bracketed(side, "low", "ping", 7) in after
        assert Bracketed(side, "baseline", "ping", 7) not in after


def test_decisions_rest_on_their_records_and_the_limit() -> None:
    def key(setup: Setup) -> str:
        keys: list[str] = []
        Waves(setup).decided(lambda _, key: keys.append(key))
        return keys[0]

    assert key(adaptive()) == key(adaptive(most=12)) == key(adaptive(least=1))
    assert key(adaptive()) != key(adaptive(until="4%"))
    assert key(adaptive()) != key(adaptive(bracket=True))


@pytest.mark.parametrize(("least", "first"), [(1, 6), (3, 6), (8, 8)])
def test_below_six_rounds_nothing_ends(least: int, first: int) -> None:
    assert Adaptive(least=least, most=20, until="5%").first == first
