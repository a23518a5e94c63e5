"""How long 50,000 estimates take with everything that follows from them.

Asked for: 20 s on two cores, of a machine that does nothing else.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from meshbench.analysis import TABLES, step
from tests.unit import synthetic

SYSTEMS, PROFILES, BENCHMARKS, ROUNDS, LINKS = 12, 4, 1050, 8, 3
ESTIMATES = SYSTEMS * PROFILES * BENCHMARKS
ROWS = ESTIMATES * ROUNDS * LINKS
MOST_CPU_S = 2 * 20.0


def spread(words: Sequence[str], each: int) -> pa.DictionaryArray:
    """Each word so many times, and all of that again until there are enough."""
    places = np.arange(ROWS) // each % len(words)
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(words))


def constant(word: str) -> pa.DictionaryArray:
    return spread([word], ROWS)


def measures() -> pa.Table:
    """A row per estimate, round and link, the systems 10 % apart."""
    systems = ["internal", *(f"system{number:02}" for number in range(1, SYSTEMS))]
    row = np.arange(ROWS)
    level = 1 + 0.1 * (row // (LINKS * ROUNDS) % SYSTEMS)
    each = LINKS * ROUNDS * SYSTEMS
    return pa.table(
        {
            "campaign": constant("many"),
            "round": pa.array(row // LINKS % ROUNDS + 1, pa.int32()),
            "vpn": spread(systems, LINKS * ROUNDS),
            "tuning": constant("stock"),
            "profile": spread(["baseline", "low", "medium", "high"], each),
            "placement": constant("ingress"),
            "benchmark": spread([f"tcp@{number}" for number in range(BENCHMARKS)], each * PROFILES),
            "source": spread(["lom", "yuki", "luna"], 1),
            "target": spread(["yuki", "luna", "lom"], 1),
            "mode": constant("single"),
            "direction": constant("forward"),
            "metric": constant("goodput"),
            "unit": constant("bit/s"),
            "value": level * np.random.default_rng(1).lognormal(18, 0.2, ROWS),
            "status": constant("ok"),
            "reason": pa.nulls(ROWS, pa.string()),
            "marks": pa.array([[]] * ROWS, pa.list_(pa.string())),
        }
    )


def test_fifty_thousand_estimates(tmp_path: Path) -> None:
    tables = synthetic.tables(
        tmp_path, [], [], ("impairment", "links", "measures", "hosts", "seconds")
    )
    pq.write_table(measures(), tables["measures"])
    out = {name: tmp_path / f"{name}.parquet" for name in TABLES}
    wall, cpu = time.monotonic(), time.process_time()
    step.analyse([], [], tables, {"systems": [], "tunings": ["stock"]}, out)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    rows = {name: pq.read_metadata(path).num_rows for name, path in out.items()}
    print(f"\n{rows}: {wall:.1f} s, {cpu:.1f} s of CPU time")
    assert rows["estimates"] == ESTIMATES
    assert cpu <= MOST_CPU_S
