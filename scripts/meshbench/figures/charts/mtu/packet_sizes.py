"""What becomes of packets of each size: whole, refused with a word, lost without one, in fragments."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured, pictures, texts, theme
from meshbench.figures.drawing.groups import Group, arrow, became, collect, system
from meshbench.figures.drawing.theme import STATUSES
from meshbench.figures.drawing.wording import DASH

_WIDTH = 64
"""Of a cell in px: wide enough for two sizes, so that all panels are alike."""
_INTERFACE, _LARGEST = "interface", "largest whole"
_FILLS = {
    "whole": STATUSES["ok"].fill,
    "icmp": STATUSES["unsupported"].fill,
    "local": STATUSES["unavailable"].fill,
    "silent": STATUSES["failed"].fill,
}
_WORDS = {"whole": "whole", "icmp": "ICMP", "local": "too long", "silent": "silent"}
_KEY = ("vpn", "tuning", "profile", "direction")
_END = ("round", "source", "target", *_KEY)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile: a row per system, or two where its directions differ; a column per size."""
    rows = _table(data)
    if not rows:
        return texts.nothing("mtu has no value that would be drawn")
    groups, sizes = _groups(rows, context), _sizes(rows)
    columns = [_INTERFACE, _LARGEST, *(f"{size:,}" for size in sizes)]
    panels = []
    for profile in dict.fromkeys(group.profile for group in groups):
        cells = _cells(
            [group for group in groups if group.profile == profile], rows, sizes, context
        )
        systems = list(dict.fromkeys(cell["system"] for cell in cells))
        panel = pictures.heat(cells, columns, systems, width=_WIDTH)
        panels.append(panel.properties(title=profile))
    return alt.concat(*panels, columns=1, spacing=14, usermeta={"width": theme.PAGE})


def _table(data: Data) -> list[Row]:
    rows = data.rows("packet_sizes", benchmark="mtu")
    return [{**row, "mode": None} for row in rows]


def _groups(rows: Iterable[Row], context: Context) -> list[Group]:
    """A group per system, profile and direction, with one row for each link and round."""
    ends = {tuple(row[key] for key in _END): row for row in rows}
    return collect(list(ends.values()), context, modes=True)


def _sizes(rows: Iterable[Row]) -> list[int]:
    return sorted({row["size_bytes"] for row in rows if row["listed"]})


def _cells(
    groups: Sequence[Group], rows: Sequence[Row], sizes: Sequence[int], context: Context
) -> list[dict[str, Any]]:
    """The cells of one profile; a system's two directions are one row where they are alike."""
    by_system: dict[str, list[tuple[Group, list[dict[str, Any]]]]] = {}
    for group in groups:
        mine = [row for row in rows if all(row[key] == getattr(group, key) for key in _KEY)]
        cells = [*_heads(group), *(_cell(group, mine, size) for size in sizes)]
        by_system.setdefault(system(group, context), []).append((group, cells))
    shown: list[dict[str, Any]] = []
    for name, parts in by_system.items():
        _, first = parts[0]
        if all(cells == first for _, cells in parts):
            shown += [{"system": name, **cell} for cell in first]
        else:
            shown += [
                {"system": name + arrow(group), **cell} for group, cells in parts for cell in cells
            ]
    return shown


def _heads(group: Group) -> Iterable[dict[str, Any]]:
    """The interface's MTU, and the largest size that passes whole, over links and rounds."""
    yield _plain(_INTERFACE, _range(group, "tunnel_mtu"), "")
    yield _plain(_LARGEST, _range(group, "largest_whole"), f"n {group.n_ok}/{group.planned}")


def _plain(column: str, value: str, detail: str) -> dict[str, Any]:
    return {
        "column": column,
        "value": value,
        "detail": detail,
        "why": "",
        "fill": "#ffffff",
        "edge": None,
    }


def _range(group: Group, column: str) -> str:
    values = sorted({round(point.value) for point in group.points(column)})
    return DASH.join(f"{value}" for value in dict.fromkeys(values[:1] + values[-1:])) or DASH


def _cell(group: Group, rows: Sequence[Row], size: int) -> dict[str, Any]:
    asked = [row for row in rows if row["size_bytes"] == size]
    fates = Counter(row["fate"] for row in asked)
    if not fates:
        style = STATUSES[group.trouble or "not_run"]
        cell = _plain(f"{size:,}", became(group) if group.trouble else DASH, "")
        return {**cell, "why": group.reason or "", "fill": style.fill}
    # Of several fates the worst gives the colour.
    worst = max(fates, key=list(_FILLS).index)
    lost = [row for row in asked if row["fragments"] is False]
    counted = f" {fates[worst]}/{len(asked)}" if len(fates) > 1 else ""
    return {
        "column": f"{size:,}",
        "value": _said(worst, asked) + counted,
        "detail": "" if worst == "whole" else _fragments(asked, lost),
        "why": group.reason or "",
        "fill": _FILLS[worst],
        "edge": STATUSES["failed"].ink if lost else None,
    }


def _said(fate: str, asked: Iterable[Row]) -> str:
    named = sorted({round(row["mtu_named"]) for row in asked if row["mtu_named"] is not None})
    return f"{_WORDS[fate]} {named[0]}" if fate == "icmp" and named else _WORDS[fate]


def _fragments(asked: Sequence[Row], lost: Sequence[Row]) -> str:
    tried = [row for row in asked if row["fragments"] is not None]
    if not tried:
        return ""
    return f"pieces lost {len(lost)}/{len(tried)}" if lost else "in pieces"


def caption(data: Data, context: Context) -> str:
    """What the words mean, and where there is a black hole."""
    rows = _table(data)
    holes = {
        group.vpn: None
        for group in _groups(rows, context)
        if any(row["fate"] == "silent" and row["vpn"] == group.vpn for row in rows)
    }
    sentence = f"Black holes: {', '.join(holes)}." if holes else "No black hole."
    return (
        "Echo requests with DF set in IP packets of each size, from both ends of each link; a system has "
        "two rows where its directions differ. 'whole': answered. 'ICMP' and a number: refused by the path, "
        "naming that MTU. 'too long': refused by the sending host's own kernel. 'silent': lost without a "
        "word, a black hole. 'in pieces': without DF it is answered; a frame: not even then. 'interface' "
        f"is the tunnel's MTU, 'largest whole' was searched for to the byte. {sentence}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_groups(_table(data), context), context)
