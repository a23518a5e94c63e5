"""Claims: reading them, comparing them by their quoted digits, and the thesis's 216."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from meshbench.checks import claims, pages, verdicts
from meshbench.checks.claims import About, Claim, Query
from meshbench.checks.verdicts import Judged, Verdict, quoted
from meshbench.cli import main
from meshbench.importers.vpn_runner import importer
from meshbench.tables import schema
from meshbench.util.errors import ConfigError
from tests.unit import published_data as data

QUERIES = Path(__file__).parents[2] / "config" / "claims" / "thesis.yaml"
RATE = "scaled(mean('tinc', 'low', 'tcp', 'send_rate'), 1e-6)"


def claim(value: str, stated_as: str = "", number: int = 1, **query: Any) -> Claim:
    text = dict.fromkeys(claims.TEXT_COLUMNS, "") | {"value": value, "stated_as": stated_as}
    return Claim(number, text, Query(**query))


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table]:
    """Two of three links of tinc at 'low', 50 and 52 Mbit/s; all of internal at 934."""
    cell = {"campaign": "c", "round": 1, "tuning": "stock", "profile": "low", "placement": "egress",
            "benchmark": "tcp"}  # fmt: skip
    rows, links = [], []
    for (source, target), rate in zip(data.LINKS, (50e6, 52e6, None), strict=True):
        for vpn, value in (("tinc", rate), ("internal", 934.1e6)):
            here = {**cell, "vpn": vpn, "source": source, "target": target}
            status = "ok" if value is not None else "failed"
            links.append({**here, "status": status, "attempts": 1, "marks": []})
            rows.append({**here, "direction": "forward", "metric": "send_rate", "unit": "bit/s",
                         "value": value, "status": status})  # fmt: skip
    return schema.table(rows, schema.SAMPLES), schema.table(links, schema.LINKS)


def judge(tables: tuple[pa.Table, pa.Table], *asked: Claim) -> list[Judged]:
    return verdicts.judge(asked, *tables)


@pytest.mark.parametrize(
    ("value", "stated_as", "half"),
    [
        ("934", "934 Mbps", 0.5), ("0.6", "0.60 ms", 0.005), ("3.0", "3.00 ms", 0.005),
        ("3.0", "three", 0.5), ("17426", "17 426", 0.5), ("2800", "2,800 ms", 0.5), ("0.49", "0.49 %", 0.005),
        ("50", "1/9 of 50.00 or 50.0", 0.005), ("-5", "-5 %", 0.5), ("16.0", "16.0 ms", 0.05),
    ],
)  # fmt: skip
def test_the_quoted_digits_are_the_tolerance(value: str, stated_as: str, half: float) -> None:
    number, tolerance = quoted(value, stated_as)
    assert number == float(value)
    assert tolerance == pytest.approx(half)


@pytest.mark.parametrize(
    ("value", "compare", "found", "right"),
    [
        ("29.6", None, 29.648, True), ("29.6", None, 29.651, False), ("45", None, 45.88, False),
        ("1.5", None, 1.55, True), ("0.03-0.06", "within", 0.026, True), ("0.03-0.06", "within", 0.024, False),
        ("0.01", "at_most", 0.004, True), ("0.01", "at_most", 0.02, False), ("80", "at_least", 85.1, True),
        ("80", "at_least", 79.4, False), ("80", "at_least", 79.6, False), ("80", "at_least", 80.0, True),
        ("1.1", "at_most", 1.103, False), ("1.1", "at_most", 1.1, True), ("950", About(about=1), 947.9, True), ("950", About(about=1), 930.0, False),
        ("x", "holds", True, True), ("x", "holds", False, False), ("1.2.2026", "is", "1.2.2026", True),
    ],
)  # fmt: skip
def test_comparing(value: str, compare: Any, found: Any, right: bool) -> None:
    assert verdicts.holds(claim(value, compare=compare), found) is right


@pytest.mark.parametrize(
    ("value", "compare", "found"), [("ten", None, 1.0), ("5", "within", 1.0), ("5", None, "x")]
)
def test_what_cannot_be_compared_is_said(value: str, compare: Any, found: Any) -> None:
    with pytest.raises(ValueError, match=r"number|range|gives"):
        verdicts.holds(claim(value, compare=compare), found)


def test_verdicts(tables: tuple[pa.Table, pa.Table]) -> None:
    judgements = judge(
        tables,
        claim("934", query="scaled(mean('internal', 'low', 'tcp', 'send_rate'), 1e-6)"),
        claim("51", query=RATE),
        claim("60", query=RATE),
        claim("5", query="mean('tinc', 'high', 'tcp', 'send_rate')"),
        claim("5", why="nobody measured it"),
        claim("5", query="SELECT nonsense"),
    )
    assert [judged.verdict for judged in judgements] == [
        Verdict.MATCH, Verdict.PARTIAL, Verdict.DIFFERS, Verdict.ABSENT, Verdict.NOTHING, Verdict.STALE,
    ]  # fmt: skip
    assert (judgements[1].found, judgements[1].n, judgements[1].of) == (51.0, 2, 3)
    assert "nonsense" in (judgements[5].message or "")


def test_a_ratio_is_as_complete_as_its_weaker_operand(tables: tuple[pa.Table, pa.Table]) -> None:
    internal = "mean('internal', 'low', 'tcp', 'send_rate')"
    [judged] = judge(
        tables, claim("0.05", query=f"ratio(mean('tinc', 'low', 'tcp', 'send_rate'), {internal})")
    )
    assert (judged.verdict, judged.n, judged.of) == (Verdict.PARTIAL, 2, 3)
    assert judged.found == pytest.approx(51 / 934.1)


def test_queries_reach_no_file(tables: tuple[pa.Table, pa.Table], tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("value\n1\n")
    for query in ("FROM read_csv('{}')", "FROM '{}'"):
        [judged] = judge(tables, claim("1", query=query.format(secret)))
        assert judged.verdict is Verdict.STALE


def test_findings_that_concern_a_claim_are_named(tables: tuple[pa.Table, pa.Table]) -> None:
    asked = claim("51", query=RATE)
    asked = Claim(
        1, {**asked.text, "vpn": "tinc", "profile": "low", "benchmark": "tcp"}, asked.query
    )
    row = {"rule": "r", "severity": "error", "title": "A title", "vpn": "tinc", "profile": "low",
           "benchmark": "tcp", "says": "x"}  # fmt: skip
    other = {**row, "title": "Another", "vpn": "nebula"}
    findings = pa.Table.from_pylist([row, other])
    [judged] = verdicts.judge([asked], *tables, findings)
    assert judged.flags == ("A title",)


def test_a_file_of_ones_own_as_csv_and_yaml(tmp_path: Path) -> None:
    own_csv = tmp_path / "own.csv"
    own_csv.write_text(f'value,stated_as,compare,query\n51,51 Mbit/s,about 2,"{RATE}"\n7,seven,,\n')
    own_yaml = tmp_path / "own.yaml"
    own_yaml.write_text(
        f'- value: 51\n  stated_as: 51 Mbit/s\n  compare: {{about: 2}}\n  query: "{RATE}"\n- {{value: 7}}\n'
    )
    for path in (own_csv, own_yaml):
        first, second = claims.read(path)
        assert (first.text["value"], first.query.query, first.query.compare) == (
            "51",
            RATE,
            About(about=2),
        )
        assert second.query.query is None


def test_queries_beside_a_text_notice_that_it_changed(tmp_path: Path) -> None:
    text = tmp_path / "text.csv"
    text.write_text("value,stated_as\n51,51 Mbit/s\n52,52\n")
    digests = [claims.digest({"value": "51", "stated_as": "51 Mbit/s"}), "0000000000"]
    queries = tmp_path / "queries.yaml"
    queries.write_text(
        "".join(f"{i}: {{row: '{d}', query: '1'}}\n" for i, d in enumerate(digests, 1))
    )
    assert [claim.changed for claim in claims.read(text, queries)] == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "a,b\n1,2\n", "columns missing"),
        ("x.csv", "value,stated_as,compare\n1,1,roughly\n", "row 1"),
        ("x.yaml", "a: 1", "must be a list"),
        ("x.yaml", "a: [", "not YAML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        claims.read(tmp_path / name)


def test_a_missing_file_and_a_missing_row_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        claims.read(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text("value,stated_as\n1,1\n")
    (tmp_path / "q.yaml").write_text("3: {query: '1'}\n")
    with pytest.raises(ConfigError, match="has no row 3"):
        claims.read(tmp_path / "x.csv", tmp_path / "q.yaml")


def test_outputs(tables: tuple[pa.Table, pa.Table]) -> None:
    judgements = judge(
        tables, claim("51", "51 <Mbit/s>", query=RATE), claim("60", query=RATE, number=2)
    )
    assert pages.claims_summary(judgements).startswith("2 claims: 1 rests on n of m, 1 differs;")
    text = pages.claims_html(judgements)
    assert "51 &lt;Mbit/s&gt;" in text
    assert "51 (n = 2 of 3)" in text
    assert "<td>rests on 2 of 3</td>" in text
    rows = list(csv.DictReader(io.StringIO(pages.claims_csv(judgements))))
    assert [row["verdict"] for row in rows] == ["rests on n of m", "differs"]
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(pages.claims_table(judgements))
    shown = console.export_text()
    assert "differs" in shown
    assert "rests on 2 of 3" in shown


def test_exit_status(tables: tuple[pa.Table, pa.Table], tmp_path: Path) -> None:
    schema.write(tables[0], tmp_path / "samples" / "x.parquet")
    schema.write(tables[1], tmp_path / "links" / "x.parquet")
    text = tmp_path / "own.csv"
    for value, status in (("51", 0), ("60", 1)):
        text.write_text(f'value,stated_as,query\n{value},{value},"{RATE}"\n')
        out = tmp_path / "claims.csv"
        assert main(["claims", str(tmp_path), str(text), "--csv", str(out)]) == status
        assert out.exists()
    assert main(["claims", str(tmp_path), str(tmp_path / "none.csv")]) == 2


@pytest.fixture(scope="module")
def imported() -> tuple[pa.Table, pa.Table]:
    """Samples and links of the published data."""
    if not (data.ARCHIVE.exists() and data.CLAIMS.exists()):
        pytest.skip("the published data are not in ../shared")
    rows = importer.import_runs([data.ARCHIVE], "published").rows.values()
    samples = pa.concat_tables([each.samples() for each in rows]).unify_dictionaries()
    return samples, pa.concat_tables([each.links() for each in rows]).unify_dictionaries()


@pytest.fixture(scope="module")
def thesis(imported: tuple[pa.Table, pa.Table]) -> list[Judged]:
    return verdicts.judge(claims.read(data.CLAIMS, QUERIES), *imported)


def test_all_216_have_a_query_or_a_reason(thesis: list[Judged]) -> None:
    assert len(thesis) == 216
    assert all(judged.claim.query.query or judged.claim.query.why for judged in thesis)
    assert not [judged for judged in thesis if judged.verdict is Verdict.STALE]


def test_as_many_match_as_in_an_independent_recomputation(thesis: list[Judged]) -> None:
    counts = Counter(judged.verdict for judged in thesis)
    assert counts[Verdict.MATCH] == 175
    assert counts[Verdict.NOTHING] == 9
    assert counts[Verdict.PARTIAL] + counts[Verdict.DIFFERS] + counts[Verdict.ABSENT] == 32


def test_a_bound_is_not_rounded_and_retries_are_those_of_all_links(thesis: list[Judged]) -> None:
    verdict = {judged.claim.number: judged.verdict for judged in thesis}
    assert [verdict[number] for number in (59, 61)] == [Verdict.DIFFERS] * 2
    assert [verdict[number] for number in (17, 18)] == [Verdict.MATCH] * 2


def tuned(rows: pa.Table, factor: float = 3.0) -> pa.Table:
    """The same rows once more as a run of tuned hosts with other values, from other hosts."""
    more = rows.set_column(
        rows.column_names.index("tuning"), "tuning", pa.array(["tailscale-style"] * len(rows))
    )
    for name in ("source", "target"):
        hosts = [host if host == "*" else f"{host}-tuned" for host in more[name].to_pylist()]
        more = more.set_column(more.column_names.index(name), name, pa.array(hosts))
    for name in {"value", "limit_s", "attempts"} & set(rows.column_names):
        values = [None if v is None else type(v)(v * factor) for v in more[name].to_pylist()]
        more = more.set_column(
            more.column_names.index(name), name, pa.array(values, rows.schema.field(name).type)
        )
    return pa.concat_tables([rows, more.cast(rows.schema)])


def test_a_tuned_run_that_joins_changes_no_claim_about_stock(
    imported: tuple[pa.Table, pa.Table], thesis: list[Judged]
) -> None:
    asked = [
        claim
        for claim in claims.read(data.CLAIMS, QUERIES)
        if "tailscale-style" not in str(claim.query.query)
    ]
    before = [judged for judged in thesis if "tailscale-style" not in str(judged.claim.query.query)]
    after = verdicts.judge(asked, *map(tuned, imported))
    outcomes = [
        [(j.claim.number, j.verdict, j.found, j.n, j.of) for j in js] for js in (before, after)
    ]
    assert outcomes[0] == outcomes[1]


def test_whatever_does_not_match_is_explained(thesis: list[Judged]) -> None:
    unexplained = [
        judged.claim.number
        for judged in thesis
        if judged.verdict is not Verdict.MATCH and not judged.message
    ]
    assert not unexplained
