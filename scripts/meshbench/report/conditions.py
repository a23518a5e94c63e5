"""Under which conditions a campaign was measured: network, versions, hosts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import number, percent
from meshbench.report.markup import Marked, Section, section

_VERDICTS = {"within": "#cfe6d6", "outside": "#ee8a4a", "cannot tell": "#f3e6b8"}
_COLUMNS = (
    ("vpn_version", "version"),
    ("path", "path"),
    ("transport", "transport"),
    ("tunnel_mtu", "MTU"),
    ("code_version", "meshbench"),
    ("engine", "impairment by"),
    ("testbed", "testbed"),
    ("marks", "marks"),
)


def calibration(data: Data, context: Context) -> Section:
    """What the network did under each profile without any VPN, beside what it was asked for."""
    rows = data.rows("impairment")
    head = (
        "profile", "round", "link", "direction", "delay added (ms)", "asked (ms)", "loss", "asked",
        "reordered", "asked", "rate (Mbit/s)", "asked", "full queue (ms)", "asked", "verdict", "why",
    )  # fmt: skip
    order = ordered(context.profiles, {row["profile"] for row in rows})
    rows = sorted(rows, key=lambda row: (order.index(row["profile"]), row["round"], row["source"]))
    return section("calibration", "Calibration", head=head, rows=[_calibrated(row) for row in rows])


def _calibrated(row: Row) -> list[str | Marked]:
    verdict = row["verdict"] or row["status"]
    return [
        row["profile"],
        str(row["round"]),
        f"{row['source']}→{row['target']}",
        row["direction"],
        number(row["delay_ms"]),
        number(row["expected_delay_ms"]),
        percent(row["loss"]),
        percent(row["expected_loss"]),
        percent(row["reordered"]),
        percent(row["nominal_reorder"]),
        *(number(rate and rate / 1e6) for rate in (row["rate_bps"], row["nominal_rate_bps"])),
        number(row["queue_ms"]),
        number(row["nominal_queue_ms"]),
        Marked(verdict, _VERDICTS.get(verdict, "#f4f4f4")),
        row["why"] or row["reason"] or "",
    ]


def versions(data: Data, context: Context, facts: Sequence[Path]) -> Section:
    """What ran, by system, as its records say; and what was installed on which hosts."""
    rows = data.rows("links")
    lines = []
    for vpn in ordered(context.vpns, {row["vpn"] for row in rows}):
        mine = [row for row in rows if row["vpn"] == vpn]
        lines.append([vpn, *(_distinct(mine, column) for column, _ in _COLUMNS)])
    return section(
        "versions",
        "Versions and conditions",
        head=["VPN", *(head for _, head in _COLUMNS)],
        rows=lines,
        hosts=[(_title(path), _facts(path)) for path in facts],
    )


def _distinct(rows: Sequence[Row], column: str) -> str:
    values: dict[Any, None] = {}
    for row in rows:
        value = row[column]
        values.update(dict.fromkeys(value if isinstance(value, list) else [value]))
    return ", ".join(sorted(str(value) for value in values if value is not None))


def _title(path: Path) -> str:
    return f"{path.parent.name}: {path.stem}"


def _facts(path: Path) -> str:
    content = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)


def imported(report: Path | None) -> list[Section]:
    """How many files of an import were read, and each that was not, with its reason."""
    if report is None:
        return []
    summary = json.loads(report.read_text(encoding="utf-8"))
    counts = [(key, str(value)) for key, value in summary.items() if isinstance(value, int)]
    left_out = [(path, str(why)) for path, why in (summary.get("not imported") or {}).items()]
    return [section("import", "Import", counts=counts, left_out=left_out)]
