"""What a profile does to packets, by netem's documented arithmetic (pure)."""

import math
from dataclasses import dataclass

from meshbench.config.profile import Profile

HEADROOM = 2
_MTU_BITS = 1500 * 8
_DEFAULT_RATE_BPS = 10_000_000_000
_MINIMUM_LIMIT = 1000
_LEAST_FRAME_BYTES = 60
_MOST_CORRELATION = 0.99
_MOST_MEMORY = 0.9999


@dataclass(frozen=True)
class Expected:
    """One direction of one link: mean and standard deviation of the added delay, and loss.

    `loss_variance` is that of the number of losses over what independent ones would have.
    """

    delay_ms: float
    delay_sd_ms: float
    loss: float
    loss_variance: float = 1.0


def expected(profile: Profile, spacing_ms: float | None = None, packet_bits: float = 0) -> Expected:
    """The delay is uniform in delay ± jitter with negative values cut to 0 (tc-netem(8)).

    For medium this gives a mean of 4.32 ms, not 4; the standard deviation follows from the same
    integral. Jitter that keeps order holds packets back behind late ones, the more the closer they
    follow each other: every `spacing_ms`. A packet of `packet_bits` takes a bottleneck its time.
    """
    on_line_ms = 1000 * packet_bits / profile.rate_bps if profile.rate_bps else 0.0
    delay_ms, sd_ms = (
        _in_order(profile, spacing_ms)
        if spacing_ms and profile.jitter_keeps_order
        else _uniform(profile)
    )
    loss, variance = _loss(profile)
    return Expected(delay_ms + on_line_ms, sd_ms, loss, variance)


def _uniform(profile: Profile) -> tuple[float, float]:
    low, high = profile.delay_ms - profile.jitter_ms, profile.delay_ms + profile.jitter_ms
    if high == low:
        return profile.delay_ms, 0.0
    bottom = max(low, 0.0)
    mean = (high**2 - bottom**2) / (2 * (high - low))
    square = (high**3 - bottom**3) / (3 * (high - low))
    return mean, max(square - mean**2, 0.0) ** 0.5


def _in_order(profile: Profile, spacing_ms: float) -> tuple[float, float]:
    """Mean and deviation of the largest of D - k spacing over the k-th packet before: each leaves no
    earlier than those, so its delay is at most x when all of theirs allow it.
    """
    low, high = profile.delay_ms - profile.jitter_ms, profile.delay_ms + profile.jitter_ms
    bottom, steps = max(low, 0.0), 2000
    step = (high - bottom) / steps
    mean = square = 0.0
    for number in range(steps):
        delay = bottom + (number + 0.5) * step
        earlier = range(int((high - delay) / spacing_ms) + 1)
        below = math.prod((min(delay + k * spacing_ms, high) - low) / (high - low) for k in earlier)
        mean += (1 - below) * step
        square += 2 * (delay - bottom) * (1 - below) * step
    return bottom + mean, max(square - mean**2, 0.0) ** 0.5


def _loss(profile: Profile) -> tuple[float, float]:
    if model := profile.loss_model:
        return bursts(
            model.p_percent / 100, model.r_percent / 100,
            model.bad_loss_percent / 100, model.good_loss_percent / 100,
        )  # fmt: skip
    return profile.loss_percent / 100, correlated(profile.loss_correlation_percent / 100)


def correlated(correlation: float) -> float:
    """The variance of a number of losses over that of independent ones, for a netem correlation.

    That of a first-order Markov chain; netem's own way of correlating comes close to it.
    """
    correlation = min(correlation, _MOST_CORRELATION)
    return (1 + correlation) / (1 - correlation)


def bursts(p: float, r: float, bad: float, good: float) -> tuple[float, float]:
    """Mean loss of the Gilbert-Elliott chain, and its variance over that of independent losses.

    The chain is bad for p / (p + r) of the packets, and what it is at one packet tells of the n-th
    after it by (1 - p - r)^n; the variance is the sum of the autocovariances (Hasslinger and
    Hohlfeld 2008). All arguments are shares: from good to bad, back, loss in each.
    """
    in_bad = p / (p + r)
    loss = in_bad * bad + (1 - in_bad) * good
    if not 0 < loss < 1:
        return loss, 1.0
    memory = min(1 - p - r, _MOST_MEMORY)
    covariance = in_bad * (1 - in_bad) * (bad - good) ** 2
    return loss, 1 + 2 * covariance * memory / (1 - memory) / (loss * (1 - loss))


def largest_round_trip_s(forward: Profile, back: Profile) -> float:
    """The most that two directions of a link add to a round trip; time limits grow with it.

    A full bottleneck counts: what is measured may fill it.
    """
    return sum(
        (way.delay_ms + way.jitter_ms + way.longest_wait_ms) / 1000 for way in (forward, back)
    )


def queue_limit(profile: Profile, rate_bps: int | None) -> int:
    """Packets each emulator must hold so that it never drops for want of room.

    Twice the rate times the longest delay, in full packets (validity.md 3.3); small packets at
    the same bit rate would need more, so tail drops are counted as well. What waits at a bottleneck
    is held besides, and drops there when it is too much.
    """
    return max(_limit(variant, rate_bps) for variant in profile.variants)


def _limit(profile: Profile, rate_bps: int | None) -> int:
    longest_s = (profile.delay_ms + profile.jitter_ms) / 1000
    packets = (rate_bps or _DEFAULT_RATE_BPS) * longest_s / _MTU_BITS
    waiting = profile.queue_packets or (profile.queue_bytes or 0) // _LEAST_FRAME_BYTES
    return max(_MINIMUM_LIMIT, round(HEADROOM * packets) + _MINIMUM_LIMIT) + waiting
