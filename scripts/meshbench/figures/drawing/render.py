"""From a figure's module to files: one Vega-Lite specification, drawn as SVG, PNG, PDF and HTML."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert as vlc

from meshbench.figures import catalogue
from meshbench.figures.catalogue import Loaded
from meshbench.figures.contract import CHART_FORMATS, TABLE_FORMATS, Context, Data, Figure, Row
from meshbench.figures.drawing import circumstances, tabular, theme
from meshbench.figures.drawing import findings as checked
from meshbench.figures.drawing.wording import TIMES, counted, joined, wrapped
from meshbench.util import templates
from meshbench.util.errors import MeshbenchError
from meshbench.util.files import atomic

VEGA_LITE = "6.1"
"""Of vl-convert's versions the one for Altair's schema; the bundle must be the same."""

_GLOBALS = "window.vegaEmbed = vegaEmbed;"
FAKE = "FAKE TESTBED: nothing was measured"
_NOTES_ON_CHART = 5
_LINE = 13


def render(
    name: str,
    tables: Mapping[str, Path],
    context: Context,
    outputs: Mapping[str, Path],
    bundle: Path,
    findings: Path | None = None,
    cells: Path | None = None,
) -> None:
    """Draw one figure and write it in every kind of file that is asked for.

    The same input gives the same bytes, but for a PDF, which lists its fonts in any order.

    Args:
        name: of the figure.
        tables: Parquet files of the tables that its `TABLES` names; more are ignored.
        context: what was planned.
        outputs: by kind: svg, png, pdf, html of a chart; csv, tex of a table.
        bundle: the JavaScript that `write_bundle` made; the HTML page refers to it by its
            relative path.
        findings: of the sanity rules; those about the figure's values are its last footnotes.
        cells: the table of that name, which says under which circumstances they were measured.

    Raises:
        MeshbenchError: when there is no such figure, a table or a metric is missing, or a kind of
            file is not one of the figure's.
    """
    loaded = catalogue.load(name)
    figure = loaded.figure
    if missing := [table for table in figure.tables if table not in tables]:
        raise MeshbenchError(f"figure '{name}' needs the tables {', '.join(missing)}")
    if unknown := sorted(set(outputs) - set(figure.formats)):
        raise MeshbenchError(f"figure '{name}' cannot be written as {', '.join(unknown)}")
    read = {table: tables[table] for table in figure.tables}
    data = figure.chosen(Data.read(read), context)
    finding_rows = checked.read(findings)
    under = circumstances.lines(circumstances.read(cells), context, figure.concern.benchmarks)
    if set(outputs) & set(TABLE_FORMATS):
        _write_table(loaded, data, context, outputs, finding_rows, under)
    if not set(outputs) & set(CHART_FORMATS):
        return
    drawn = compose(loaded, data, context, finding_rows, under)
    svg = vlc.vegalite_to_svg(drawn.spec, vl_version=VEGA_LITE)
    writers: dict[str, Callable[[Path], str | bytes]] = {
        "svg": lambda _path: svg,
        "png": lambda _path: vlc.svg_to_png(svg, scale=2),
        "pdf": lambda _path: vlc.svg_to_pdf(svg),
        "html": lambda path: page(drawn, context, read, path, bundle),
    }
    for kind, write in writers.items():
        if kind in outputs:
            _write(outputs[kind], write(outputs[kind]))


def write_bundle(path: Path) -> None:
    """Write Vega, Vega-Lite and Vega-Embed as one script that needs no network."""
    _write(path, vlc.javascript_bundle(_GLOBALS, vl_version=VEGA_LITE))


@dataclass(frozen=True)
class Drawn:
    """A figure ready to be written: its Vega-Lite specification and the words around it."""

    figure: Figure
    spec: dict[str, Any]
    caption: str
    notes: tuple[str, ...]
    findings: tuple[str, ...] = ()
    under: tuple[str, ...] = ()


def compose(
    loaded: Loaded,
    data: Data,
    context: Context,
    finding_rows: Sequence[Row] = (),
    under: Sequence[str] = (),
) -> Drawn:
    """Draw a chart and set its title, stamp, footnotes and provenance around it.

    `under` is what `circumstances.lines` says.

    Raises:
        MeshbenchError: when the figure is a table, or a metric it names is not registered.
    """
    figure = loaded.figure
    if loaded.draw is None:
        raise MeshbenchError(f"figure '{figure.name}' is a table")
    chart = loaded.draw(data, context)
    notes = tuple(loaded.notes(data, context))
    findings = checked.lines(finding_rows, figure.concern, context.profiles[0])
    with alt.data_transformers.enable("default", max_rows=None):
        # Not validated: that takes as long as drawing, and tests validate every figure.
        spec: dict[str, Any] = chart.to_dict(validate=False)
    width = spec.pop("usermeta", {}).get("width", theme.COLUMN)
    # Wrapped as plain JSON: Altair would copy the whole chart several times for each level.
    top: dict[str, Any] = {key: spec.pop(key) for key in ("$schema", "datasets") if key in spec}
    spec.pop("config", None)
    titled: dict[str, Any] = {
        "title": _title(figure.title, context),
        "vconcat": [spec],
        "resolve": {"scale": dict.fromkeys(("color", "shape", "fill"), "independent")},
    }
    whole: dict[str, Any] = {
        **top,
        "title": _footer(
            _few(notes, findings), [*provenance(data, context), *under], context, width
        ),
        "vconcat": [titled],
        "config": theme.config(),
        "usermeta": {"embedOptions": {"renderer": "svg", "downloadFileName": figure.name}},
    }
    caption = loaded.caption(data, context)
    return Drawn(figure, whole, caption, notes, findings, tuple(under))


def _title(title: str, context: Context) -> dict[str, Any]:
    if context.testbed != "fake":
        return {"text": title}
    return {
        "text": title,
        "subtitle": FAKE,
        "subtitleColor": theme.RED,
        "subtitleFontWeight": "bold",
        "subtitleFontSize": 13,
    }


def provenance(data: Data, context: Context) -> list[str]:
    """Under which circumstances the figure's values were taken, one statement each."""
    engines = joined(_distinct(data, "engine")) or context.engine
    size = f"{_rounds(context)} {TIMES} {counted(len(context.links), 'link')}"
    placements = joined(_distinct(data, "placement")) or context.placement
    lines = [f"campaign {context.campaign}: {size}, {placements} impairment by {engines}"]
    if context.testbed == "fake":
        lines.append(FAKE)
    elif context.testbed == "published":
        lines.append("published data, not measured here")
    elif context.testbed == "lab" or True in _distinct(data, "shared_cpu"):
        lines.append(f"{context.testbed}: the hosts share one machine's CPU")
    else:
        lines.append(f"testbed: {context.testbed}")
    return lines


def _rounds(context: Context) -> str:
    most = {
        tuning: max((len(context.rounds_of(vpn, tuning)) for vpn in context.vpns), default=0)
        for tuning in context.tunings
    }
    if len(set(most.values())) <= 1:
        return counted(context.rounds, "round")
    return joined(f"{counted(rounds, 'round')} {tuning}" for tuning, rounds in most.items())


def _distinct(data: Data, column: str) -> list[Any]:
    values = {
        value
        for table in data.tables.values()
        if column in table.column_names
        for value in table.column(column).to_pylist()
        if value is not None
    }
    return sorted(values)


def _few(notes: Sequence[str], findings: Sequence[str]) -> list[str]:
    shown = list(notes[:_NOTES_ON_CHART])
    if more := len(notes) - len(shown):
        shown.append(f"… and {counted(more, 'more note')}, all in the HTML page")
    return [*shown, *checked.few(findings)]


def _footer(
    shown: Sequence[str], facts: Sequence[str], context: Context, width: int
) -> dict[str, Any]:
    size = theme.SMALL
    ink = theme.RED if context.testbed == "fake" else theme.GREY
    where = wrapped([" · ".join(facts)], width, size)
    look = {
        "orient": "bottom",
        "frame": "bounds",
        "anchor": "start",
        "fontSize": size,
        "fontWeight": "normal",
        "lineHeight": _LINE,
        "offset": 8,
    }
    if not shown:
        return {"text": where, "color": ink, **look}
    return {
        "text": wrapped(shown, width, size),
        "subtitle": where,
        "subtitleColor": ink,
        "subtitleFontSize": size,
        "subtitleLineHeight": _LINE,
        **look,
    }


def page(
    drawn: Drawn, context: Context, tables: Mapping[str, Path], path: Path, bundle: Path
) -> str:
    """The HTML page: chart, caption, footnotes, and links to the tables it was drawn from.

    It needs no network and opens from a file: all it refers to are the bundle and the tables, by
    relative paths.
    """
    return templates.html(
        __package__,
        "page.html",
        title=drawn.figure.title,
        campaign=context.campaign,
        stamp=FAKE if context.testbed == "fake" else "",
        caption=drawn.caption,
        notes=[
            *drawn.notes,
            *drawn.findings,
            *provenance(drawn.figure.chosen(Data.read(tables), context), context),
            *drawn.under,
        ],
        tables={name: _relative(file, path) for name, file in tables.items()},
        bundle=_relative(bundle, path),
        spec=drawn.spec,
    )


def _relative(target: Path, page_file: Path) -> str:
    return Path(os.path.relpath(target, page_file.parent)).as_posix()


def _write_table(
    loaded: Loaded,
    data: Data,
    context: Context,
    outputs: Mapping[str, Path],
    finding_rows: Sequence[Row],
    under: Sequence[str],
) -> None:
    figure = loaded.figure
    if loaded.tabulate is None:
        raise MeshbenchError(f"figure '{figure.name}' is a chart")
    table = loaded.tabulate(data, context)
    findings = checked.few(checked.lines(finding_rows, figure.concern, context.profiles[0]))
    notes = [*loaded.notes(data, context), *findings, *provenance(data, context), *under]
    if "csv" in outputs:
        _write(outputs["csv"], tabular.csv_text(table))
    if "tex" in outputs:
        label = f"tab:{figure.name}"
        text = tabular.latex(table, loaded.caption(data, context), label, notes)
        _write(outputs["tex"], text)


def _write(path: Path, content: str | bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
