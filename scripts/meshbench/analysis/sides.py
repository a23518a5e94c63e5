"""One side of a comparison: a campaign, a system of one, or that under one profile, and its conditions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshbench.analysis import folder_of, rounds, tables_of
from meshbench.analysis.rounds import Design, Rounds
from meshbench.config import paths
from meshbench.tables import database
from meshbench.tables.database import Tidy
from meshbench.util.errors import MeshbenchError
from meshbench.util.hints import close_matches

Cell = tuple[str, str, str, str]
"""VPN, tuning, profile and benchmark."""
_TOLD = (
    "vpn_version", "engine", "testbed", "kernel", "cpu_model", "congestion_control", "tool",
    "code_version",
)  # fmt: skip
_CONDITIONS = f"""
    SELECT vpn, tuning, profile, benchmark, arg_min(record, round) AS record,
        {", ".join(f"string_agg(DISTINCT {name}, ', ' ORDER BY {name}) AS {name}" for name in _TOLD)}
    FROM links WHERE source <> '*' GROUP BY ALL ORDER BY ALL
"""  # noqa: S608  (names of ours)


@dataclass(frozen=True)
class Conditions:
    """How one kind of cell was measured.

    Attributes:
        told: what the links say: versions, engine, testbed.
        settings: of its first record; none where there are only tables.
        methods: versions of the driver's and the benchmark's method, likewise.
    """

    told: Mapping[str, str | None]
    settings: Mapping[str, Any] = field(default_factory=dict)
    methods: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """A campaign, or one system of it.

    Attributes:
        name: as it is told: the folder's own, and the system's.
        folder: of the campaign's results.
        system: its only one; None for all of them.
        profile: the same.
    """

    name: str
    folder: Path
    system: str | None
    rounds: Rounds
    conditions: Mapping[Cell, Conditions]
    profile: str | None = None

    def has(self, vpn: str, profile: str) -> bool:
        """Whether it is about such a system and profile."""
        return self.system in {None, vpn} and self.profile in {None, profile}

    @property
    def seed(self) -> int | None:
        """Of the weather; None where no record tells."""
        seeds = {c.settings["where"]["seed"] for c in self.conditions.values() if c.settings}
        return int(seeds.pop()) if len(seeds) == 1 else None


def read(name: str) -> Side:
    """A side by what a person calls it: ``quick``, a folder of results, ``quick:nebula@1.10``, or
    ``quick:nebula/low``.

    Raises:
        MeshbenchError: when there are no tables, or no such system or profile in them.
    """
    campaign, _, chosen = name.partition(":")
    system, _, profile = chosen.partition("/")
    folder, tables = folder_of(name), tables_of(name)
    if missing := [str(path) for path in tables.values() if not path.is_file()]:
        raise MeshbenchError(
            f"'{campaign}' has no tables to compare ({missing[0]} is missing): run the campaign "
            f"first (snakemake --cores 1 --configfile …), or name a folder like {paths.RESULTS}/quick"
        )
    files = [sorted((folder / part).rglob("*.parquet")) for part in ("samples", "links")]
    series = rounds.read(Tidy(*files), tables, Design())
    systems = sorted(set(series.column("vpn")))
    if system and system not in systems:
        raise MeshbenchError(
            f"there is no '{system}' in {folder}; {close_matches(system, systems)}"
        )
    profiles = sorted(set(series.column("profile")))
    if profile and profile not in profiles:
        raise MeshbenchError(
            f"there is no profile '{profile}' in {folder}; {close_matches(profile, profiles)}"
        )
    shown = ":".join(part for part in (folder.resolve().name, chosen) if part)
    conditions = _conditions(folder, tables["links"])
    return Side(shown, folder, system or None, series, conditions, profile or None)


def _conditions(folder: Path, links: Path) -> dict[Cell, Conditions]:
    with database.opened(Tidy(), {"links": links}) as connection:
        rows = connection.sql(_CONDITIONS).to_arrow_table().to_pylist()
    return {
        (row["vpn"], row["tuning"], row["profile"], row["benchmark"]): _of_record(
            {name: row[name] for name in _TOLD}, folder, row["record"]
        )
        for row in rows
    }


def _of_record(of_links: dict[str, str | None], folder: Path, record: str | None) -> Conditions:
    """What a record adds to what the links tell; nothing where it is not there any more."""
    path = folder / record if record else None
    if path is None or path.suffix != ".json" or not path.is_file():
        return Conditions(of_links)
    try:
        document = json.loads(path.read_bytes())
        return Conditions(of_links, dict(document["settings"]), dict(document["versions"]))
    except (ValueError, KeyError, TypeError):  # of another schema: the links know enough
        return Conditions(of_links)
