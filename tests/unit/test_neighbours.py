"""What others had of the CPUs is a value of each host, where it is known."""

from pathlib import Path
from typing import Any

import pytest

from meshbench import collectors
from meshbench.benchmarks.base import Observation
from meshbench.collectors.neighbours import OUTSIDE, OWN, STOLEN, Neighbours
from meshbench.results import records
from meshbench.results.records import Record
from meshbench.tables import parse
from tests.unit import synthetic
from tests.unit.making import command, link, record


def cpu(idle: int, steal: int) -> dict[str, Any]:
    return {"cpu_time": f"cpu  60 0 30 {idle} 0 0 10 {steal} 5 0"}


def measured(used: Any = None) -> Record:
    """A cell on two hosts, one of which lost half of its time to other guests."""
    recorded = record(link(command("no reply")))
    recorded.testbed.facts = {} if used is None else {"cpu": used}
    recorded.testbed.before = {"lom": cpu(0, 0), "yuki": cpu(0, 0)}
    recorded.testbed.after = {"lom": cpu(50, 50), "yuki": {}}
    return recorded


def test_a_lab_s_hosts_share_what_their_machine_gave_to_other_programs() -> None:
    values = list(Neighbours().parse(measured({"outside": 0.07, "lab": 0.5, "meshbench": 0.0})))
    assert [value for value in values if value.metric is not STOLEN] == [
        Observation(metric, share, host)
        for host in ("lom", "yuki")
        for metric, share in ((OUTSIDE, 0.07), (OWN, 0.0))
    ]


@pytest.mark.parametrize("used", [None, {}, "much"])
def test_where_it_is_not_known_there_is_no_value(used: Any) -> None:
    assert [value.metric for value in Neighbours().parse(measured(used))] == [STOLEN]


def test_stolen_time_is_each_host_s_own() -> None:
    [value] = Neighbours().parse(measured())
    assert (value.subject, value.value) == ("lom", 0.5)


def test_it_is_in_the_tables_of_every_benchmark(tmp_path: Path) -> None:
    assert Neighbours in collectors.every()
    file, samples, links = (tmp_path / name for name in ("r.json", "s.parquet", "l.parquet"))
    records.write(measured({"outside": 0.2}), file)
    parse.parse([file], samples, links)
    tables = synthetic.tables(tmp_path, [samples], [links], ["impairment", "links", "hosts"])
    rows = [row for row in synthetic.read(tables["hosts"]) if row["metric"] == "outside_cpu"]
    assert {row["host"]: (row["value"], row["status"]) for row in rows} == {
        "lom": (0.2, "ok"), "yuki": (0.2, "ok"),
    }  # fmt: skip
