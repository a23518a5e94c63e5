"""The figures and printed tables, with their captions."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench.figures import catalogue
from meshbench.figures.contract import CHART_FORMATS, TABLE_FORMATS, Context, Data, Figure
from meshbench.figures.drawing.wording import number
from meshbench.report.markup import Section, section


def pictures(
    folder: Path, names: Sequence[str], tables: Mapping[str, Path], context: Context
) -> Section:
    """Every chart, embedded as SVG."""
    charts = [
        {
            **_described(figure, caption, CHART_FORMATS),
            "svg_base64": _svg(folder / f"{figure.name}.svg"),
        }
        for figure, caption in _captioned(names, tables, context, CHART_FORMATS)
    ]
    return section("figures", "Figures", charts=charts)


def printed(
    folder: Path, names: Sequence[str], tables: Mapping[str, Path], context: Context
) -> Section:
    """Every printed table."""
    contents = [
        {**_described(figure, caption, TABLE_FORMATS), **_content(folder / f"{figure.name}.csv")}
        for figure, caption in _captioned(names, tables, context, TABLE_FORMATS)
    ]
    return section("tables", "Tables", tables=contents)


def _captioned(
    names: Sequence[str], tables: Mapping[str, Path], context: Context, formats: Sequence[str]
) -> list[tuple[Figure, str]]:
    figures = []
    for name in names:
        if set(formats) <= set(catalogue.get(name).formats):
            loaded = catalogue.load(name)
            data = Data.read({table: tables[table] for table in loaded.figure.tables})
            chosen = loaded.figure.chosen(data, context)
            figures.append((loaded.figure, loaded.caption(chosen, context)))
    return figures


def _described(figure: Figure, caption: str, formats: Sequence[str]) -> dict[str, Any]:
    return {
        "name": figure.name,
        "anchor": _anchor(figure, formats),
        "title": figure.title,
        "caption": caption,
        "formats": formats,
    }


def _anchor(figure: Figure, formats: Sequence[str]) -> str:
    """A figure that is a chart and a table is twice on the page, and the chart has its name."""
    chart_too = "svg" in figure.formats and "svg" not in formats
    return f"{figure.name}-table" if chart_too else figure.name


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
