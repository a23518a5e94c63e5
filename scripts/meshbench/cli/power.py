"""`power`: which difference a campaign can see, and how many rounds a smaller one needs."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from meshbench.analysis import power
from meshbench.cli.rows import of
from meshbench.figures.contract import Row
from meshbench.figures.drawing import theme
from meshbench.figures.drawing.wording import number
from meshbench.util import terminal
from meshbench.util.errors import MeshbenchError

_HEAD = (
    "benchmark",
    "metric",
    "profile",
    "noise",
    "rounds",
    "seen now",
    *(f"n={n}" for n in power.ROUNDS),
)


def add(commands: Any) -> None:
    """Add the command to a command line's."""
    parser = commands.add_parser(
        "power", help="which difference a campaign's rounds can show, and how many rounds one needs"
    )
    parser.add_argument("campaign", help="its name, or a folder of its results")
    parser.add_argument(
        "--effect", type=float, default=5.0, metavar="PERCENT", help="the wanted one (default 5)"
    )
    parser.add_argument("--metric", action="append", default=[], help="only this one; repeatable")
    parser.set_defaults(command=_power)


def _power(chosen: argparse.Namespace) -> int:
    if not chosen.effect > 0:
        raise MeshbenchError(f"--effect {chosen.effect:g}: a difference to find is above 0 percent")
    rows = of(
        chosen.campaign, "power", chosen.metric,
        "tells no noise of {metrics}: that needs two systems with three rounds or more",
    )  # fmt: skip
    table = terminal.table(
        f"What is found in {100 * power.POWER:.0f} of 100 campaigns with so many rounds",
        (*_HEAD, f"rounds for {chosen.effect:g} %"),
        plain=True,
    )
    for line in lines(rows, chosen.effect):
        table.add_row(*line)
    terminal.console(sys.stdout).print(table)
    return 0


def lines(rows: Sequence[Row], effect: float) -> list[list[str]]:
    """A line per metric, variant and profile."""
    order = theme.profile_order({row["profile"] for row in rows})
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in sorted(
        rows, key=lambda row: (_what(row), order.index(row["profile"]), row["rounds"])
    ):
        groups.setdefault((_what(row), row["profile"]), []).append(row)
    return [_line(mine, effect) for mine in groups.values()]


def _what(row: Row) -> tuple[str, str]:
    words = (row["metric"], row["mode"], row["direction"], row["tuning"], row["placement"])
    return row["benchmark"], ", ".join(str(word) for word in words if word)


def _line(rows: Sequence[Row], effect: float) -> list[str]:
    first, have = rows[0], rows[0]["n_measured"]
    noise = float(np.log1p(first["noise_percent"] / 100))
    seen = (
        f"{number(power.detectable(noise, have), 2)} %"
        if have >= power.ROUNDS[0]
        else "nothing yet"
    )
    rounds = power.needed(noise, effect)
    more = "more than 60" if rounds is None else f"{rounds}"
    if rounds is not None and rounds > have:
        more += f" ({rounds - have} more)"
    return [
        *_what(first), first["profile"], f"{number(first['noise_percent'], 2)} %", str(have), seen,
        *(f"{number(row['detectable_percent'], 2)} %" for row in rows), more,
    ]  # fmt: skip
