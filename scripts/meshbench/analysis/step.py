"""The step `analyse`: from a campaign's tables to the tables of what may be said of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench.analysis import effects, estimates, factors, power, ranks, rounds
from meshbench.analysis.rounds import Design
from meshbench.tables import schema
from meshbench.tables.database import Tidy


def analyse(
    samples: Sequence[Path],
    links: Sequence[Path],
    tables: Mapping[str, Path],
    design: Mapping[str, Any],
    out: Mapping[str, Path],
) -> None:
    """Write the tables `analysis.TABLES`, each whole or not at all.

    Args:
        samples: Parquet files in the schema `SAMPLES`; may be none.
        links: Parquet files in the schema `LINKS`; may be none.
        tables: the files of the aggregate tables `analysis.NEEDS`.
        design: what `Design.of` takes.
        out: where each table goes.
    """
    chosen = Design.of(design)
    read = rounds.read(Tidy(samples, links), tables, chosen)
    schema.write(estimates.table(read, chosen), out["estimates"])
    compared, different = effects.table(read, chosen)
    schema.write(compared, out["effects"])
    schema.write(factors.table(read, chosen), out["factors"])
    schema.write(ranks.table(read, chosen, different), out["ranks"])
    schema.write(power.table(read, chosen), out["power"])
