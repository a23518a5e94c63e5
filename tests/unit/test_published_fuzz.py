"""No content of a file may crash the import: it becomes rows of the schema, or is set aside."""

import copy
import json
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshbench.checks import rules
from meshbench.figures import catalogue
from meshbench.figures.contract import Data
from meshbench.figures.drawing import render, tabular
from meshbench.importers.vpn_runner import importer, index, job, reading, report
from meshbench.importers.vpn_runner.report import State
from meshbench.importers.vpn_runner.words import Words
from tests.unit import published_data as data
from tests.unit import synthetic
from tests.unit.test_published_figures import context

ABOUT = data.meta("lom", "yuki")
FAILED = data.error(ABOUT, stdout=data.SETUP_FAILED, stderr="x", msg="timed out after 5 seconds")
PAIRS = {"pairs": [
    {"source": "lom", "target": "yuki", "result": data.iperf3(5)},
    {"source": "yuki", "target": "luna", "error": data.pair_error(data.exchange_failed(2))},
]}  # fmt: skip
FILES: dict[str, list[Any]] = {
    "Tinc/low/0_lom/tcp_iperf3.json": [data.success(data.iperf3(5), ABOUT), FAILED],
    "Tinc/low/0_lom/udp_iperf3.json": [data.success(data.udp(5), ABOUT), FAILED],
    "Tinc/low/0_lom/ping.json": [data.success(data.ping([1, 2, 3]), ABOUT)],
    "Tinc/low/0_lom/qperf.json": [data.success(data.qperf(5), ABOUT), FAILED],
    "Tinc/low/0_lom/rist_stream.json": [data.success(data.rist(), ABOUT)],
    "Tinc/low/0_lom/nix_cache.json": [data.success(data.nix(5), ABOUT), FAILED],
    "Tinc/low/0_lom/reboot_connection_timings.json": [
        data.connections("lom", "v4", dict.fromkeys(data.HOSTS, 7), dict.fromkeys(data.HOSTS, 9))
    ],
    "Tinc/low/parallel_tcp_iperf3.json": [data.success(PAIRS, ABOUT), FAILED],
    "Tinc/low/tc_settings.json": [{"alias": "low", "settings": data.TC_LOW}],
    "Tinc/low/timing_breakdown.json": [data.timing("low", data.DAY)],
    "Tinc/layout.json": [[{"cmachine": {"name": "lom"}, "vpn_ip": "10.0.0.1"}]],
    "General/hardware.json": [{"data": {"machines": [{"machine_name": "lom"}]}}],
}
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.text(max_size=8), st.just([]), st.just({}), st.just([[[]]]),
    st.integers(), st.sampled_from([10**400, -1, 2**31, 2**63, 1e308, -1e308, 1e-320, float("nan"), float("inf")]),
    st.sampled_from(["\ud800", "\x00", "9" * 5000, "timed out after 9999999999999999999999999 seconds",
                     "--connect-timeout 99999999999999999999999", "0:00:99999999999999999999999", "-1 day, 0:00:00",
                     "9999-99-99", "{", '\n{"error": {}}', "v4.", "copying 999999 paths..."]),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=3),
)  # fmt: skip


def paths(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a document."""
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    return [at, *(path for key, value in items for path in paths(value, (*at, key)))]


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return document


def take(folder: Path, name: str, content: bytes) -> importer.Imported:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    imported = importer.import_runs([folder], "c")
    for rows in imported.rows.values():
        rows.samples().validate(full=True)
        rows.links().validate(full=True)
        json.dumps([row["reason"] for row in rows.links().to_pylist()])
    report.save(imported.entries, folder.parent / "report")
    [entry] = imported.entries
    assert entry.state is State.IMPORTED or entry.reason
    return imported


def examples(usual: int) -> settings:
    """So many examples, or as many as a thorough profile asks for."""
    asked = settings().max_examples
    return settings(
        max_examples=asked if asked > _DEFAULT else usual,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


_DEFAULT = 100
CASES = [(name, document) for name, documents in FILES.items() for document in documents]
IDS = [
    f"{Path(name).stem}-{document.get('status', '') if isinstance(document, dict) else ''}"
    for name, document in CASES
]


@pytest.mark.parametrize(("name", "document"), CASES, ids=IDS)
@examples(60)
@given(choice=st.data())
def test_wrong_types_and_huge_numbers(
    tmp_path: Path, name: str, document: Any, choice: st.DataObject
) -> None:
    for _ in range(choice.draw(st.integers(1, 3))):
        path = choice.draw(st.sampled_from(paths(document)))
        document = replaced(document, path, choice.draw(ODD))
    take(tmp_path / "run", name, json.dumps(document).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(("name", "document"), CASES, ids=IDS)
@examples(15)
@given(share=st.floats(0, 1), noise=st.binary(max_size=4))
def test_truncated_and_corrupted(
    tmp_path: Path, name: str, document: Any, share: float, noise: bytes
) -> None:
    content = json.dumps(document).encode()
    cut = int(len(content) * share)
    take(tmp_path / "run", name, content[:cut] + noise)
    take(tmp_path / "run", name, content[:cut] + noise + content[cut:])


@pytest.mark.parametrize("name", list(FILES))
@examples(10)
@given(content=st.binary(max_size=200))
def test_anything_at_all(tmp_path: Path, name: str, content: bytes) -> None:
    take(tmp_path / "run", name, content)


@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
@pytest.mark.parametrize(
    "name", ["Tinc/low/0_lom/tcp_iperf3.json", "Tinc/low/parallel_tcp_iperf3.json"]
)
def test_deep_nesting(tmp_path: Path, name: str, depth: int) -> None:
    take(tmp_path / "a", name, b"[" * depth + b"]" * depth)
    inside = '{"a":' * depth + "1" + "}" * depth
    document = data.error(ABOUT, stdout=inside)
    take(tmp_path / "b", name, json.dumps(document).encode())


NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0, -0.0, -19, 1, 1e307, 1e308, 5e-324, 2**63, 10**400, 1e15]),
)


def numeric(document: Any) -> list[tuple[Any, ...]]:
    """The places of numbers."""
    return [p for p in paths(document) if type(at(document, p)) in {int, float}]


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def whole_run(choice: st.DataObject) -> dict[str, bytes]:
    """A small run of two systems, with files that are odd, short, gone or in another folder."""
    files = {}
    for name, documents in FILES.items():
        for system in ("Tinc", "Internal"):
            files[name.replace("Tinc", system)] = copy.deepcopy(documents[0])
    for name in choice.draw(st.lists(st.sampled_from(sorted(files)), max_size=5, unique=True)):
        document = files.pop(name)
        for _ in range(choice.draw(st.integers(0, 3))):
            places = numeric(document) or paths(document)
            odd = choice.draw(st.booleans())
            path = choice.draw(st.sampled_from(paths(document) if odd else places))
            document = replaced(document, path, choice.draw(ODD if odd else NUMBERS))
        parts = name.split("/")
        if choice.draw(st.integers(0, 5)) == 0:
            del parts[choice.draw(st.integers(0, len(parts) - 1))]
        if parts:
            files["/".join(parts)] = document
    return {
        name: json.dumps(document).encode("utf-8", "surrogatepass")
        for name, document in files.items()
    }


TOLD = context("internal", "tinc", profiles=("baseline", "low"))


@examples(10)
@given(choice=st.data())
def test_no_published_file_ends_in_a_traceback_or_without_figures(
    tmp_path_factory: pytest.TempPathFactory, choice: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("whole")
    for name, content in whole_run(choice).items():
        path = folder / "run" / "18.12.2025" / name
        if not path.parent.is_file() and not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    job.convert([folder / "run"], "published", folder / "results")
    samples, links = ([folder / "results" / f"{kind}/all.parquet"] for kind in ("samples", "links"))
    findings = rules.run(samples, links)
    campaign = TOLD.told(folder / "results" / "published" / "facts.json")
    files = synthetic.tables(folder / "tables", samples, links)
    for name in choice.draw(st.lists(st.sampled_from(catalogue.names()), min_size=4, max_size=4)):
        figure = catalogue.load(name)
        tables = Data.read({table: files[table] for table in figure.figure.tables})
        if figure.tabulate is not None:
            assert tabular.csv_text(figure.tabulate(tables, campaign))
        else:
            json.dumps(
                render.compose(figure, tables, campaign, findings.to_pylist()).spec, allow_nan=False
            )
        assert figure.caption(tables, campaign)
    shutil.rmtree(folder)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6))
@examples(200)
def test_any_path_has_a_place_or_a_reason(parts: list[str]) -> None:
    for last in ("ping.json", "tc_settings.json", "layout.json", *parts[-1:]):
        try:
            spot = index.spot(PurePosixPath(*parts, last), "run")
            index.Tree([spot], Words()).place(spot)
        except (reading.UnreadableError, index.IgnoredError) as error:
            reasons = str(error)
            assert reasons


@given(st.one_of(st.none(), st.text(max_size=30)))
def test_durations_and_times_are_read_or_refused(text: str | None) -> None:
    reading.duration_s(text)
    reading.from_iso(text)


def test_durations() -> None:
    assert reading.duration_s("0:01:31.233098") == pytest.approx(91.233098)
    assert reading.duration_s("1 day, 2:00:00") == 93600
    assert reading.duration_s("soon") is None
