"""Which RTTs of a series are spikes, and do more of them come with a log event than by chance? (pure)"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meshbench.analysis.matrix import Matrix

WINDOW_S = 0.25
"""An event belongs to a spike from so long before it until so long after: a usual ping's interval."""
SCORE = 3.5
"""Of the modified z-score, from which on a value is an outlier (Iglewicz and Hoaglin, How to Detect and
Handle Outliers, 1993)."""
LEAST_RATIO = 1.5
"""To the median: where RTTs are nearly all alike, others are no spikes yet."""
_NORMAL = 0.6745
"""The median absolute deviation of a standard normal distribution."""
_LEAST_SPREAD = 1e-6
"""Of the logarithms: less is rounding."""


@dataclass(frozen=True)
class Spike:
    """RTTs in turn that are far above the series' median.

    Attributes:
        t_s: of the largest one, on the series' axis.
        begin_s: an RTT before the first one, as some series say when requests were answered.
        end_s: an RTT after the last one, as others say when they were sent.
    """

    t_s: float
    rtt_ms: float
    begin_s: float
    end_s: float

    def from_s(self) -> float:
        """Where its window begins."""
        return self.begin_s - WINDOW_S

    def to_s(self) -> float:
        """Where its window ends."""
        return self.end_s + WINDOW_S

    def nearest(self, events_s: Sequence[float]) -> int | None:
        """Which of the events is nearest to the largest RTT, of those within the window."""
        within = [n for n, at_s in enumerate(events_s) if self.from_s() <= at_s <= self.to_s()]
        return min(within, key=lambda n: abs(events_s[n] - self.t_s), default=None)


def spikes(times_s: Sequence[float], rtts_ms: Sequence[float]) -> list[Spike]:
    """The spikes of a series, in the order of its times.

    Args:
        times_s: in rising order.
        rtts_ms: above zero.
    """
    if not times_s:
        return []
    logs = np.log(np.asarray(rtts_ms, float))
    off = logs - np.median(logs)
    spread = max(float(np.median(np.abs(off))), _LEAST_SPREAD)
    high = (_NORMAL * off / spread > SCORE) & (off >= np.log(LEAST_RATIO))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], high.astype(int), [0]))))
    return [
        _spike(times_s[first:end], rtts_ms[first:end])
        for first, end in edges.reshape(-1, 2).tolist()
    ]


def _spike(times_s: Sequence[float], rtts_ms: Sequence[float]) -> Spike:
    spans_s = [(at_s, rtt_ms / 1000) for at_s, rtt_ms in zip(times_s, rtts_ms, strict=True)]
    largest = int(np.argmax(rtts_ms))
    return Spike(
        t_s=times_s[largest],
        rtt_ms=rtts_ms[largest],
        begin_s=min(at_s - rtt_s for at_s, rtt_s in spans_s),
        end_s=max(at_s + rtt_s for at_s, rtt_s in spans_s),
    )


def share_near(spike: Spike, events_s: Sequence[float], first_s: float, last_s: float) -> float:
    """The share of all places in a series where a spike of that length has an event in its window.

    Events in a burst count once, whatever their number.

    Args:
        spike: only its length matters.
        events_s: in any order.
        first_s: the series' begin.
        last_s: its end.
    """
    length_s = spike.to_s() - spike.from_s()
    # Between these its window may begin.
    lowest, highest = first_s - WINDOW_S, last_s + WINDOW_S - length_s
    if highest <= lowest:
        return float(any(lowest <= at_s <= lowest + length_s for at_s in events_s))
    covered_s, reached_s = 0.0, lowest
    for at_s in sorted(events_s):
        low, high = max(at_s - length_s, reached_s), min(at_s, highest)
        if high > low:
            covered_s += high - low
            reached_s = high
    return covered_s / (highest - lowest)


def chance(n_near: int, shares: Sequence[float]) -> float:
    """The probability that at least so many spikes have an event in their window by chance.

    Each spike is taken to come at any time of the series, independently of the others and of the
    log: event coincidence analysis (Donges, Schleussner, Siegmund and Donner, Eur. Phys. J. Special
    Topics 225, 471, 2016), with the share of time near the events that there were in place of a
    Poisson process's of their rate, as log lines come in bursts. Spikes differ in length, so their
    number is distributed as the sum of unlike Bernoulli trials (Poisson binomial), told exactly.

    Args:
        n_near: how many had one.
        shares: of each spike, its own probability.
    """
    counts: Matrix = np.array([1.0])
    for share in shares:
        counts = np.convolve(counts, [1 - share, share])
    return float(min(1.0, max(0.0, counts[n_near:].sum())))
