"""Which difference can be seen with how many rounds, by simulation with the rule that decides."""

from pathlib import Path

import numpy as np
import pytest

from meshbench.analysis import effects, power
from meshbench.analysis.rounds import Values
from meshbench.cli import main
from tests.unit import synthetic
from tests.unit.test_analysis import analysed, campaign, only


def test_below_six_rounds_nothing_can_be_found() -> None:
    with pytest.raises(ValueError, match="5 rounds"):
        power.multiple(5)


def test_more_rounds_find_smaller_changes() -> None:
    multiples = [power.multiple(rounds) for rounds in power.ROUNDS]
    assert multiples == sorted(multiples, reverse=True)


@pytest.mark.parametrize("rounds", [8, 12])
def test_the_change_it_names_is_found_in_eighty_of_a_hundred(rounds: int) -> None:
    """Of data that it has not seen: two systems with a noise of 3 % each."""
    dice = np.random.default_rng(77)
    left, right = (dice.lognormal(0, 0.03, (4000, rounds)) for _ in range(2))
    changed = left * (1 + power.detectable(0.03 * 2**0.5, rounds) / 100)
    comparison = effects.compared(Values(changed, changed), Values(right, right))
    assert comparison.apart(comparison.paired).mean() == pytest.approx(0.8, abs=0.03)


def test_the_rounds_that_are_needed_are_the_least_that_do() -> None:
    rounds = power.needed(0.05, 4)
    assert rounds is not None
    assert power.detectable(0.05, rounds) <= 4 < power.detectable(0.05, rounds - 1)
    assert power.needed(0.001, 50) == 6
    assert power.needed(0.5, 1) is None


def test_the_noise_is_that_of_ratios_to_the_bare_link(tmp_path: Path) -> None:
    dice = np.random.default_rng(8)
    noise = {
        (vpn, round_): dice.normal(0, 0.04) for vpn in ("tinc", "nebula") for round_ in range(200)
    }

    def value(vpn: str, round_: int, index: int) -> float:
        del index
        return (1 + round_ % 7) * float(np.exp(noise.get((vpn, round_), 0.0)))

    rows = analysed(tmp_path, *campaign(value, ["internal", "tinc", "nebula"], 100))["power"]
    row = only(rows, rounds=8)
    assert row["noise_percent"] == pytest.approx(4, abs=0.5)
    assert (row["reference"], row["n_systems"], row["n_measured"]) == ("internal", 2, 100)
    assert row["detectable_percent"] == pytest.approx(
        power.detectable(float(np.log1p(row["noise_percent"] / 100)), 8)
    )


def test_two_rounds_tell_no_noise(tmp_path: Path) -> None:
    steady = {"internal": 100.0, "tinc": 50.0}
    samples, links = campaign(lambda vpn, round_, _: steady[vpn] + round_, list(steady), 2)
    assert analysed(tmp_path, samples, links)["power"] == []


def test_the_command_says_how_many_more_rounds_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic.write(tmp_path, *synthetic.campaign(rounds=3))
    assert main(["power", str(tmp_path), "--metric", "goodput", "--effect", "10"]) == 0
    out = capsys.readouterr().out
    assert "rounds for 10 %" in out
    assert "nothing yet" in out
    assert "more)" in out
    assert main(["power", str(tmp_path), "--metric", "copy_time"]) == 1
    assert "tells no noise of copy_time" in capsys.readouterr().err
    assert main(["power", str(tmp_path / "nowhere")]) == 1
    assert "run the campaign first" in capsys.readouterr().err
    assert main(["power", str(tmp_path), "--effect", "-5"]) == 1
    assert "above 0 percent" in capsys.readouterr().err
