"""The impairment that was configured on each host, by profile."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing.measure import UNITS
from meshbench.figures.drawing.tabular import Column, Entry, Table, escaped
from meshbench.figures.drawing.theme import profile_order

_SHARES = ("loss", "reorder", "reorder_correlation")
_MS, _PERCENT = "\\milli\\second", "\\percent"


def tabulate(data: Data, context: Context) -> Table:
    """A row per profile: per host, in its direction of sending or receiving."""
    columns = [
        Column("profile", "profile", digits=None),
        Column("delay_ms", "delay", _MS),
        Column("jitter_ms", "jitter", _MS),
        Column("loss_percent", "loss", _PERCENT),
        Column("reorder_percent", "reordering", _PERCENT),
        Column("reorder_correlation_percent", "correlation", _PERCENT),
        Column("delay_stated_ms", "delay as stated", _MS),
    ]
    by_profile = {row["profile"]: row for row in data.rows("impairment_settings")}
    rated = any(row["rate_bps"] is not None for row in by_profile.values())
    if rated:
        columns += [
            Column("rate_mbit", "rate", UNITS["Mbit/s"].latex),
            Column("queue_ms", "queue", _MS),
        ]
    rows: list[list[Entry]] = []
    for profile in profile_order(
        [name for name in context.profiles if name in by_profile], by_profile
    ):
        row = by_profile[profile]
        shares = [None if row[key] is None else 100 * row[key] for key in _SHARES]
        times = (row["delay_ms"], row["jitter_ms"])
        rate_mbit = None if row["rate_bps"] is None else row["rate_bps"] / 1e6
        line = (rate_mbit, row["queue_ms"]) if rated else ()
        rows.append([escaped(profile), *times, *shares, row["delay_stated_ms"], *line])
    return Table(columns, rows)


def caption(data: Data, context: Context) -> str:
    """What the numbers are."""
    del data
    return (
        f"Impairment as configured on each host ({context.placement}). The correlation is that of "
        "reordering. Where the records state the sum of both ends without saying so, the last column "
        "has that number. What the network did is another matter: see the calibration, and the "
        "reordering that TCP saw."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Profiles without settings, and those whose records disagree."""
    by_profile = {row["profile"]: row for row in data.rows("impairment_settings")}
    return [
        *(
            f"{name}: no settings in the records"
            for name in context.profiles
            if name not in by_profile
        ),
        *(
            f"{name}: the records disagree"
            for name, row in by_profile.items()
            if row["n_values"] > 1
        ),
    ]
