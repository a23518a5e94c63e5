"""The step `analyse`: from a campaign's tables to the tables of what may be said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from meshbench.analysis import (
    OVER_TIME,
    changes,
    controls,
    decisions,
    effects,
    estimates,
    factors,
    power,
    ranks,
    rounds,
    spikes,
    stopping,
)
from meshbench.analysis.rounds import Design
from meshbench.tables import schema
from meshbench.tables.database import Tidy


def analyse(
    samples: Sequence[Path],
    links: Sequence[Path],
    tables: Mapping[str, Path],
    design: Mapping[str, Any],
    out: Mapping[str, Path],
    decided: Path | None = None,
    events: Sequence[Path] = (),
) -> None:
    """Write the tables `analysis.TABLES`, each whole or not at all.

    Args:
        samples: Parquet files in the schema `SAMPLES`; may be none.
        links: Parquet files in the schema `LINKS`; may be none.
        tables: the files of the aggregate tables `analysis.NEEDS` and `analysis.OVER_TIME`.
        design: what `Design.of` takes.
        out: where each table goes.
        decided: what was decided last on who goes on, where rounds are adaptive.
        events: Parquet files in the schema `EVENTS`; may be none.
    """
    stops = tuple(decisions.read(decided).values())
    chosen = replace(Design.of(design), stops=stops)
    read = rounds.read(Tidy(samples, links), tables, chosen)
    schema.write(estimates.table(read, chosen), out["estimates"])
    compared, different = effects.table(read, chosen)
    schema.write(compared, out["effects"])
    schema.write(factors.table(read, chosen), out["factors"])
    schema.write(ranks.table(read, chosen, different), out["ranks"])
    schema.write(power.table(read, chosen), out["power"])
    for name, table in spikes.tables(Tidy(samples, links, events=events)).items():
        schema.write(table, out[name])
    schema.write(changes.table(tables[OVER_TIME]), out["changes"])
    schema.write(controls.table(read, chosen), out["controls"])
    schema.write(stopping.table(read, chosen), out["stopping"])
