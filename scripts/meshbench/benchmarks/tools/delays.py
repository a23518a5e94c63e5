"""Statistics of delays and of packets' numbers, as the RFCs of IP performance metrics define them."""

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence


def least(share: int) -> int:
    """How many values a percentile needs, so that one of them is expected to lie above it.

    Args:
        share: of the values, in percent, below 100.
    """
    return max(2, math.ceil(100 / (100 - share)))


def percentile(values: Sequence[float], share: int) -> float | None:
    """A percentile, linearly interpolated between order statistics; None of fewer than `least`."""
    if len(values) < least(share):
        return None
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def steps(timed: Sequence[tuple[int, float]]) -> Iterator[float]:
    """How much each delay differs from that of the packet before it (RFC 3393), without its sign.

    Args:
        timed: number and delay of each packet that arrived; pairs with a loss between them are
            left out.
    """
    delays = dict(timed)
    for number, delay in delays.items():
        if number - 1 in delays:
            yield abs(delay - delays[number - 1])


def longest_gap(arrived: Sequence[int], sent: int) -> int:
    """The most packets in turn that did not arrive (RFC 3357's loss period).

    Args:
        arrived: the numbers of those that did, counted from 1.
        sent: how many there were.
    """
    edges = [0, *sorted({number for number in arrived if 0 < number <= sent}), sent + 1]
    return max(after - before - 1 for before, after in itertools.pairwise(edges))


def reordered(arrived: Sequence[int]) -> int:
    """How many packets arrived after a later one (RFC 4737 section 3.3).

    Args:
        arrived: the packets' numbers in the order of their arrival, each once.
    """
    latest, late = -math.inf, 0
    for number in arrived:
        late += number < latest
        latest = max(latest, number)
    return late
