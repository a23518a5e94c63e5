"""From raw records to tidy rows: one job per benchmark and VPN."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench.benchmarks.base import Headline, Observation, Pair
from meshbench.impairment import engine
from meshbench.results import records
from meshbench.results.records import LinkRecord, Record, Status
from meshbench.tables import circumstances, reading, schema
from meshbench.tables.reading import Reading
from meshbench.util.errors import RecordError

log = logging.getLogger(__name__)

Row = dict[str, Any]
NOWHERE = "*"
"""Source and target of a value that belongs to no link."""
NOT_REPORTED = "the tool did not report it"


def parse(raw: Sequence[Path], samples: Path, links: Path, events: Path | None = None) -> None:
    """Write the samples and links of these records, and what was logged beside their single RTTs.

    What of a record's output cannot be read is a failure of the tool on that link, with the reason
    and the record's name; it stops no other. A file that is no record is left out, and named in the
    log and by `python -m meshbench failed`.
    """
    sample_rows: list[Row] = []
    link_rows: list[Row] = []
    event_rows: list[Row] = []
    for path in raw:
        try:
            read = reading.read(records.read(path), path)
        except RecordError as error:
            log.error("left out: %s", error)  # noqa: TRY400  (it says all)
            continue
        sample_rows += _samples(path, read)
        link_rows += [_link(read.record, path, link) for link in read.record.links]
        event_rows += _events(path, read)
    schema.write(schema.table(sample_rows, schema.SAMPLES), samples)
    schema.write(schema.table(link_rows, schema.LINKS), links)
    if events is not None:
        schema.write(schema.table(event_rows, schema.EVENTS), events)
    log.info("%d records: %d links, %d values", len(raw), len(link_rows), len(sample_rows))


def _place(record: Record, path: Path, pair: Pair) -> Row:
    return {
        "campaign": record.campaign,
        **record.cell.model_dump(),
        "kind": record.kind,
        "placement": record.placement,
        "source": pair[0],
        "target": pair[1],
        "record": _below_results(path),
    }


def _below_results(path: Path) -> str:
    """A record's path below the campaign's results: from its `raw`, `calibration` or `bracket` on."""
    for folder in ("raw", "calibration", "bracket"):
        if folder in path.parts:
            return Path(*path.parts[path.parts.index(folder) :]).as_posix()
    return path.as_posix()


def _samples(path: Path, read: Reading) -> Iterator[Row]:
    record = read.record
    links = {link.pair: link for link in record.links}
    missing = _missing(record, read.observations, read.headlines)
    for observation in (*read.observations, *missing):
        on_host = isinstance(observation.subject, str)
        pair = (NOWHERE, NOWHERE) if isinstance(observation.subject, str) else observation.subject
        status, reason = _status(observation, links.get(pair))
        yield {
            **_place(record, path, pair),
            "host": observation.subject if on_host else None,
            "mode": observation.mode,
            "direction": observation.direction,
            "stream": observation.stream,
            "metric": observation.metric.name,
            "unit": observation.metric.unit,
            "t_s": observation.t_s,
            "value": observation.value,
            "status": str(status),
            "reason": reason,
        }


def _status(observation: Observation, link: LinkRecord | None) -> tuple[Status, str | None]:
    """A value's own status, else that of its link."""
    if observation.status is not Status.OK or observation.settled or link is None:
        return observation.status, observation.reason
    return link.status, link.reason


def _missing(
    record: Record, observations: Sequence[Observation], headlines: Sequence[Headline]
) -> Iterator[Observation]:
    """A row with the reason for every headline that a link or host should have and has not."""
    have = {(o.subject, o.metric.name, o.direction, o.mode) for o in observations if o.t_s is None}
    troubles: Mapping[Pair | str, tuple[Status, str | None]] = {
        **{link.pair: (link.status, link.reason) for link in record.links},
        **dict.fromkeys(_hosts(record), _of_hosts(record)),
    }
    for headline in headlines:
        for subject, trouble in troubles.items():
            key = (subject, headline.metric.name, headline.direction, headline.mode)
            if isinstance(subject, str) is (headline.of == "host") and key not in have:
                ok = trouble[0] is Status.OK
                status, reason = (Status.TOOL_FAILED, NOT_REPORTED) if ok else trouble
                yield Observation(
                    headline.metric, None, subject, headline.direction, headline.mode,
                    status=status, reason=reason,
                )  # fmt: skip


def _hosts(record: Record) -> list[str]:
    return list(dict.fromkeys(host for link in record.links for host in link.pair))


def _of_hosts(record: Record) -> tuple[Status, str | None]:
    """What a host's missing value comes from: the worst of the links."""
    worst = records.worst([link.status for link in record.links])
    return worst, next((link.reason for link in record.links if link.status is worst), None)


def _events(path: Path, read: Reading) -> Iterator[Row]:
    for log_ in read.logs:
        end = {
            **_place(read.record, path, log_.pair),
            "host": log_.host,
            "until_s": log_.until_s,
            "clock_error_s": log_.clock_error_s,
            "reason": log_.reason,
        }
        if not log_.lines:
            yield end
        for t_s, line in log_.lines:
            fields = {"unit": line.unit, "priority": line.priority, "message": line.message}
            yield {**end, "t_s": t_s, **fields}


def _link(record: Record, path: Path, link: LinkRecord) -> Row:
    path_state = link.path
    emulated = engine.losses(record.impairment.before, record.impairment.after)
    return {
        **_place(record, path, link.pair),
        "status": str(link.status),
        "reason": link.reason,
        "attempts": link.attempts,
        "limit_s": link.limit_s,
        "started": link.started or record.started,
        "duration_s": link.duration_s,
        "measuring_s": records.measuring_s((*link.failures, *link.commands)) or None,
        "vpn_version": record.vpn.version,
        "path": path_state.kind if path_state else None,
        "transport": path_state.transport if path_state else None,
        "endpoint": path_state.endpoint if path_state else None,
        "tunnel_mtu": path_state.tunnel_mtu if path_state else None,
        "path_mtu": path_state.path_mtu if path_state else None,
        "cipher": path_state.cipher if path_state else None,
        "control_server": record.vpn.control_server,
        "path_changed": link.path_changed,
        "ready_s": link.ready_s,
        "direct_s": link.direct_s,
        "engine": record.impairment.engine,
        "emulator_offered": emulated and emulated[0],
        "emulator_lost": emulated and emulated[1],
        "testbed": f"{record.testbed.kind}:{record.testbed.name}",
        "shared_cpu": record.testbed.shared_cpu,
        "code_version": str(record.versions.get("meshbench", "unknown")),
        **circumstances.of(record, link),
        "marks": record.marks,
    }
