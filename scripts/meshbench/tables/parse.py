"""From raw records to tidy rows: one job per benchmark and VPN."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from meshbench import benchmarks
from meshbench.benchmarks.base import Benchmark
from meshbench.collectors import startup
from meshbench.results import records
from meshbench.results.records import LinkRecord, Record, Status
from meshbench.tables import schema

log = logging.getLogger(__name__)

Row = dict[str, Any]


def parse(raw: Sequence[Path], samples: Path, links: Path) -> None:
    """Write the samples and links of these records.

    Raises:
        ValueError: naming the file, when one is not a record.
    """
    sample_rows: list[Row] = []
    link_rows: list[Row] = []
    for path in raw:
        record = records.read(path)
        sample_rows += _starts(record)
        benchmark = benchmarks.make(record.settings["kind"], record.settings["options"])
        for link in record.links:
            found = list(_samples(record, link, benchmark))
            sample_rows += found
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


def _samples(record: Record, link: LinkRecord, benchmark: Benchmark) -> Iterator[Row]:
    cell = {**_cell(record, link), "status": str(link.status), "reason": link.reason}
    values = list(benchmark.parse(link))
    if link.status is Status.OK and not values:
        raise ValueError(
            f"{record.cell.path}: {link.source}->{link.target} is ok and has no values"
        )
    for value in (*values, *benchmark.constants(record.settings)):
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
    after = link.path_after or link.path_before
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
        "path": after.kind if after else None,
        "transport": after.transport if after else None,
        "endpoint": after.endpoint if after else None,
        "tunnel_mtu": after.tunnel_mtu if after else None,
        "path_mtu": after.path_mtu if after else None,
        "cipher": after.cipher if after else None,
        "control_server": record.vpn.control_server,
        "path_changed": _changed(link),
        "ready_s": link.ready_s,
        "direct_s": link.direct_s,
        "engine": record.impairment.engine,
        "testbed": f"{record.testbed.kind}:{record.testbed.name}",
        "shared_cpu": record.testbed.shared_cpu,
        "code_version": str(record.versions["meshbench"]),
        "marks": record.marks,
    }


def _changed(link: LinkRecord) -> bool | None:
    before, after = link.path_before, link.path_after
    if before is None or after is None:
        return None
    return before.way != after.way
