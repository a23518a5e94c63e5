"""Link outcomes as columns of the tidy tables, without a dictionary per value."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pyarrow as pa

from meshbench.importers.vpn_runner import headlines
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import LinkOutcome, Refused
from meshbench.importers.vpn_runner.values import Value
from meshbench.results.records import Status
from meshbench.tables.schema import LINKS, SAMPLES, table

PLACEMENT = "egress"
"""The runner's netem is the root qdisc of the sending interface."""


@dataclass(frozen=True)
class Cell:
    """What every row of one file has in common."""

    campaign: str
    round: int
    vpn: str
    tuning: str
    profile: str
    kind: Kind
    run: str
    record: str
    """The file."""


class Rows:
    """The samples and links of one benchmark of one VPN, in growing columns."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Any]] = {name: [] for name in SAMPLES.names}
        self._links: list[dict[str, Any]] = []

    def add(self, cell: Cell, link: LinkOutcome) -> int:
        """Append a link and its values; a link that failed gets an empty one per missing headline.

        Returns:
            The number of values.
        """
        self._links.append({**_common(cell, link), **_link(cell, link)})
        values = [*_empty_headlines(cell.kind, link), *link.values]
        common = _common(cell, link)
        self._extend(common, link.status, [link.reason] * len(values), values)
        lacking = [*link.refused, *_unsaid(cell.kind, link)]
        empty = [dataclasses.replace(refused.value, value=None) for refused in lacking]
        self._extend(common, Status.TOOL_FAILED, [refused.reason for refused in lacking], empty)
        return len(values)

    def _extend(
        self,
        common: Mapping[str, Any],
        status: Status,
        reasons: Sequence[str | None],
        values: Sequence[Value],
    ) -> None:
        size, columns = len(values), self._samples
        for name, constant in (
            *common.items(),
            ("status", status.value),
            ("host", None),
        ):
            columns[name].extend([constant] * size)
        columns["reason"].extend(reasons)
        for name in ("mode", "direction", "stream", "t_s", "value"):
            columns[name].extend(map(attrgetter(name), values))
        columns["metric"].extend([value.metric.name for value in values])
        columns["unit"].extend([value.metric.unit for value in values])

    def samples(self) -> pa.Table:
        """One row per value, by the schema SAMPLES."""
        arrays = [_column(self._samples[field.name], field.type) for field in SAMPLES]
        return pa.Table.from_arrays(arrays, schema=SAMPLES)

    def links(self) -> pa.Table:
        """One row per link, by the schema LINKS."""
        return table(self._links, LINKS)


def _empty_headlines(kind: Kind, link: LinkOutcome) -> list[Value]:
    if link.status is Status.OK:
        return []
    there = {
        (value.metric, value.direction)
        for value in link.values
        if value.t_s is None and value.stream is None
    }
    there |= {(refused.value.metric, refused.value.direction) for refused in link.refused}
    return [
        Value(headline.metric, None, direction=headline.direction, mode=headline.mode)
        for headline in headlines.of(kind)
        if (headline.metric, headline.direction) not in there
    ]


def _unsaid(kind: Kind, link: LinkOutcome) -> list[Refused]:
    """The first headline of a link that ended well and whose file does not hold it."""
    first = next(headlines.of(kind), None)
    there = {value.metric for value in link.values if value.t_s is None and value.stream is None}
    there |= {refused.value.metric for refused in link.refused}
    if link.status is not Status.OK or first is None or first.metric in there:
        return []
    value = Value(first.metric, None, direction=first.direction, mode=first.mode)
    return [Refused(value, "its file does not hold it")]


def _column(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, type=kind.value_type).dictionary_encode()
    return pa.array(values, type=kind)


def _common(cell: Cell, link: LinkOutcome) -> dict[str, Any]:
    return {
        "campaign": cell.campaign,
        "round": cell.round,
        "vpn": cell.vpn,
        "tuning": cell.tuning,
        "profile": cell.profile,
        "placement": PLACEMENT,
        "benchmark": cell.kind.value,
        "kind": cell.kind.value,
        "source": link.source,
        "target": link.target,
        "record": cell.record,
    }


def _link(cell: Cell, link: LinkOutcome) -> dict[str, Any]:
    return {
        "status": link.status.value,
        "reason": link.reason,
        "attempts": link.attempts,
        "limit_s": link.limit_s,
        "started": link.started,
        "duration_s": link.duration_s,
        "measuring_s": link.measuring_s,
        "tunnel_mtu": link.tunnel_mtu,
        "engine": "netem",
        "testbed": f"published:{cell.run}",
        "marks": list(dict.fromkeys(link.marks)),
    }
