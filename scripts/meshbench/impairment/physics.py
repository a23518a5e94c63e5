"""What a profile does to packets, by netem's documented arithmetic (pure)."""

from dataclasses import dataclass

from meshbench.config.models import Profile

HEADROOM = 2
_MTU_BITS = 1500 * 8
_DEFAULT_RATE_BPS = 10_000_000_000
_MINIMUM_LIMIT = 1000
_MOST_CORRELATION = 0.99


@dataclass(frozen=True)
class Expected:
    """One direction of one link: mean and standard deviation of the added delay, and loss.

    `loss_variance` is that of the number of losses over what independent ones would have.
    """

    delay_ms: float
    delay_sd_ms: float
    loss: float
    loss_variance: float = 1.0


def expected(profile: Profile) -> Expected:
    """The delay is uniform in delay ± jitter with negative values cut to 0 (tc-netem(8)).

    For medium this gives a mean of 4.32 ms, not 4; the standard deviation follows from the same
    integral.
    """
    low, high = profile.delay_ms - profile.jitter_ms, profile.delay_ms + profile.jitter_ms
    loss = profile.loss_percent / 100
    # Of a first-order Markov chain; netem's own way of correlating comes close to it.
    correlation = min(profile.loss_correlation_percent / 100, _MOST_CORRELATION)
    variance = (1 + correlation) / (1 - correlation)
    if high == low:
        return Expected(profile.delay_ms, 0.0, loss, variance)
    bottom = max(low, 0.0)
    mean = (high**2 - bottom**2) / (2 * (high - low))
    square = (high**3 - bottom**3) / (3 * (high - low))
    return Expected(mean, max(square - mean**2, 0.0) ** 0.5, loss, variance)


def largest_round_trip_s(profile: Profile) -> float:
    """The most a profile adds to a round trip; time limits grow with it."""
    return 2 * (profile.delay_ms + profile.jitter_ms) / 1000


def queue_limit(profile: Profile, rate_bps: int | None) -> int:
    """Packets the emulator must hold so that it never drops for want of room.

    Twice the rate times the longest delay, in full packets (validity.md 3.3); small packets at
    the same bit rate would need more, so tail drops are counted as well.
    """
    longest_s = (profile.delay_ms + profile.jitter_ms) / 1000
    packets = (rate_bps or _DEFAULT_RATE_BPS) * longest_s / _MTU_BITS
    return max(_MINIMUM_LIMIT, round(HEADROOM * packets) + _MINIMUM_LIMIT)
