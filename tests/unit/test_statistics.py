import math
import statistics as stdlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.analysis import statistics

numbers = st.floats(min_value=-1e6, max_value=1e6)
positive = st.floats(min_value=1e-3, max_value=1e6)


def test_median_interval_needs_six_values_for_95_percent() -> None:
    assert statistics.median_interval([1, 2, 3, 4, 5]) is None
    found = statistics.median_interval([6, 2, 3, 4, 5, 1])
    assert found is not None
    # [1, 6] has 96.875 %, [2, 5] 78.125 %: a tenth of the way, with the weight 5/14 for the inner one.
    assert [found.low, found.high] == pytest.approx([1 + 5 / 14, 6 - 5 / 14])
    assert found.confidence == 0.95


@pytest.mark.parametrize(("size", "rank"), [(8, 1), (9, 2), (10, 2), (15, 4), (20, 6), (50, 18)])
def test_median_interval_lies_within_the_ranks_of_published_tables(size: int, rank: int) -> None:
    # The critical values of the two-sided sign test at 5 %, plus one; the next inner ranks miss 95 %.
    found = statistics.median_interval(range(1, size + 1))
    assert found is not None
    assert rank <= found.low < rank + 1
    assert found.low + found.high == pytest.approx(size + 1)


@given(st.lists(numbers, max_size=40), st.floats(min_value=0.5, max_value=0.999))
def test_median_interval_holds_the_median_and_its_confidence(
    values: list[float], confidence: float
) -> None:
    found = statistics.median_interval(values, confidence)
    if found is not None:
        assert found.low <= stdlib.median(values) <= found.high
        assert found.confidence >= confidence


@given(st.lists(numbers, min_size=6, max_size=30))
def test_median_interval_does_not_depend_on_order(values: list[float]) -> None:
    assert statistics.median_interval(values) == statistics.median_interval(values[::-1])


def test_wilson_knows_the_textbook_value() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263.
    found = statistics.wilson(81, 263)
    assert found is not None
    assert found.low == pytest.approx(0.2553, abs=5e-5)
    assert found.high == pytest.approx(0.3662, abs=5e-5)


def test_wilson_of_nothing_and_of_all_is_one_sided() -> None:
    nothing, every = statistics.wilson(0, 20), statistics.wilson(20, 20)
    assert nothing is not None
    assert every is not None
    assert nothing.low == 0
    assert nothing.high == pytest.approx(0.1611, abs=5e-5)
    assert every.low == pytest.approx(1 - 0.1611, abs=5e-5)
    assert every.high == 1


def test_wilson_without_trials_is_unknown() -> None:
    assert statistics.wilson(0, 0) is None


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_wilson_refuses_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        statistics.wilson(successes, trials)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        statistics.median_interval([1.0] * 9, confidence)


@given(st.integers(0, 500), st.integers(1, 500), st.floats(min_value=0.5, max_value=0.999))
def test_wilson_holds_the_share_and_stays_in_0_to_1(
    successes: int, trials: int, confidence: float
) -> None:
    successes = min(successes, trials)
    found = statistics.wilson(successes, trials, confidence)
    assert found is not None
    assert 0 <= found.low <= successes / trials <= found.high <= 1


def test_paired_ratio_uses_only_rounds_with_both_sides() -> None:
    found = statistics.paired_ratio({1: 50.0, 2: 30.0, 3: 9.0}, {1: 100.0, 2: 120.0, 4: 1.0})
    assert found is not None
    assert found.ratios == {1: 0.5, 2: 0.25}
    assert found.median == 0.375
    assert found.geometric_mean == pytest.approx(math.sqrt(0.125))
    assert found.interval is None


def test_paired_ratio_is_none_without_a_usable_reference() -> None:
    assert statistics.paired_ratio({1: 5.0}, {1: 0.0}) is None
    assert statistics.paired_ratio({1: 5.0}, {2: 5.0}) is None


def test_paired_ratio_of_a_dead_stream_is_zero_and_has_no_geometric_mean() -> None:
    found = statistics.paired_ratio({1: 0.0}, {1: 5.0})
    assert found is not None
    assert found.median == 0
    assert found.geometric_mean is None


@given(st.dictionaries(st.integers(1, 20), positive, min_size=1), st.floats(0.1, 10))
def test_paired_ratio_takes_out_what_the_rounds_share(
    reference: dict[int, float], factor: float
) -> None:
    found = statistics.paired_ratio({k: v * factor for k, v in reference.items()}, reference)
    assert found is not None
    assert found.median == pytest.approx(factor)
    assert found.geometric_mean == pytest.approx(factor)


def test_shift_is_the_median_of_pairwise_differences() -> None:
    assert statistics.shift([1, 2, 5], [0, 1]) == 1.5
    assert statistics.shift([], [1]) is None


@given(st.lists(numbers, min_size=1, max_size=12), st.floats(-100, 100))
def test_shift_finds_a_constant(values: list[float], constant: float) -> None:
    found = statistics.shift([value + constant for value in values], values)
    assert found == pytest.approx(constant, abs=1e-6)


def test_geometric_mean() -> None:
    assert statistics.geometric_mean([1, 100]) == pytest.approx(10)
    assert statistics.geometric_mean([]) is None
    assert statistics.geometric_mean([1, 0]) is None
