"""`controls`: how often parts of a campaign call different what is the same, or is known to differ."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from meshbench.analysis import controls
from meshbench.cli.rows import of
from meshbench.figures.contract import Row
from meshbench.figures.drawing.wording import number
from meshbench.util import terminal

_HEAD = ("what", "benchmark", "metric", "profile", "counts", "rounds", "differ", "of", "%", "ratio")
_NUMBERS = ("rounds", "differ", "of", "%")


def add(commands: Any) -> None:
    """Add the command to a command line's."""
    parser = commands.add_parser(
        "controls",
        help="how often a campaign calls different what is the same, or is known to differ",
    )
    parser.add_argument("campaign", help="its name, or a folder of its results")
    parser.add_argument("--metric", action="append", default=[], help="only this one; repeatable")
    parser.set_defaults(command=_controls)


def _controls(chosen: argparse.Namespace) -> int:
    rows = of(
        chosen.campaign, "controls", chosen.metric,
        "has no control of {metrics}: that needs one system under two names (config/aa.yaml), or a profile "
        "and its variant (config/aa_effect.yaml)",
    )  # fmt: skip
    table = terminal.table(
        f"Parts of {rows[0]['n_subset']} rounds that are called different", _HEAD, _NUMBERS
    )
    for row in rows:
        table.add_row(*line(row))
    console = terminal.console(sys.stdout)
    console.print(table)
    for text in totals(rows):
        console.print(text, markup=False, soft_wrap=True)
    return 0


def line(row: Row) -> list[str]:
    """A control and a metric in cells."""
    same = row["kind"] == "same"
    against = row["reference"] if same else f"{row['vpn']} at {row['reference_profile']}"
    words = (row["metric"], row["mode"], row["direction"], row["tuning"], row["placement"])
    low, high = row["ratio_low"], row["ratio_high"]
    ends = f" [{number(low)}, {number(high)}]" if low is not None and high is not None else ""
    return [
        f"{row['vpn']} = {against}" if same else f"{row['vpn']} ≠ {against}",
        row["benchmark"],
        ", ".join(str(word) for word in words if word),
        row["profile"],
        "yes" if controls.judged(row) else "no",
        str(row["n_rounds"]),
        str(row["n_differ"]),
        str(row["n_resamples"]),
        "-" if row["share"] is None else number(100 * row["share"], 2),
        "-" if row["ratio"] is None else f"{number(row['ratio'])}{ends}",
    ]


def totals(rows: Sequence[Row]) -> list[str]:
    """What it comes to, of either kind: of a known effect over the metrics that it sets."""
    sentences = []
    for kind, words, limit in (
        ("same", "the same is called different", "at most 5 %"),
        ("effect", "a known effect is found", "at least 95 %"),
    ):
        mine = [row for row in rows if row["kind"] == kind and controls.judged(row)]
        if total := sum(row["n_resamples"] for row in mine):
            differ = sum(row["n_differ"] for row in mine)
            share = number(100 * differ / total, 2)
            sentences.append(
                f"{words} in {differ} of {total} comparisons: {share} % ({limit} is wanted)"
            )
        elif mine:
            sentences.append(f"{words}: nothing can be compared, an interval needs six rounds")
    return sentences
