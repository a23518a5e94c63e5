"""The report as one HTML file: it holds its pictures, needs no network and opens from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from markupsafe import Markup

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import circumstances, render
from meshbench.figures.drawing.wording import joined
from meshbench.report import conditions, outcome, said, shown
from meshbench.report.markup import Section
from meshbench.util import templates
from meshbench.util.files import atomic

TABLES = ("cells", "links", "impairment", "stopping", *said.TABLES)
"""The aggregate tables that the report reads besides those of its figures."""


@dataclass(frozen=True)
class Sources:
    """The files a report is made of.

    Attributes:
        figures: folder of the campaign's figures; pages beside it are linked by relative paths.
        names: of the figures and printed tables, in their order.
        tables: Parquet files of all aggregate tables, by name.
        findings: HTML fragment of the sanity rules.
        claims: HTML fragment of the checked claims, if any.
        facts: JSON files: what was installed, or what an imported run says of itself.
        imported: JSON report of an import, if any.
    """

    figures: Path
    names: Sequence[str]
    tables: dict[str, Path]
    findings: Path
    claims: Path | None
    facts: Sequence[Path]
    imported: Path | None


def write(sources: Sources, context: Context, out: Path) -> None:
    """Write the report, whole or not at all."""
    data = Data({name: pq.read_table(sources.tables[name], partitioning=None) for name in TABLES})
    sections = [
        said.said(data.placed(context.at), context),
        outcome.cells(data, context),
        _fragment("checks", "Sanity checks", sources.findings),
        *([_fragment("claims", "Claims of the text", sources.claims)] if sources.claims else []),
        shown.pictures(sources.figures, sources.names, sources.tables, context),
        shown.printed(sources.figures, sources.names, sources.tables, context),
        conditions.calibration(data, context),
        conditions.versions(data, context, sources.facts),
        *conditions.imported(sources.imported),
    ]
    with atomic(out) as temporary:
        temporary.write_text(_page(sections, data, context), encoding="utf-8")


def _fragment(name: str, title: str, file: Path) -> Section:
    """A part that the rules `checks` or `claims` wrote."""
    return Section(name, title, Markup(file.read_text(encoding="utf-8")))  # noqa: S704 - HTML of ours


def _page(sections: Sequence[Section], data: Data, context: Context) -> str:
    under = circumstances.lines(data.rows("cells"), context)
    return templates.html(
        __package__,
        "page.html",
        campaign=context.campaign,
        stamp=render.FAKE if context.testbed == "fake" else "",
        where=" · ".join([*render.provenance(data, context), *_period(data), *under]),
        sections=sections,
    )


def _period(data: Data) -> list[str]:
    times = sorted(row["started"] for row in data.rows("cells") if row["started"])
    days = dict.fromkeys(f"{time:%Y-%m-%d}" for time in (times[:1] + times[-1:]))
    return [f"measured {joined(days)} (UTC)"] if days else []
