"""The figures and printed tables, with their captions."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench.figures import base
from meshbench.figures.base import Context, Data, Figure
from meshbench.figures.wording import number
from meshbench.report.markup import Section, section


def pictures(
    folder: Path, names: Sequence[str], tables: Mapping[str, Path], context: Context
) -> Section:
    """Every chart, embedded as SVG."""
    charts = [
        {**_described(figure, caption), "svg_base64": _svg(folder / f"{figure.name}.svg")}
        for figure, caption in _captioned(names, tables, context, base.CHART_FORMATS)
    ]
    return section("figures", "Figures", charts=charts)


def printed(
    folder: Path, names: Sequence[str], tables: Mapping[str, Path], context: Context
) -> Section:
    """Every printed table."""
    contents = [
        {**_described(figure, caption), **_content(folder / f"{figure.name}.csv")}
        for figure, caption in _captioned(names, tables, context, base.TABLE_FORMATS)
    ]
    return section("tables", "Tables", tables=contents)


def _captioned(
    names: Sequence[str], tables: Mapping[str, Path], context: Context, formats: Sequence[str]
) -> list[tuple[Figure, str]]:
    found = []
    for name in names:
        if base.formats(name) == formats:
            figure = base.load(name)
            data = Data.read({table: tables[table] for table in figure.tables})
            found.append((figure, figure.caption(data, context)))
    return found


def _described(figure: Figure, caption: str) -> dict[str, Any]:
    return {
        "name": figure.name,
        "title": figure.title,
        "caption": caption,
        "formats": base.formats(figure.name),
    }


def _svg(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode("ascii")


def _content(file: Path) -> dict[str, Any]:
    head, *rows = csv.reader(io.StringIO(file.read_text("utf-8")))
    return {"head": head, "rows": [[_plain(cell) for cell in row] for row in rows]}


def _plain(cell: str) -> str:
    """A cell of a CSV as people read it: numbers there are not rounded."""
    try:
        return cell if cell.isdigit() else number(float(cell))
    except ValueError:
        return cell
