"""ping.json: three runs of 100 echo requests, of each run only the summary, of those only statistics.

The three values can be told from the statistics, so each run is a row of its own: `stream` is its
rank among the runs (0 is the smallest), separately for each metric, as their order is not kept.
The row without a stream stands for all runs together: the smallest minimum, the largest maximum,
the mean of the means. (The thesis's "max" is the mean of the runs' maxima instead.)
"""

from collections.abc import Iterator
from typing import Any

from meshbench.benchmarks import ping
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import (
    LinkOutcome,
    from_meta,
    measured,
    no_value,
    open_envelope,
)
from meshbench.importers.vpn_runner.reading import at, number
from meshbench.importers.vpn_runner.spread import of_three
from meshbench.importers.vpn_runner.values import Value
from meshbench.results.metrics import Metric
from meshbench.results.records import Status

_FIELDS: tuple[tuple[Metric, str, str, float], ...] = (
    (ping.RTT_MIN, "rtt_min_ms", "min", 1),
    (ping.RTT_AVG, "rtt_avg_ms", "average", 1),
    (ping.RTT_MAX, "rtt_max_ms", "max", 1),
    (ping.RTT_MDEV, "rtt_mdev_ms", "average", 1),
    (ping.LOSS, "packet_loss_percent", "average", 0.01),
)


def read(document: Any, host: str) -> Iterator[LinkOutcome]:
    """The one link of a ping.json. Raises UnreadableError for a success without a value."""
    envelope = open_envelope(document)
    link = from_meta(envelope, host, Kind.PING)
    for metric, key, overall, factor in _FIELDS:
        node = at(envelope.data, key)
        if (value := number(node, overall)) is not None:
            link.values.append(Value(metric, value * factor))
        for rank, run in enumerate(of_three(node) or ()):
            link.values.append(Value(metric, run * factor, stream=rank))
    if link.status is Status.OK and not measured(link):
        raise no_value(envelope.data)
    if at(envelope.data, "packet_loss_percent", "min") == 100:  # noqa: PLR2004
        link.status, link.reason = Status.FAILED, "none of the echo requests was answered"
    yield link
