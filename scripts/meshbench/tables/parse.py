"""From raw records to tidy rows: one job per benchmark and VPN."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from meshbench.benchmarks.base import Value
from meshbench.collectors import startup
from meshbench.results import records
from meshbench.results.records import LinkRecord, Record
from meshbench.tables import reading, schema
from meshbench.util.errors import RecordError

log = logging.getLogger(__name__)

Row = dict[str, Any]


def parse(raw: Sequence[Path], samples: Path, links: Path) -> None:
    """Write the samples and links of these records.

    A file that is no record is left out, and named in the log and by `python -m meshbench failed`.
    """
    sample_rows: list[Row] = []
    link_rows: list[Row] = []
    for path in raw:
        try:
            record = records.read(path)
        except RecordError as error:
            log.error("left out: %s", error)  # noqa: TRY400  (it says all)
            continue
        sample_rows += _starts(record)
        for link, values in reading.links(record):
            sample_rows += _samples(record, link, values)
            link_rows.append(_link(record, link))
    schema.write(schema.table(sample_rows, schema.SAMPLES), samples)
    schema.write(schema.table(link_rows, schema.LINKS), links)
    log.info("%d records: %d links, %d values", len(raw), len(link_rows), len(sample_rows))


def _cell(record: Record, link: LinkRecord) -> Row:
    return {
        "campaign": record.campaign,
        **record.cell.model_dump(),
        "placement": record.placement,
        "source": link.source,
        "target": link.target,
    }


def _samples(record: Record, link: LinkRecord, values: Iterable[Value]) -> Iterator[Row]:
    cell = {**_cell(record, link), "status": str(link.status), "reason": link.reason}
    for value in values:
        yield {
            **cell,
            "mode": value.mode,
            "direction": value.direction,
            "stream": value.stream,
            "metric": value.metric.name,
            "unit": value.metric.unit,
            "t_s": value.t_s,
            "value": value.value,
        }


def _starts(record: Record) -> Iterator[Row]:
    for start in startup.of(record):
        yield {
            "campaign": record.campaign,
            **record.cell.model_dump(),
            "placement": record.placement,
            "source": start.source,
            "target": start.target,
            "direction": "forward",
            "metric": start.metric.name,
            "unit": start.metric.unit,
            "value": start.value,
            "status": str(start.status),
            "reason": start.reason,
        }


def _link(record: Record, link: LinkRecord) -> Row:
    path = link.path
    return {
        **_cell(record, link),
        "status": str(link.status),
        "reason": link.reason,
        "attempts": link.attempts,
        "limit_s": link.limit_s,
        "started": link.started or record.started,
        "duration_s": link.duration_s,
        "measuring_s": records.measuring_s((*link.failures, *link.commands)) or None,
        "vpn_version": record.vpn.version,
        "path": path.kind if path else None,
        "transport": path.transport if path else None,
        "endpoint": path.endpoint if path else None,
        "tunnel_mtu": path.tunnel_mtu if path else None,
        "path_mtu": path.path_mtu if path else None,
        "cipher": path.cipher if path else None,
        "control_server": record.vpn.control_server,
        "path_changed": link.path_changed,
        "ready_s": link.ready_s,
        "direct_s": link.direct_s,
        "engine": record.impairment.engine,
        "testbed": f"{record.testbed.kind}:{record.testbed.name}",
        "shared_cpu": record.testbed.shared_cpu,
        "code_version": str(record.versions.get("meshbench", "unknown")),
        "marks": record.marks,
    }
