"""The order of a campaign: seeded, few switches, every VPN in every position, fair weather."""

from collections.abc import Sequence
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.config import plan
from meshbench.config.plan import Bracketed, Calibrated, rotated, seeded, weather
from meshbench.results.records import Cell
from tests.unit.making import campaign

NAMES = st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=12, unique=True)
SEEDS = st.integers(0, 2**63 - 1)
SIX = tuple("abcdef")


def vpns_of(cells: Sequence[Cell]) -> list[str]:
    return [name for name, _ in groupby(cell.vpn for cell in cells)]


def test_same_seed_same_order_and_other_seed_other_order() -> None:
    def order(seed: int) -> tuple[Cell, ...]:
        return plan.plan(campaign(seed=seed, vpns=SIX, rounds=2)).cells

    assert order(1) == order(1)
    assert len({order(seed) for seed in range(20)}) > 15
    assert {frozenset(order(seed)) for seed in range(20)} == {frozenset(order(1))}


def test_the_order_is_the_same_on_every_machine() -> None:
    assert seeded(1, "order", 0) == 2585612444217454947
    assert rotated(SIX, 1, 1) == ["a", "f", "d", "b", "e", "c"]


def test_every_cell_is_planned_once_in_every_round() -> None:
    steps = plan.plan(campaign(rounds=3, tunings=("stock", "reorder-only")))
    assert len(set(steps.cells)) == len(steps.cells) == 3 * 3 * 2 * 2 * 2
    assert [cell.round for cell in steps.cells] == sorted(cell.round for cell in steps.cells)
    assert {(c.profile, c.round) for c in steps.calibrations} == {
        (profile, round_) for profile in ("baseline", "low") for round_ in (1, 2, 3)
    }


def test_the_priority_is_the_order_and_a_round_is_calibrated_before_its_first_cell() -> None:
    steps = plan.plan(campaign(rounds=2))
    by_priority = sorted(steps.priority, key=lambda step: -steps.priority[step])
    assert [step for step in by_priority if isinstance(step, Cell)] == list(steps.cells)
    assert len(set(steps.priority.values())) == len(by_priority)
    for round_ in (1, 2):
        of_round = [step for step in by_priority if step.round == round_]
        kinds = [isinstance(step, Calibrated) for step in of_round]
        assert kinds == sorted(kinds, reverse=True)


def test_a_bracket_is_next_to_the_cells_of_its_round_on_either_side() -> None:
    steps = plan.plan(campaign(rounds=2, bracket=True, placements=("ingress", "egress")))
    by_priority = sorted(steps.priority, key=lambda step: -steps.priority[step])
    assert len(set(steps.priority.values())) == len(by_priority)
    for round_ in (1, 2):
        of_round = [step for step in by_priority if step.round == round_]
        kinds = [getattr(step, "side", type(step).__name__) for step in of_round]
        runs = [(kind, len(list(some))) for kind, some in groupby(kinds)]
        assert runs == [("Calibrated", 4), ("before", 8), ("Cell", 24), ("after", 8)]
    assert [step.round for step in by_priority] == sorted(step.round for step in by_priority)
    assert Bracketed("after", "low", "tcp", 2, "egress") in steps.brackets
    assert steps.network == (*steps.calibrations, *steps.brackets)


def test_a_bracket_is_of_the_first_ping_and_the_first_tcp_and_changes_no_cell() -> None:
    benchmarks = {"rist": None, "tcp": None, "ping": None}
    around = campaign(benchmarks=benchmarks, bracket=True)
    assert around.bracket == ("tcp", "ping")
    assert campaign(benchmarks=benchmarks).bracket == ()
    assert plan.plan(around).cells == plan.plan(campaign(benchmarks=benchmarks)).cells
    assert plan.plan(campaign(benchmarks=benchmarks)).brackets == ()
    assert campaign(benchmarks={"rist": None}, bracket=True).bracket == ()


@given(names=NAMES, seed=SEEDS, round_=st.integers(1, 40))
def test_a_round_has_the_fewest_switches(names: list[str], seed: int, round_: int) -> None:
    cells = plan.order(campaign(vpns=names, seed=seed, rounds=40), round_)
    assert plan.switches(cells) == len(names) - 1
    assert sorted(vpns_of(cells)) == sorted(names)
    per_vpn = [[(c.tuning, c.profile) for c in cells if c.vpn == name] for name in names]
    assert all(settings == per_vpn[0] for settings in per_vpn)
    assert sum(a != b for a, b in pairwise(per_vpn[0])) == len(set(per_vpn[0])) - 1


@given(names=NAMES, seed=SEEDS, square=st.integers(0, 5))
def test_over_as_many_rounds_each_takes_every_position_once(
    names: list[str], seed: int, square: int
) -> None:
    size = len(names)
    rounds = [rotated(names, seed, square * size + row + 1) for row in range(size)]
    assert all(sorted(order) == sorted(names) for order in rounds)
    for position in range(size):
        assert {order[position] for order in rounds} == set(names)


@pytest.mark.parametrize("size", [2, 4, 6, 8, 10])
def test_no_system_always_follows_the_same_other_one(size: int) -> None:
    names = "abcdefghij"[:size]
    rounds = [rotated(names, 7, row + 1) for row in range(size)]
    followers = [pair for order in rounds for pair in pairwise(order)]
    assert len(set(followers)) == len(followers) == size * (size - 1)


def test_later_squares_are_shuffled_anew() -> None:
    assert rotated(SIX, 1, 1) != rotated(SIX, 1, 7)


def test_the_weather_is_one_for_all_vpns_and_differs_otherwise() -> None:
    seeds = {
        weather(seed, round_, profile, host)
        for seed in (1, 2) for round_ in (1, 2) for profile in ("low", "high")
        for host in ("lom", "yuki", "luna")
    }  # fmt: skip
    assert len(seeds) == 2 * 2 * 2 * 3
    assert "vpn" not in weather.__annotations__


@given(seed=SEEDS, words=st.lists(st.text(max_size=5) | st.integers(), max_size=4))
def test_a_seed_fits_the_emulators(seed: int, words: list[str | int]) -> None:
    assert 0 <= seeded(seed, *words) < 2**63


def test_adding_a_round_keeps_the_earlier_ones() -> None:
    short, longer = (plan.plan(campaign(rounds=rounds)).cells for rounds in (2, 3))
    assert longer[: len(short)] == short


def test_several_placements_are_measured_and_calibrated_in_every_round() -> None:
    single = plan.plan(campaign(rounds=3))
    both = plan.plan(campaign(rounds=3, placements=("ingress", "egress")))
    assert set(single.cells) < set(both.cells)
    assert len(both.cells) == 2 * len(single.cells)
    assert {cell.placed("ingress") for cell in both.cells} == set(single.cells)
    assert {(c.profile, c.placement) for c in both.calibrations} == {
        (profile, placement)
        for profile in ("baseline", "low")
        for placement in ("ingress", "egress")
    }
    firsts = {next(c for c in both.cells if c.round == r).placement for r in (1, 2, 3)}
    assert firsts == {"ingress", "egress"}


def test_adding_a_profile_keeps_every_cell() -> None:
    few = plan.plan(campaign()).cells
    more = plan.plan(campaign(profiles=("baseline", "low", "high"))).cells
    assert set(few) < set(more)
    assert {cell.profile for cell in set(more) - set(few)} == {"high"}
