"""From raw records to tidy rows: one job per benchmark and VPN."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench import benchmarks, collectors
from meshbench.benchmarks.base import Benchmark, Headline, Observation, Pair
from meshbench.results import records
from meshbench.results.records import LinkRecord, Record, Status
from meshbench.tables import schema

log = logging.getLogger(__name__)

Row = dict[str, Any]
NOWHERE = "*"
"""Source and target of a value that belongs to no link."""
NOT_REPORTED = "the tool did not report it"


def parse(raw: Sequence[Path], samples: Path, links: Path) -> None:
    """Write the samples and links of these records.

    What of a record's output cannot be read is a failure of the tool on that link, with the reason
    and the record's name; it stops no other.

    Raises:
        ValueError: naming the file, when one is not a record.
    """
    sample_rows: list[Row] = []
    link_rows: list[Row] = []
    for path in raw:
        record = records.read(path)
        benchmark = benchmarks.make(record.cell.benchmark, record.settings["options"])
        observations = _read(benchmark, record, path)
        sample_rows += _samples(record, path, observations, benchmark.headlines())
        link_rows += [_link(record, path, link) for link in record.links]
    schema.write(schema.table(sample_rows, schema.SAMPLES), samples)
    schema.write(schema.table(link_rows, schema.LINKS), links)
    log.info("%d records: %d links, %d values", len(raw), len(link_rows), len(sample_rows))


def _read(benchmark: Benchmark[Any], record: Record, path: Path) -> list[Observation]:
    """All values of a record; a link whose output cannot be read, or has none, becomes tool_failed."""
    observations = [o for kind in collectors.every() for o in kind().parse(record)]
    try:
        measured = list(benchmark.parse(record))
    except Exception:
        log.exception("%s", path)
        measured = _link_by_link(benchmark, record, path)
    told = {observation.subject for observation in measured}
    for link in record.links:
        if link.status is Status.OK and link.pair not in told and _tells_of_links(benchmark):
            _unreadable(link, "it holds no value", path)
    return [*observations, *measured]


def _tells_of_links(benchmark: Benchmark[Any]) -> bool:
    headlines = benchmark.headlines()
    return not headlines or any(headline.of == "link" for headline in headlines)


def _link_by_link(benchmark: Benchmark[Any], record: Record, path: Path) -> list[Observation]:
    observations: list[Observation] = []
    for link in record.links:
        try:
            observations += benchmark.parse(record.model_copy(update={"links": [link]}))
        except Exception as error:  # noqa: BLE001 - a tool's output may be anything
            _unreadable(link, f"{type(error).__name__}: {error}", path)
    return observations


def _unreadable(link: LinkRecord, why: str, path: Path) -> None:
    link.status, link.reason = (
        Status.TOOL_FAILED,
        f"the output in {path} cannot be read: {why}",
    )


def _place(record: Record, path: Path, pair: Pair) -> Row:
    return {
        "campaign": record.campaign,
        **record.cell.model_dump(),
        "placement": record.placement,
        "source": pair[0],
        "target": pair[1],
        "record": _below_results(path),
    }


def _below_results(path: Path) -> str:
    """A record's path below the campaign's results: from its `raw` or `calibration` on."""
    for folder in ("raw", "calibration"):
        if folder in path.parts:
            return Path(*path.parts[path.parts.index(folder) :]).as_posix()
    return path.as_posix()


def _samples(
    record: Record, path: Path, observations: Sequence[Observation], headlines: Sequence[Headline]
) -> Iterator[Row]:
    links = {link.pair: link for link in record.links}
    missing = _missing(record, observations, headlines)
    for observation in (*observations, *missing):
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
    if observation.status is not Status.OK or link is None:
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


def _link(record: Record, path: Path, link: LinkRecord) -> Row:
    after = link.path_after or link.path_before
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
