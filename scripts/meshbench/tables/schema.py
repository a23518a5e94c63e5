"""Fixed Arrow schemas of the three tidy data sets that everything downstream reads."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from meshbench.util.files import atomic

_WORD = pa.dictionary(pa.int32(), pa.string())

_CELL = [
    pa.field("campaign", _WORD, nullable=False),
    pa.field("round", pa.int32(), nullable=False),
    pa.field("vpn", _WORD, nullable=False),
    pa.field("tuning", _WORD, nullable=False),
    pa.field("profile", _WORD, nullable=False),
    pa.field("placement", _WORD, nullable=False),
    pa.field("benchmark", _WORD, nullable=False),  # as the campaign calls it
    pa.field("kind", _WORD),  # the benchmark's own name: of `tcp@cubic` it is `tcp`
    pa.field("source", _WORD, nullable=False),
    pa.field("target", _WORD, nullable=False),
]

SAMPLES = pa.schema(
    [
        *_CELL,
        pa.field("mode", _WORD),  # 'single' or 'bidir' where a benchmark knows both, else null
        pa.field("direction", _WORD, nullable=False),  # 'forward': the source sends; or 'reverse'
        pa.field("stream", pa.int32()),
        pa.field("metric", _WORD, nullable=False),
        pa.field("unit", _WORD, nullable=False),
        pa.field("t_s", pa.float64()),  # since the measurement's start; null for a whole-run value
        pa.field("value", pa.float64()),
        pa.field("status", _WORD, nullable=False),
        pa.field("reason", pa.string()),
        pa.field("host", _WORD),  # of a value of a host, whose source and target are '*'
        pa.field("record", _WORD),  # the raw file below results/<campaign>/
    ]
)
"""One row per value. A missing value is null, never zero."""

LINKS = pa.schema(
    [
        *_CELL,
        pa.field("status", _WORD, nullable=False),
        pa.field("reason", pa.string()),
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("limit_s", pa.float64()),
        pa.field("started", pa.timestamp("us", tz="UTC")),
        pa.field("duration_s", pa.float64()),
        pa.field("measuring_s", pa.float64()),  # of duration_s: spent inside the measuring tool
        pa.field("vpn_version", pa.string()),
        pa.field("path", _WORD),  # 'direct' or 'relay'; null: the VPN does not say
        pa.field("transport", _WORD),
        pa.field("endpoint", pa.string()),
        pa.field("tunnel_mtu", pa.int32()),
        pa.field("path_mtu", pa.int32()),  # the largest packet that passed whole, in bytes
        pa.field("cipher", _WORD),
        pa.field("control_server", _WORD),
        pa.field("path_changed", pa.bool_()),
        pa.field("ready_s", pa.float64()),  # from starting the VPN to this pair's first reply
        pa.field("direct_s", pa.float64()),  # until its daemon was first seen to say 'direct'
        pa.field("engine", _WORD),
        # Of the cell, by the emulators' own counters: packets offered, and lost on purpose.
        pa.field("emulator_offered", pa.int64()),
        pa.field("emulator_lost", pa.int64()),
        pa.field("testbed", pa.string()),
        pa.field("shared_cpu", pa.bool_()),
        pa.field("code_version", pa.string()),
        pa.field("kernel", _WORD),
        pa.field("cpu_model", _WORD),
        pa.field("congestion_control", _WORD),
        pa.field("qdisc", _WORD),  # of the interface through which the tool sends
        pa.field("tool", _WORD),  # what the measuring programs say is their version
        pa.field("marks", pa.list_(pa.string()), nullable=False),
        pa.field("record", _WORD),  # the raw file below results/<campaign>/
    ]
)
"""One row per link of a record, also when nothing was measured on it."""

EVENTS = pa.schema(
    [
        *_CELL,
        pa.field("host", _WORD, nullable=False),  # source or target: whose units logged it
        pa.field("t_s", pa.float64()),  # on the axis of the link's RTTs; null: nothing was logged
        pa.field("unit", _WORD),
        pa.field("priority", pa.int32()),  # of syslog(3), from 0, the most urgent, to 7
        pa.field("message", pa.string()),
        pa.field("until_s", pa.float64()),  # what the host logged is known until then
        pa.field("clock_error_s", pa.float64()),  # how far t_s may be off
        pa.field("reason", pa.string()),  # why it is not known what the host logged
        pa.field("record", _WORD),  # the raw file below results/<campaign>/
    ]
)
"""One row per line that the system's units logged on either end of a link with single RTTs, and one
of each end that logged nothing, or of which it is not known. None of a record without the logs."""


def table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of exactly this schema. Raises KeyError for a row with an unknown column."""
    names = set(schema.names)
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for row in rows:
        if unknown := row.keys() - names:
            raise KeyError(f"columns not in the schema: {sorted(unknown)}")
        for name, column in columns.items():
            column.append(row.get(name))
    arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def write(data: pa.Table, path: Path) -> None:
    """Write Parquet (zstd, dictionary-encoded strings), whole or not at all."""
    with atomic(path) as temporary:
        pq.write_table(data, temporary, compression="zstd")
