"""Does a series of RTTs repeat itself? A Lomb-Scargle periodogram with a false-alarm probability (pure)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal, special

from meshbench.analysis.matrix import Matrix

LEAST_VALUES = 50
LEAST_PERIODS = 3.0
"""So often a period must come in the series: fewer is a slow drift."""
SHORTEST_S = 0.5
"""Shorter ones are not of a timer, and what is not sampled twice in one cannot be told."""
FALSE_ALARM = 0.001
"""Below this a period is found. A campaign has some hundred series, each of which may be one."""
_LEAST_SPREAD = 1e-6
"""Of the logarithms: less is rounding."""
_OVERSAMPLING = 5
_ALIKE = 0.5
"""The longest period whose power is this share of the largest counts: short spikes have overtones."""


@dataclass(frozen=True)
class Period:
    """The strongest period of a series.

    Attributes:
        period_s: its length.
        power: share of the variance of the RTTs' logarithms that a sinusoid of it takes (0..1).
        false_alarm: probability that noise has as much power at any of the periods looked at; an
            upper bound.
        first_s: when the first of its spikes comes, on the series' axis.
    """

    period_s: float
    power: float
    false_alarm: float
    first_s: float

    @property
    def found(self) -> bool:
        return self.false_alarm < FALSE_ALARM


def strongest(times_s: Sequence[float], rtts_ms: Sequence[float]) -> Period | None:
    """The strongest period, whether or not it may be chance; None of a series that is too short.

    The logarithm of the RTT is analysed, so that one large spike is not all there is (N. R. Lomb,
    Astrophysics and Space Science 39, 1976; J. D. Scargle, ApJ 263, 1982).

    Args:
        times_s: when each request was sent or answered; need not be even.
        rtts_ms: above zero.
    """
    times, values = np.asarray(times_s, float), np.log(np.asarray(rtts_ms, float))
    frequencies = _frequencies(times)
    if len(times) < LEAST_VALUES or not len(frequencies) or values.std() < _LEAST_SPREAD:
        return None
    centred = values - values.mean()
    powers = signal.lombscargle(
        times - times[0], centred, 2 * math.pi * frequencies, normalize=True, floating_mean=True
    )
    best = _longest(powers)
    alarm = false_alarm(float(powers[best]), times, float(frequencies[-1]))
    first_s = _crest(times, centred, float(frequencies[best]))
    return Period(1 / float(frequencies[best]), float(powers[best]), alarm, first_s)


def _frequencies(times: Matrix) -> Matrix:
    """In Hz, evenly from the longest period that can be told to the shortest one."""
    span = float(times[-1] - times[0]) if len(times) > 1 else 0.0
    if span <= 0:
        return np.array([])
    step = float(np.median(np.diff(np.sort(times))))
    highest = min(1 / SHORTEST_S, 1 / (2 * step)) if step > 0 else 1 / SHORTEST_S
    return np.arange(LEAST_PERIODS / span, highest, 1 / (_OVERSAMPLING * span))


def _longest(powers: Matrix) -> int:
    """The lowest frequency of the peaks that are about as high as the highest one."""
    padded = np.concatenate(([-np.inf], powers, [-np.inf]))
    peaks = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] >= padded[2:]))
    return int(next(peak for peak in peaks if powers[peak] >= _ALIKE * powers.max()))


def false_alarm(power: float, times: Matrix, highest: float) -> float:
    """The probability that noise reaches a power anywhere below a frequency, at the most.

    R. V. Baluev, MNRAS 385, 1279 (2008), for a periodogram whose mean floats and that is normalized
    by the variance.

    Args:
        power: between 0 and 1.
        times: in s.
        highest: frequency that was looked at, in Hz.
    """
    size = len(times)
    width = highest * math.sqrt(4 * math.pi * float(times.var()))
    gamma = math.sqrt(2 / (size - 1)) * math.exp(
        float(special.gammaln((size - 1) / 2) - special.gammaln((size - 2) / 2))
    )
    rest: float = max(0.0, 1 - power)
    single: float = rest ** ((size - 3) / 2)
    crossings: float = gamma * width * rest ** ((size - 4) / 2) * math.sqrt((size - 1) / 2 * power)
    return min(1.0, -math.expm1(-crossings) + single * math.exp(-crossings))


def _crest(times: Matrix, values: Matrix, frequency: float) -> float:
    """When the sinusoid of that frequency is largest first."""
    angles = 2 * math.pi * frequency * (times - times[0])
    phase = math.atan2(float(values @ np.sin(angles)), float(values @ np.cos(angles)))
    return float(times[0]) + (phase % (2 * math.pi)) / (2 * math.pi * frequency)
