"""How many kinds of tests, and how many links, ended well, by system, at the first profile."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import pictures
from meshbench.figures.drawing.theme import STATUSES, ordered
from meshbench.figures.drawing.wording import counted, number

KINDS, LINKS = "kinds of tests with any link", "links"
COLOURS = {KINDS: "#8fb8de", LINKS: "#1b6b3a"}
_UNAVAILABLE = "unavailable"
_NO_TESTS = {"bootstrap", "reboot", "timing", "netem"}


@dataclass(frozen=True)
class Success:
    """Of one system: kinds of tests with at least one good link, and good links, of how many.

    What is unavailable says nothing of a system and is left out of both.
    """

    vpn: str
    kinds: int
    of_kinds: int
    links: int
    of_links: int


def successes(data: Data, context: Context) -> list[Success]:
    """Every system, at the first profile and tuning."""
    rows = _rows(data, context)
    pairs = Counter(benchmark for benchmark, _, _ in {_pair(row) for row in rows})
    systems = []
    for vpn in ordered(context.vpns, {row["vpn"] for row in rows}):
        recorded = [row for row in rows if row["vpn"] == vpn]
        mine = [row for row in recorded if row["status"] != _UNAVAILABLE]
        good = [row for row in mine if row["status"] == "ok"]
        left_out = {r["benchmark"] for r in recorded} - {r["benchmark"] for r in mine}
        planned = {kind: _planned(vpn, kind, links, context) for kind, links in pairs.items()}
        total = sum(planned.values())
        if recorded or total:
            of = max(total, len(recorded)) - len(recorded) + len(mine)
            kinds = {kind for kind in planned if planned[kind]} | {
                row["benchmark"] for row in recorded
            }
            good_kinds = len({row["benchmark"] for row in good})
            systems.append(Success(vpn, good_kinds, len(kinds - left_out), len(good), of))
    return systems


def _pair(row: Row) -> tuple[str, str, str]:
    return row["benchmark"], row["source"], row["target"]


def _planned(vpn: str, benchmark: str, links: int, context: Context) -> int:
    """Links of one kind of test that the system was to have at the first profile and tuning."""
    tuning, profile = context.tunings[0], context.profiles[0]
    if context.tests:
        return context.planned(vpn, tuning, benchmark=benchmark, profile=profile)
    return len(context.rounds_of(vpn, tuning, benchmark, profile)) * links


def _rows(data: Data, context: Context) -> list[Row]:
    links = data.rows("links", profile=context.profiles[0], tuning=context.tunings[0])
    return [row for row in links if row["source"] != "*" and row["benchmark"] not in _NO_TESTS]


def chart(
    data: Data, context: Context, width: int = 250, colours: Mapping[str, str] = COLOURS
) -> alt.LayerChart:
    """Two nested bars per system: kinds in light, links in dark; colours of the legend as given."""
    systems = successes(data, context)
    rows = []
    for system in systems:
        kinds, links = _share(system.kinds, system.of_kinds), _share(system.links, system.of_links)
        rows.append({"system": system.vpn, "part": LINKS, "start": 0.0, "end": links})
        rows.append({"system": system.vpn, "part": KINDS, "start": links, "end": max(kinds, links)})
    ends = [
        {
            "system": system.vpn,
            "at": 100.0,
            "text": f"{number(_share(system.kinds, system.of_kinds))} % ({system.kinds}/{system.of_kinds}); links {system.links}/{system.of_links}"
            if system.of_links
            else STATUSES[_UNAVAILABLE].words,
        }
        for system in systems
    ]
    return pictures.stacked(
        rows,
        [system.vpn for system in systems],
        colours,
        "%",
        ends=ends,
        width=width,
        room=1.9,
        ticks=(0, 25, 50, 75, 100),
    )


def _share(part: int, whole: int) -> float:
    """In percent; nothing of nothing is none."""
    return 100 * part / whole if whole else 0.0


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """One chart."""
    return chart(data, context)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the systems that did not pass everything."""
    systems = successes(data, context)
    short = [
        f"{system.vpn} {number(_share(system.kinds, system.of_kinds))} % = {system.kinds} / {system.of_kinds}"
        for system in systems
        if system.kinds < system.of_kinds
    ]
    sentence = (
        f" Not all kinds: {'; '.join(short)}." if short else " Every system passed every kind."
    )
    return (
        f"Kinds of tests of which at least one link ended well at {context.profiles[0]} (the thesis's success rate), and "
        f"the links that ended well.{sentence}{_left_out(data, context)}"
    )


def _left_out(data: Data, context: Context) -> str:
    missing = sum(row["status"] == _UNAVAILABLE for row in _rows(data, context))
    return f" Left out: {counted(missing, 'link')} of what cannot be had here." if missing else ""


def notes(data: Data, context: Context) -> Sequence[str]:
    """What failed, by system and kind."""
    rows = _rows(data, context)
    counts: dict[str, int] = {}
    for row in (row for row in rows if row["status"] != "ok"):
        key = f"{row['vpn']}, {row['benchmark']}: {STATUSES[row['status']].words}: {row['reason']}"
        counts[key] = counts.get(key, 0) + 1
    for system in successes(data, context):
        recorded = sum(row["vpn"] == system.vpn and row["status"] != _UNAVAILABLE for row in rows)
        if recorded < system.of_links:
            counts[f"{system.vpn}: not run"] = system.of_links - recorded
    return [f"{key} ({counted(count, 'link')})" for key, count in counts.items()]
