"""What chance allows of losses and delays."""

from scipy.stats import binomtest

CONFIDENCE = 0.999
TOLERANCE = 0.1


def loss_within(lost: int, sent: int, nominal: float) -> bool:
    """Whether the nominal share is in the Wilson interval of what was lost, widened by 10 %.

    Args:
        lost: packets.
        sent: packets, at least one.
        nominal: the share (0 to 1) that was asked for.
    """
    interval = binomtest(lost, sent).proportion_ci(CONFIDENCE, method="wilson")
    return bool((1 - TOLERANCE) * interval.low <= nominal <= (1 + TOLERANCE) * interval.high)


def least_deviation_ms(expected_ms: float) -> float:
    """The standard deviation below which delays are too even; a busy machine only adds to it."""
    return 0.75 * expected_ms - 0.3
