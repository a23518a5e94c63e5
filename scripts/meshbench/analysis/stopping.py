"""The table `stopping`: after how many rounds each system ended, and why, where rounds are adaptive."""

import pyarrow as pa

from meshbench.analysis import waves
from meshbench.analysis.estimates import assembled
from meshbench.analysis.rounds import Design, Rounds

_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("campaign", _WORD),
        pa.field("vpn", _WORD),
        pa.field("tuning", _WORD),
        pa.field("placement", _WORD),
        pa.field("profile", _WORD),
        pa.field("n_rounds", pa.int64()),  # it was to be measured in
        pa.field("most", pa.int64()),  # that it might have had
        pa.field("until_percent", pa.float64()),  # half-widths that are enough
        pa.field("enough", pa.bool_()),  # whether that ended it; false: there were no more rounds
        pa.field("why", pa.string()),  # the half-widths that it had then, or beside whom it went on
    ]
)


def table(rounds: Rounds, design: Design) -> pa.Table:
    """A row per system and profile, by `SCHEMA`; none where all have as many rounds."""
    going = [decision.group for decision in design.stops if decision.goes_on]
    by_group = waves.widths(rounds, design.firsts, marked=design.marked)
    last = {
        decision.group: decision
        for decision in waves.decided(going, by_group, design.rounds, design.until)
    }
    rows = [last.get(decision.group, decision) for decision in design.stops]
    names = rounds.column("campaign")
    size = len(rows)
    columns: dict[str, object] = {
        "campaign": [names[0] if names else None] * size,
        **{key: [getattr(row, key) for row in rows]
           for key in ("vpn", "tuning", "placement", "profile", "why")},
        "n_rounds": [row.rounds for row in rows],
        "most": [design.rounds] * size,
        "until_percent": [design.until] * size,
        "enough": [not row.goes_on for row in rows],
    }  # fmt: skip
    return assembled(columns, SCHEMA)
