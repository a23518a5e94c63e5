"""The tables of spikes: whether a link's single RTTs repeat themselves, and what was logged meanwhile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from meshbench.analysis import coincidences, periods
from meshbench.analysis.coincidences import WINDOW_S, Spike
from meshbench.tables import database
from meshbench.tables.database import Tidy

_FOLDER = Path(__file__).parent / "sql"
_WORD = pa.dictionary(pa.int32(), pa.string())
_LINK = (
    "campaign", "round", "vpn", "tuning", "profile", "placement", "benchmark", "source", "target",
)  # fmt: skip
PLACE = (*_LINK, "mode")
_BESIDE = "idle beside"
"""The mode of what goes beside the tunnel, where the system has no part."""
NOT_RECORDED = "not recorded"


def _placed(*fields: pa.Field, place: Sequence[str] = PLACE) -> pa.Schema:
    names = (pa.field(name, pa.int32() if name == "round" else _WORD) for name in place)
    return pa.schema([*names, *fields])


SCHEMA = _placed(
    pa.field("n", pa.int64()),  # RTTs
    pa.field("span_s", pa.float64()),  # from the first to the last of them
    pa.field("rtt_p50_ms", pa.float64()),
    pa.field("rtt_p99_ms", pa.float64()),
    pa.field("period_s", pa.float64()),  # the strongest one, found or not
    pa.field("power", pa.float64()),  # share of the variance that it takes
    pa.field("false_alarm", pa.float64()),  # that noise had as much at any period, at the most
    pa.field("first_s", pa.float64()),  # when the first of its spikes comes
    pa.field("found", pa.bool_()),  # whether it is no chance
    pa.field("reason", pa.string()),  # why nothing could be looked for
    pa.field("n_spikes", pa.int64()),  # RTTs in turn far above the median count once
    pa.field("n_lines", pa.int64()),  # logged by both ends' units in that time; null: not known
    pa.field("n_logged", pa.int64()),  # spikes in the time of which the log is known
    pa.field("n_near", pa.int64()),  # of those, with a line within the window around them
    pa.field("near_share", pa.float64()),  # of the time, in which a spike would have one by chance
    pa.field("chance", pa.float64()),  # that at least as many have one by chance
    pa.field("window_s", pa.float64()),  # before and after a spike
    pa.field("clock_error_s", pa.float64()),  # how far the ends' clocks may be apart, at the most
    pa.field("log_reason", pa.string()),  # why the log is not known, or not to its end
    pa.field("shown", pa.bool_()),  # whether the figure draws it: one series per system
)
TIMES = _placed(
    pa.field("t_s", pa.float64()),  # of the spike's largest RTT
    pa.field("rtt_ms", pa.float64()),
    pa.field("near", pa.bool_()),  # whether a line is within the window; null: not known
    # The nearest such line:
    pa.field("host", _WORD),
    pa.field("event_s", pa.float64()),
    pa.field("unit", _WORD),
    pa.field("message", pa.string()),
)
RTTS = _placed(pa.field("t_s", pa.float64()), pa.field("rtt_ms", pa.float64()))
EVENTS = _placed(
    pa.field("host", _WORD),
    pa.field("t_s", pa.float64()),  # on the series' axis
    pa.field("unit", _WORD),
    pa.field("priority", pa.int32()),
    pa.field("message", pa.string()),
)
SCHEMAS = {"spikes": SCHEMA, "spike_times": TIMES, "spike_rtts": RTTS, "log_events": EVENTS}


def tables(tidy: Tidy) -> dict[str, pa.Table]:
    """By name: `spikes` has a row per series of single RTTs (of `ping`, and of idle phases inside and
    beside the tunnel), `spike_times` one per spike, `log_events` one per series and line that was
    logged in its time, `spike_rtts` the RTTs of the series that the figure draws.
    """
    with database.opened(tidy) as connection:
        series, lines = (
            connection.sql((_FOLDER / name).read_text(encoding="utf-8"))
            .to_arrow_table()
            .to_pylist()
            for name in ("rtts.sql", "events.sql")
        )
    by_link: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for line in lines:
        by_link.setdefault(_key(line, _LINK), []).append(line)
    judged = [
        Series.of(series_row, by_link.get(_key(series_row, _LINK), ())) for series_row in series
    ]
    drawn = _shown(judged)
    rows = {
        "spikes": [link_series.row() | {"shown": link_series in drawn} for link_series in judged],
        "spike_times": [row for link_series in judged for row in link_series.times()],
        "log_events": [row for link_series in judged for row in link_series.events()],
        "spike_rtts": [row for link_series in drawn for row in link_series.rtts()],
    }
    return {name: pa.Table.from_pylist(rows[name], schema=of) for name, of in SCHEMAS.items()}


def _key(row: Mapping[str, Any], names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


@dataclass(frozen=True)
class Log:
    """What both ends of a link logged in a series' time.

    Attributes:
        lines: with host, t_s, unit, priority and message, in the order of their times.
        until_s: it is known of both ends until then.
        reason: why it is not known; then there are no lines and no time.
        cut: whether it ends before the series does.
    """

    lines: Sequence[Mapping[str, Any]] = ()
    until_s: float = 0.0
    clock_error_s: float | None = None
    reason: str | None = None
    cut: bool = False

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], first_s: float, last_s: float) -> "Log":
        """Of the rows of a link in the table of events, for a series from then to then."""
        ends = {row["host"]: row for row in rows}
        if not ends:
            return cls(reason=NOT_RECORDED)
        lacking = {host: row["reason"] for host, row in ends.items() if row["reason"]}
        if len(lacking) == len(ends) and len(set(lacking.values())) == 1:
            return cls(reason=next(iter(lacking.values())))
        if lacking:
            return cls(reason="; ".join(f"{host}: {reason}" for host, reason in lacking.items()))
        error_s = max(row["clock_error_s"] for row in ends.values())
        if error_s > WINDOW_S:
            return cls(
                clock_error_s=error_s, reason=f"the hosts' clocks are known to {error_s:.2f} s only"
            )
        until_s = min(row["until_s"] for row in ends.values())
        lines = [
            row
            for row in rows
            if row["t_s"] is not None
            and first_s - WINDOW_S <= row["t_s"] <= min(until_s, last_s + WINDOW_S)
        ]
        lines.sort(key=lambda row: float(row["t_s"]))
        return cls(lines, until_s, error_s, cut=until_s < last_s)

    @property
    def known(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, eq=False)
class Series:
    """A series of single RTTs with its spikes and the log beside it."""

    place: Mapping[str, Any]
    times_s: Sequence[float]
    rtts_ms: Sequence[float]
    period: periods.Period | None
    spikes: Sequence[Spike]
    log: Log

    @classmethod
    def of(cls, series: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> "Series":
        """From a row of ``rtts.sql`` and the link's rows in the table of events."""
        times_s, rtts_ms = series["times_s"], series["rtts_ms"]
        return cls(
            place={name: series[name] for name in PLACE},
            times_s=times_s,
            rtts_ms=rtts_ms,
            period=periods.strongest(times_s, rtts_ms),
            spikes=coincidences.spikes(times_s, rtts_ms),
            log=Log.of(lines, times_s[0], times_s[-1]),
        )

    @cached_property
    def logged(self) -> list[Spike]:
        """The spikes in the time of which the log is known."""
        return [spike for spike in self.spikes if self.log.known and spike.to_s() <= self._until_s]

    @property
    def _until_s(self) -> float:
        # What comes until then is near no spike but the last ones.
        return self.log.until_s if self.log.cut else float("inf")

    def row(self) -> dict[str, Any]:
        low, high = np.percentile(self.rtts_ms, [50, 99])
        return {
            **self.place,
            "n": len(self.times_s),
            "span_s": self.times_s[-1] - self.times_s[0],
            "rtt_p50_ms": float(low),
            "rtt_p99_ms": float(high),
            **dict(_period(self.period)),
            "n_spikes": len(self.spikes),
            "window_s": WINDOW_S,
            "clock_error_s": self.log.clock_error_s,
            "log_reason": self.log.reason,
            **dict(self._coincidences()),
        }

    def _coincidences(self) -> Iterator[tuple[str, Any]]:
        if not self.log.known:
            return
        events_s = [line["t_s"] for line in self.log.lines]
        first_s, last_s = self.times_s[0], min(self.times_s[-1], self.log.until_s)
        shares = [
            coincidences.share_near(spike, events_s, first_s, last_s) for spike in self.logged
        ]
        n_near = sum(spike.nearest(events_s) is not None for spike in self.logged)
        yield "n_lines", len(events_s)
        yield "n_logged", len(shares)
        yield "n_near", n_near
        if shares:
            yield "near_share", float(np.mean(shares))
            yield "chance", coincidences.chance(n_near, shares)
        if self.log.cut:
            yield "log_reason", f"kept until {self.log.until_s:.1f} s only"

    def times(self) -> Iterator[dict[str, Any]]:
        events_s = [line["t_s"] for line in self.log.lines]
        for spike in self.spikes:
            row = {**self.place, "t_s": spike.t_s, "rtt_ms": spike.rtt_ms, "near": None}
            if spike in self.logged:
                nearest = spike.nearest(events_s)
                row["near"] = nearest is not None
                if nearest is not None:
                    line = self.log.lines[nearest]
                    row |= {name: line[name] for name in ("host", "unit", "message")}
                    row["event_s"] = line["t_s"]
            yield row

    def events(self) -> Iterator[dict[str, Any]]:
        for line in self.log.lines:
            names = ("host", "t_s", "unit", "priority", "message")
            yield {**self.place, **{name: line[name] for name in names}}

    def rtts(self) -> Iterator[dict[str, Any]]:
        for t_s, rtt_ms in zip(self.times_s, self.rtts_ms, strict=True):
            yield {**self.place, "t_s": t_s, "rtt_ms": rtt_ms}


def _shown(series: Iterable[Series]) -> list[Series]:
    """Of each system the series with the surest period; without any, that with most spikes."""
    best: dict[tuple[Any, ...], Series] = {}
    for link_series in series:
        if link_series.spikes and link_series.place["mode"] != _BESIDE:
            key = _key(link_series.place, ("campaign", "vpn", "tuning", "placement"))
            best[key] = min(best.get(key, link_series), link_series, key=_rank)
    return list(best.values())


def _rank(link_series: Series) -> tuple[float, int]:
    period = link_series.period
    sure = period.false_alarm if period is not None and period.found else 1.0
    return sure, -len(link_series.spikes)


def _period(period: periods.Period | None) -> Iterator[tuple[str, Any]]:
    if period is None:
        yield "reason", f"fewer than {periods.LEAST_VALUES} RTTs, or all alike"
        return
    for name in ("period_s", "power", "false_alarm", "first_s", "found"):
        yield name, getattr(period, name)
