"""tc_settings.json: the impairment, stated as the sum of both ends and halved here.

The runner's ``TCSettings.to_dict`` doubles delay, jitter, loss and reordering, not the correlation,
and does not say so (reference-runner.md section 6). The unlabelled number is kept beside the halves.
"""

from collections.abc import Iterator
from typing import Any

from meshbench.importers.vpn_runner.outcome import EVERYWHERE, LinkOutcome
from meshbench.importers.vpn_runner.reading import UnreadableError, at, number
from meshbench.importers.vpn_runner.values import Value
from meshbench.results import imported_metrics as m

_FIELDS = (
    (m.NETEM_DELAY, "latency_ms", 0.5),
    (m.NETEM_JITTER, "jitter_ms", 0.5),
    (m.NETEM_LOSS, "packet_loss_percent", 0.005),
    (m.NETEM_REORDER, "reorder_percent", 0.005),
    (m.NETEM_REORDER_CORRELATION, "reorder_correlation", 0.01),
    (m.NETEM_DELAY_STATED, "latency_ms", 1),
    (m.NETEM_RATE, "bandwidth_mbit", 1e6),
)


def read(document: Any) -> Iterator[LinkOutcome]:
    """One outcome for no link; settings of null are no impairment. Raises UnreadableError."""
    if not isinstance(document, dict) or "settings" not in document:
        raise UnreadableError("no key 'settings'")
    link = LinkOutcome(EVERYWHERE, EVERYWHERE)
    settings = at(document, "settings")
    for metric, key, factor in _FIELDS:
        value = 0.0 if settings is None and metric is not m.NETEM_RATE else number(settings, key)
        if value is not None:
            link.values.append(Value(metric, value * factor))
    if not link.values:
        raise UnreadableError("settings holds no number")
    yield link
