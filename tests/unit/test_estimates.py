"""The estimate of values by round, wherever they come from (the table itself: `test_analysis`)."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.analysis import estimates, order
from meshbench.analysis.estimates import Estimate

numbers = st.floats(min_value=-1e6, max_value=1e6)


def test_an_interval_needs_six_rounds() -> None:
    assert estimates.of_rounds([1, 2, 3, 4, 5]) == Estimate(3, None, None, 5)
    estimate = estimates.of_rounds([6, 2, 3, 4, 5, 1])
    assert (estimate.value, estimate.rounds, estimate.bound) == (3.5, 6, False)
    # [1, 6] has 96.875 %, [2, 5] 78.125 %: a tenth of the way, with the weight 5/14 for the inner one.
    assert [estimate.low, estimate.high] == pytest.approx([1 + 5 / 14, 6 - 5 / 14])


def test_no_round_is_no_estimate() -> None:
    assert estimates.of_rounds([]) == Estimate()


@pytest.mark.parametrize(("size", "rank"), [(8, 1), (9, 2), (10, 2), (15, 4), (20, 6), (50, 18)])
def test_an_interval_lies_within_the_ranks_of_published_tables(size: int, rank: int) -> None:
    # The critical values of the two-sided sign test at 5 %, plus one; the next inner ranks miss 95 %.
    estimate = estimates.of_rounds(range(1, size + 1))
    assert estimate.low is not None
    assert estimate.high is not None
    assert rank <= estimate.low < rank + 1
    assert estimate.low + estimate.high == pytest.approx(size + 1)


@given(st.lists(numbers, min_size=6, max_size=40))
def test_an_interval_holds_the_median_whatever_the_order(values: list[float]) -> None:
    estimate = estimates.of_rounds(values)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.value == statistics.median(values)
    assert estimate.low <= estimate.value <= estimate.high
    assert estimates.of_rounds(values[::-1]) == estimate


@given(st.lists(numbers, min_size=6, max_size=40), st.floats(min_value=0.5, max_value=0.95))
def test_less_confidence_is_a_narrower_interval(values: list[float], confidence: float) -> None:
    row = np.array([values])
    wide, narrow = order.median_interval(row), order.median_interval(row, confidence)
    assert wide is not None
    assert narrow is not None
    slack = 1e-9 * np.abs(row).max()
    assert wide[0] - slack <= narrow[0] <= narrow[1] <= wide[1] + slack
