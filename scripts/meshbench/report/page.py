"""The report as one HTML file: it holds its pictures, needs no network and opens from a file."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import circumstances, render
from meshbench.figures.drawing.wording import joined
from meshbench.report import conditions, outcome, shown
from meshbench.report.markup import Section, text
from meshbench.util.files import atomic

TABLES = ("cells", "links", "impairment")
"""The aggregate tables that the report reads besides those of its figures."""
_STYLE = Path(__file__).parent / "style.css"


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
        outcome.cells(data, context),
        Section("checks", "Sanity checks", sources.findings.read_text(encoding="utf-8")),
        *_claims(sources.claims),
        shown.pictures(sources.figures, sources.names, sources.tables, context),
        shown.printed(sources.figures, sources.names, sources.tables, context),
        conditions.calibration(data, context),
        conditions.versions(data, context, sources.facts),
        *conditions.imported(sources.imported),
    ]
    with atomic(out) as temporary:
        temporary.write_text(_page(sections, data, context), encoding="utf-8")


def _claims(fragment: Path | None) -> list[Section]:
    if fragment is None:
        return []
    return [Section("claims", "Claims of the text", fragment.read_text(encoding="utf-8"))]


def _page(sections: Sequence[Section], data: Data, context: Context) -> str:
    stamp = f'<p class="fake">{text(render.FAKE)}</p>' if context.testbed == "fake" else ""
    under = circumstances.lines(data.rows("cells"), context)
    where = " · ".join([*render.provenance(data, context), *_period(data), *under])
    links = "".join(f'<a href="#{one.name}">{text(one.title)}</a> ' for one in sections)
    body = "\n".join(
        f'<section id="{one.name}">\n<h2>{text(one.title)}</h2>\n{one.content}\n</section>'
        for one in sections
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{html.escape(context.campaign)}: report</title>",
            f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style></head>",
            f"<body>\n<h1>Campaign {text(context.campaign)}</h1>",
            f"{stamp}<p>{text(where)}</p>",
            f"<nav>{links}</nav>",
            body,
            "</body></html>",
            "",
        ]
    )


def _period(data: Data) -> list[str]:
    times = sorted(row["started"] for row in data.rows("cells") if row["started"])
    days = dict.fromkeys(f"{time:%Y-%m-%d}" for time in (times[:1] + times[-1:]))
    return [f"measured {joined(days)} (UTC)"] if days else []
