"""The figures and printed tables, with their captions."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshbench.figures import catalogue
from meshbench.figures.contract import CHART_FORMATS, TABLE_FORMATS, Context, Data, Figure
from meshbench.figures.drawing.wording import number
from meshbench.report.markup import Section, table, text


def pictures(
    folder: Path, names: Sequence[str], tables: Mapping[str, Path], context: Context
) -> Section:
    """Every chart, embedded as SVG."""
    parts = []
    for figure, caption in _captioned(names, tables, context, CHART_FORMATS):
        svg = base64.b64encode((folder / f"{figure.name}.svg").read_bytes()).decode("ascii")
        parts.append(
            f'<figure id="{figure.name}">\n<img loading="lazy" alt="{text(figure.title)}" '
            f'src="data:image/svg+xml;base64,{svg}">\n'
            f"<figcaption>{text(caption)} {_files(figure, CHART_FORMATS)}</figcaption>\n</figure>"
        )
    return Section("figures", "Figures", "\n".join(parts))


def printed(
    folder: Path, names: Sequence[str], tables: Mapping[str, Path], context: Context
) -> Section:
    """Every printed table."""
    parts = []
    for figure, caption in _captioned(names, tables, context, TABLE_FORMATS):
        rows = list(csv.reader(io.StringIO((folder / f"{figure.name}.csv").read_text("utf-8"))))
        parts += [
            f'<h3 id="{_anchor(figure)}">{text(figure.title)}</h3>',
            f'<p class="caption">{text(caption)} {_files(figure, TABLE_FORMATS)}</p>',
            table(rows[0], [[_plain(cell) for cell in row] for row in rows[1:]]),
        ]
    return Section("tables", "Tables", "\n".join(parts))


def _captioned(
    names: Sequence[str], tables: Mapping[str, Path], context: Context, formats: Sequence[str]
) -> list[tuple[Figure, str]]:
    found = []
    for name in names:
        if set(formats) <= set(catalogue.get(name).formats):
            loaded = catalogue.load(name)
            data = Data.read({table: tables[table] for table in loaded.figure.tables})
            found.append((loaded.figure, loaded.caption(data, context)))
    return found


def _anchor(figure: Figure) -> str:
    """Of a table; of a figure that is a chart too, that has the name."""
    return f"{figure.name}-table" if "svg" in figure.formats else figure.name


def _files(figure: Figure, formats: Sequence[str]) -> str:
    links = "".join(f'<a href="{figure.name}.{kind}">{kind.upper()}</a>' for kind in formats)
    return f'<span class="files">{links}</span>'


def _plain(cell: str) -> str:
    """A cell of a CSV as people read it: numbers there are not rounded."""
    try:
        return cell if cell.isdigit() else number(float(cell))
    except ValueError:
        return cell
