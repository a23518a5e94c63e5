"""What can be said: sentences made from the tables of the analysis, none beyond its interval."""

from collections.abc import Iterator, Sequence

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import analysed
from meshbench.figures.drawing.analysed import LEAST_ROUNDS, Shown
from meshbench.figures.drawing.groups import named
from meshbench.figures.drawing.theme import ordered, profile_order
from meshbench.figures.drawing.wording import counted, joined, number, percent
from meshbench.report.markup import Section, section
from meshbench.results.records import BARE

TABLES = ("estimates", "effects", "ranks", "rates")


def said(data: Data, context: Context) -> Section:
    """A paragraph per metric and profile, and one on what did not end well."""
    estimates = data.rows("estimates", tuning=context.tunings[0])
    most = max((row["n_rounds"] for row in estimates), default=0)
    paragraphs = [
        (f"{series.title}, {profile}", " ".join(_sentences(series, rows, data, context)))
        for series, profile, rows in analysed.panels(data, context)
        if any(row["n_rounds"] >= LEAST_ROUNDS for row in rows)
    ]
    return section(
        "said",
        "What can be said",
        nothing="" if paragraphs else _nothing(most),
        told=paragraphs,
        success=_success(data, context),
    )


def _nothing(rounds: int) -> str:
    return (
        f"Nothing is said of differences between systems: there {'is' if rounds == 1 else 'are'} "
        f"{counted(rounds, 'round')}, and {analysed.FEW}. The values are in the figures and tables."
    )


def _sentences(series: Shown, rows: Sequence[Row], data: Data, context: Context) -> Iterator[str]:
    profile = rows[0]["profile"]
    tuning = context.tunings[0]
    pairs = series.read(data, "effects", profile=profile, tuning=tuning, reference_tuning=tuning)
    effects = [row for row in pairs if row["reference"] == BARE]
    values = {row["vpn"]: row for row in rows}
    bare = values.get(BARE)
    if bare is not None and bare["value"] is not None:
        yield f"The bare link has {_told(bare, series)}."
        yield from _against(effects, values, bare, series, context)
    yield from _leader(series.read(data, "ranks", profile=profile, tuning=tuning), pairs)
    for row in rows:
        if row["value"] is None and row["troubles"]:
            yield f"{row['vpn']} has no value: {analysed.trouble(row)}."


def _told(row: Row, series: Shown) -> str:
    name, unit = series.unit
    shown = "" if name == "1" else f" {name}"
    sign = "at least " if row["bound"] else ""
    value = f"{sign}{number(row['value'] * unit.scale)}{shown}"
    if row["low"] is None or row["high"] is None:
        return value
    ends = f"{number(row['low'] * unit.scale)} to {number(row['high'] * unit.scale)}"
    return f"{value} ({ends}, {counted(row['n_rounds'], 'round')})"


def _against(
    effects: Sequence[Row],
    values: dict[str, Row],
    bare: Row,
    series: Shown,
    context: Context,
) -> Iterator[str]:
    """Every system by what is known of its ratio to the bare link."""
    order = ordered(context.vpns, {row["vpn"] for row in effects})
    mine = sorted(effects, key=lambda row: order.index(row["vpn"]))
    sure = [row for row in mine if row["verdict"] == "differs" and row["ratio"] is not None]
    if sure:
        yield f"{'; '.join(_ratio(row, values[row['vpn']], bare, series) for row in sure)}."
    shifted = [row["vpn"] for row in mine if row["verdict"] == "differs" and row["ratio"] is None]
    if shifted:
        yield f"{joined(shifted)} {_verb(shifted, 'differs', 'differ')} from it."
    if same := [row for row in mine if row["verdict"] == "equivalent"]:
        names = [row["vpn"] for row in same]
        margin = f"{same[0]['equivalent_percent']:g}"
        yield f"{joined(names)} {_verb(names, 'equals', 'equal')} it within ±{margin} %."
    tested = [row for row in mine if row["verdict"] == "cannot tell" and row["n_rounds"]]
    if names := [row["vpn"] for row in tested if row["p"] is not None]:
        yield f"{joined(names)} cannot be told from it."
    if names := [row["vpn"] for row in tested if row["p"] is None]:
        yield f"{joined(names)} {_verb(names, 'has', 'have')} too few rounds beside it for an interval."


def _ratio(effect: Row, mine: Row, bare: Row, series: Shown) -> str:
    """With both operands; they are medians, whose quotient need not be the median of the quotients."""
    scale = series.unit[1].scale
    low, high = effect["ratio_low"], effect["ratio_high"]
    ends = [number(end) if end is not None else "more" for end in (low, high)]
    operands = f"medians {number(mine['value'] * scale)} and {number(bare['value'] * scale)}"
    return f"{effect['vpn']} has {number(effect['ratio'])} times that ({' to '.join(ends)}; {operands})"


def _verb(names: Sequence[str], singular: str, plural: str) -> str:
    return singular if len(names) == 1 else plural


def _leader(ranks: Sequence[Row], pairs: Sequence[Row]) -> Iterator[str]:
    """Who is best among the systems, and who cannot be told from it; nothing without intervals."""
    ranked = [row for row in ranks if row["rank_low"] is not None]
    if len(ranked) < 2 or len(ranked) < len(ranks):  # noqa: PLR2004
        return
    first = min(ranked, key=lambda row: (row["rank"], row["vpn"]))
    apart = {
        frozenset((row["vpn"], row["reference"])) for row in pairs if row["verdict"] == "differs"
    }
    others = sorted((row for row in ranked if row is not first), key=lambda row: row["rank"])
    near = [row["vpn"] for row in others if frozenset((row["vpn"], first["vpn"])) not in apart]
    chance = f"in {percent(first['p_best'])} of {first['resamples']} draws of the rounds"
    if near:
        yield (
            f"Among the systems {first['vpn']} has the best median ({chance}), but {joined(near)} "
            "cannot be told from it."
        )
    else:
        yield f"Among the systems {first['vpn']} is the best one ({chance}), told apart from each other one."


def _success(data: Data, context: Context) -> list[str]:
    """What did not always end well, with the interval of the share of whole cells."""
    rows = [row for row in data.rows("rates") if row["n_cells_ok"] < row["n_cells"]]
    profiles = profile_order(context.profiles, {row["profile"] for row in rows})
    vpns = ordered(context.vpns, {row["vpn"] for row in rows})
    rows.sort(
        key=lambda row: (vpns.index(row["vpn"]), profiles.index(row["profile"]), row["benchmark"])
    )
    return [
        f"{named(row['vpn'], row['tuning'], context)}, {row['benchmark']} at {row['profile']}: "
        f"{row['n_cells_ok']} of {counted(row['n_cells'], 'cell')} ended well on every link "
        f"({percent(row['cell_rate_low'])} to {percent(row['cell_rate_high'])} of all such cells, 95 %)."
        for row in rows
    ]
