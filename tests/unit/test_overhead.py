"""Where the time went: from the records' clocks to the table and its figures."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshbench.figures import catalogue
from meshbench.figures.charts.campaign import campaign_overview, test_duration
from meshbench.figures.contract import Data
from meshbench.results import records
from meshbench.results.records import Record, Spent
from meshbench.tables import aggregate, parse
from tests.unit import making, synthetic
from tests.unit.making import cell, command, link, record

PING = command(making.text("ping.txt"), took_s=4.0)
FIRST = Spent(
    workflow_s=1.0, opening_s=0.5, evidence_s=0.75, vpn_s=2.0, preparing_s=0.25, measuring_s=5.0
)
LATER = Spent(workflow_s=1.5, opening_s=0.25, evidence_s=0.5, preparing_s=0.25, measuring_s=5.0)


def cells(*spent: Spent | None, vpn: str = "nebula") -> list[Record]:
    """A system's cells in their order; the first one brought it up in 1.5 s."""
    recorded = []
    for number, times in enumerate(spent):
        recorded.append(
            record(
                link(PING),
                cell=cell(
                    vpn=vpn,
                    profile="baseline",
                    benchmark="ping" if number == 0 else f"ping@{number}",
                ),
                kind="ping",
            )
        )
        recorded[-1].spent = times
    recorded[0].vpn.ready_s = {"lom->yuki": 1.0, "yuki->lom": 1.5}
    return recorded


def tables(folder: Path, *recorded: Record) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.json" for number in range(len(recorded))]
    for cell_record, path in zip(recorded, paths, strict=True):
        records.write(cell_record, path)
    samples, links = folder / "samples.parquet", folder / "links.parquet"
    parse.parse(paths, samples, links)
    files: dict[str, Path] = {}
    for name in ("impairment", "brackets", "links", "cells", "calibrations", "overhead"):
        files[name] = folder / f"{name}.parquet"
        aggregate.aggregate(name, [samples], [links], files[name], files)
    return files


def overhead(folder: Path, *recorded: Record) -> dict[str, Any]:
    [row] = pq.read_table(tables(folder, *recorded)["overhead"]).to_pylist()
    return dict(row)


def test_the_parts_of_a_system_s_cells_add_up(tmp_path: Path) -> None:
    row = overhead(tmp_path, *cells(FIRST, LATER))
    assert (row["tests_s"], row["tools_s"]) == (10.0, 8.0)
    assert (row["restart_s"], row["wait_s"]) == (0.5, 1.5)
    assert (row["evidence_s"], row["preparing_s"], row["opening_s"]) == (1.25, 0.5, 0.75)
    assert row["workflow_s"] == 2.5
    assert (row["installation_s"], row["stabilisation_s"]) == (None, None)
    parts = test_duration.own_parts(row)
    assert parts is not None
    assert sum(parts.values()) == sum(
        value for spent in (FIRST, LATER) for value in spent.model_dump().values()
    )


def test_links_measured_side_by_side_count_once(tmp_path: Path) -> None:
    [record] = cells(FIRST)
    record.links.append(record.links[0].model_copy(update={"target": "luna"}))
    row = overhead(tmp_path, record)
    assert (row["tests_s"], row["tools_s"]) == (5.0, 4.0)


@pytest.mark.parametrize("spent", [(None, None), (FIRST, None)])
def test_a_record_of_before_leaves_the_parts_unknown(
    tmp_path: Path, spent: tuple[Spent | None, ...]
) -> None:
    row = overhead(tmp_path, *cells(*spent))
    assert test_duration.own_parts(row) is None
    assert {row[f"{part}_s"] for part in ("restart", "wait", "tools", "workflow")} == {None}


def test_a_run_without_workers_does_not_know_what_was_between_its_cells(tmp_path: Path) -> None:
    row = overhead(tmp_path, *cells(FIRST.model_copy(update={"workflow_s": None})))
    assert row["workflow_s"] is None
    assert row["evidence_s"] == 0.75


CONTEXT = synthetic.context(vpns=("internal", "nebula"), profiles=("baseline",), rounds=1)


def drawn(files: dict[str, Path]) -> tuple[str, str]:
    data = Data.read({name: files[name] for name in catalogue.get("campaign_overview").tables})
    spec = str(campaign_overview.draw(data, CONTEXT).to_dict(validate=False))
    return spec, campaign_overview.caption(data, CONTEXT)


def test_the_overview_shows_every_part(tmp_path: Path) -> None:
    files = tables(tmp_path / "a", *cells(FIRST, LATER), *cells(LATER, vpn="internal"))
    spec, caption = drawn(files)
    assert all(f"'{part}'" in spec for part in test_duration.OWN_PARTS)
    assert "between cells 4.0 s" in caption
    assert "inside the measuring tools; " in caption
    before = tables(tmp_path / "b", *cells(None), *cells(LATER, vpn="internal"))
    spec, caption = drawn(before)
    assert "'overhead'" in spec
    assert "evidence" not in caption


def test_the_time_of_the_suite_shows_every_part(tmp_path: Path) -> None:
    files = tables(tmp_path / "a", *cells(FIRST, LATER), *cells(LATER, vpn="internal"))
    by_vpn = {spent.vpn: spent for spent in test_duration.spent(_data(files), CONTEXT)}
    assert by_vpn["nebula"].parts["waiting for tunnels"] == 1.5
    assert by_vpn["internal"].parts["waiting for tunnels"] == 1.5
    assert by_vpn["nebula"].unknown == []


def _data(files: dict[str, Path]) -> Data:
    return Data.read({name: files[name] for name in ("overhead", "links")})
