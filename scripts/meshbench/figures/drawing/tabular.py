"""Figures that are tables: CSV for machines, LaTeX (booktabs, siunitx) for the page."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from meshbench.figures.drawing.wording import DASH, TIMES, number


@dataclass(frozen=True)
class Missing:
    """A cell without a value.

    Attributes:
        why: in a word, what stands in its place.
        reason: in a sentence, for machines: a table on paper has its reasons below it.
    """

    why: str
    reason: str = ""

    @property
    def told(self) -> str:
        """Both."""
        return f"{self.why}: {self.reason}" if self.reason else self.why


Entry = str | float | Missing | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: its name in the CSV, with the unit: ``goodput_mbit_s``.
        head: its title in LaTeX source.
        unit: below the head, as siunitx source; empty for none.
        digits: significant digits of its numbers; None for a column of text.
        prose: whether its texts are sentences, which are to be wrapped.
    """

    key: str
    head: str
    unit: str = ""
    digits: int | None = 3
    prose: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of as many entries as there are columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Entry]]


def csv_text(table: Table) -> str:
    """The table as CSV (RFC 4180): numbers unrounded, a missing one empty.

    A column with missing entries that say why is followed by one with the reasons.
    """
    reasoned = [
        index
        for index in range(len(table.columns))
        if any(isinstance(row[index], Missing) for row in table.rows)
    ]
    out = io.StringIO()
    writer = csv.writer(out)
    head: list[str] = []
    for index, column in enumerate(table.columns):
        head += [column.key, f"{column.key}_missing"] if index in reasoned else [column.key]
    writer.writerow(head)
    for row in table.rows:
        line: list[str | float] = []
        for index, entry in enumerate(row):
            line.append("" if entry is None or isinstance(entry, Missing) else entry)
            if index in reasoned:
                line.append(entry.told if isinstance(entry, Missing) else "")
        writer.writerow(line)
    return out.getvalue()


def latex(table: Table, caption: str, label: str, notes: Sequence[str] = ()) -> str:
    """The table as a LaTeX float; needs booktabs, siunitx, graphicx."""
    lines = [
        "% Written by meshbench; needs \\usepackage{booktabs,graphicx,siunitx}.",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{escaped(caption)}}}",
        f"\\label{{{label}}}",
        # Made smaller where it is wider than the column.
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        f"\\begin{{tabular}}{{{' '.join(_kind(table, i) for i in range(len(table.columns)))}}}",
        "\\toprule",
        _line(["{" + column.head + "}" for column in table.columns]),
    ]
    if any(column.unit for column in table.columns):
        lines.append(_line([f"{{\\unit{{{c.unit}}}}}" if c.unit else "{}" for c in table.columns]))
    lines.append("\\midrule")
    lines += [
        _line([_cell(c, e) for c, e in zip(table.columns, row, strict=True)]) for row in table.rows
    ]
    lines += ["\\bottomrule", "\\end{tabular}}"]
    if notes:
        items = [f"{escaped(note)}\\par" for note in notes]
        lines += ["\\par\\smallskip", "\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright"]
        lines += [*items, "\\end{minipage}"]
    return "\n".join([*lines, "\\end{table}", ""])


def escaped(text: str) -> str:
    """Text with LaTeX's special characters made harmless; those it cannot set are a question mark."""
    return "".join(_SPECIAL.get(character) or _settable(character) for character in text)


def _settable(character: str) -> str:
    if character.isspace():
        return " "
    # Beyond Latin-1, inputenc knows only what a package sets up.
    return character if character.isprintable() and ord(character) <= 0xFF else "?"  # noqa: PLR2004


_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "→": "$\\rightarrow$",
    "←": "$\\leftarrow$",
    TIMES: "$\\times$",
    "±": "$\\pm$",
    DASH: "--",
    "…": "\\dots{}",
    "†": "\\dag{}",
    "·": "$\\cdot$",
    "≥": "$\\geq$",
    "≤": "$\\leq$",
    "µ": "$\\mu$",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
}


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _kind(table: Table, index: int) -> str:
    digits = table.columns[index].digits
    if table.columns[index].prose:
        return "p{0.6\\linewidth}"
    if digits is None:
        return "l"
    shown = [
        number(float(row[index]), digits)  # type: ignore[arg-type]
        for row in table.rows
        if isinstance(row[index], float | int)
    ]
    if any("e" in text for text in shown):
        return "S"
    whole = max((len(text.partition(".")[0].lstrip("-")) for text in shown), default=1)
    places = max((len(text.partition(".")[2]) for text in shown), default=0)
    sign = "-" if any(text.startswith("-") for text in shown) else ""
    return f"S[table-format={sign}{whole}.{places}]"


def _cell(column: Column, entry: Entry) -> str:
    if isinstance(entry, Missing):
        return f"{{{escaped(entry.why)}}}"
    if entry is None:
        return "{--}"
    if isinstance(entry, str):
        return escaped(entry)
    return number(float(entry), column.digits or 3)
