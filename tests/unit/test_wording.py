"""What is wrong with a configuration is said in a user's words, not in Python's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from meshbench import benchmarks, vpns
from meshbench.config import wording
from meshbench.config.models import CampaignFile, System, Tuning
from meshbench.config.profile import Profile
from meshbench.config.testbeds import Testbed
from meshbench.config.validation import check
from meshbench.util.errors import ConfigError
from tests.unit.test_config import CAMPAIGN, FILE, Folder, folder

__all__ = ["folder"]

OPTIONS = [vpns.load(name).options_class for name in vpns.names()] + [
    benchmarks.load(name).options_class for name in benchmarks.names()
]
MODELS: list[Any] = [CampaignFile, Profile, Tuning, System, Testbed, *OPTIONS]
PYTHON_S = ("Input should", "valid ", "tuple", "Tuple", "dictionary", "instance", "<class", "None",
            "Literal", "constrained", "boolean", "integer", "string", "null", "pydantic")  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("trial", "2025_12", "campaign",
         '2025_12 is read as the number 202512, not as text: write campaign: "2025_12"'),
        ("trial", "1.10", "campaign", '1.10 is read as the number 1.1, not as text: write campaign: "1.10"'),
        ("trial", "on", "campaign", 'on is read as the value true, not as text: write campaign: "on"'),
        ("trial", "2025-12-01", "campaign", "2025-12-01 is read as the date 2025-12-01, not as text"),
        ("trial", "~", "campaign", "~ is read as nothing, not as text"),
        ("trial", "[a]", "campaign", "must be text (it says a list of 1)"),
        ("nebula]", "1_0]", "vpns.1", '1_0 is read as the number 10, not as text: write "1_0"'),
        ("[internal, nebula]", "nebula", "vpns", "must be a list, such as [a, b] (it says 'nebula')"),
        ("[internal, nebula]", "[]", "vpns", "must be of at least 1 entries (it says [])"),
        ("rounds: 1", "links: rong", "links", "must be 'ring' or 'all' or a list, such as [a, b] (it says 'rong')"),
        ("rounds: 1", "links: [lom-yuki]", "links.0", "'lom-yuki' is not allowed here: it must be two hosts with an arrow"),
        ("rounds: 1", "figures: some", "figures", "must be 'suitable' or a list, such as [a, b] (it says 'some')"),
        ("rounds: 1", "claims: {text: a, querys: b}", "claims.querys", "unknown key; did you mean 'queries'?"),
        ("rounds: 1", "claims: {queries: a}", "claims.text", "this key is required"),
        ("rounds: 1", "claims: 1", "claims", "must be a mapping of keys to values, such as {key: value} or text (it says 1)"),
        ("rounds: 1", "published: {a: b}", "published", "must be text or a list, such as [a, b] (it says a mapping of 1 keys)"),
        ("rounds: 1", "rounds: 1.5", "rounds", "must be a whole number (it says 1.5)"),
        ("rounds: 1", "calibration: 4", "calibration", "must be a mapping of keys to values, such as {key: value} (it says 4)"),
        ("rounds: 1", "seed: 99999999999999999999", "seed", "must be less than 9223372036854775808"),
        ("duration_s: 1", "modes: bidir", "benchmarks.tcp.modes", "must be a list, such as [a, b] (it says 'bidir')"),
        ("duration_s: 1", "modes: [both]", "benchmarks.tcp.modes.0", "must be "),
        ("ping: {count: 25}", "ping: 25", "benchmarks.ping", "must be a mapping of keys to values"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_told_what_to_write(
    folder: Folder, old: str, new: str, key: str, words: str
) -> None:
    [line] = folder.edit(old, new).problems()
    assert f": {key}: {words}" in line


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("campaign=2025_12", """2025_12 is read as the number 202512, not as text: write --config 'campaign=!!str 2025_12', or in a file campaign: "2025_12\""""),
        ("testbed=1e3", """1e3 is read as the number 1000.0, not as text: write --config 'testbed=!!str 1e3', or in a file testbed: "1e3\""""),
        ("campaign=True", "True is read as the value true, not as text"),
        ("vpns=nebula", "must be a list, such as [a, b] (it says 'nebula')"),
        ("benchmarks={ping: }", "must be a mapping of keys to values, such as {key: value} (it says '')"),
    ],
)  # fmt: skip
def test_what_the_command_line_means_as_text_needs_quotes_that_survive_the_shell(
    folder: Folder, setting: str, words: str
) -> None:
    [line] = folder.problems(setting)
    assert words in line
    assert line.startswith("--config: ")


def test_quotes_as_told_are_accepted(folder: Folder) -> None:
    assert folder.problems("campaign=!!str 2025_12") == []
    assert folder.edit("trial", '"2025_12"').problems() == []


def test_a_testbed_s_kind_of_number_or_word(folder: Folder) -> None:
    path = "config/testbeds/fake.yaml"
    [line] = folder.write(path, "kind: lab\ndata_rate_bps: 100Mbit\n").problems()
    assert line == f"{path}:2: data_rate_bps: must be a whole number or 'none' (it says '100Mbit')"
    [line] = folder.write(path, "kind: lab\ndata_rate_bps: 5\n").problems()
    assert line == f"{path}:2: data_rate_bps: must be at least 1000000 or 'none' (it says 5)"
    [line] = folder.write(path, "hosts: [a, b]\n").problems()
    assert line == f"{path}: kind: this key is required"
    [line] = (
        folder.write("config/tunings/stock.yaml", "sysctls: {net.a: [1]}\n")
        .write(path, "kind: fake\n")
        .problems()
    )
    assert line.endswith("sysctls.net.a: must be a whole number or text (it says a list of 1)")


def test_a_record_given_as_a_config_is_refused_in_short_lines(folder: Folder) -> None:
    """A record is YAML, too, with keys of a campaign's and much behind them."""
    record = {
        "campaign": "trial", "vpn": {"driver": "nebula", "log_tail": {"lom": "x" * 9999}},
        "links": [{"source": "lom", "commands": ["y" * 9999] * 99}] * 3,
        "testbed": {"name": "lab", "facts": {str(n): "z" * 99 for n in range(99)}},
    }  # fmt: skip
    lines = folder.write(FILE, json.dumps(record)).problems()
    assert any("testbed: must be text (it says a mapping of 2 keys)" in line for line in lines)
    assert any("vpn: unknown key; did you mean 'vpns'?" in line for line in lines)
    assert max(map(len, lines)) < 300
    [long] = folder.write(FILE, CAMPAIGN.replace("fake", "'" + "a b" * 999 + "'")).problems()
    assert len(long) < 250


@pytest.mark.parametrize(
    "text",
    ["campaign: 2025-13-45\n", "campaign: &a [*a]\n", "vpns: &a {b: *a}\n", "[" * 2000 + "\n"],
)
def test_odd_yaml_is_a_sentence(folder: Folder, text: str) -> None:
    lines = folder.write(FILE, text).problems()
    assert lines
    assert all(line.startswith(FILE) for line in lines)


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from (p for key in schema.get("patternProperties", {}) for p in [key])
        for value in schema.values():
            yield from _patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _patterns(value)


def test_every_pattern_of_the_models_has_words() -> None:
    used = {p for model in MODELS for p in _patterns(TypeAdapter(model).json_schema())}
    assert used
    assert used == set(wording.SHAPES)


KEYS = sorted({key for model in MODELS for key in getattr(model, "model_fields", {})})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "kind", "source"]) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(data=st.dictionaries(st.sampled_from([*KEYS, "kind"]), DATA), index=st.integers(0, 99))
def test_whatever_is_wrong_python_s_words_are_not_used(data: dict[str, Any], index: int) -> None:
    text = yaml.safe_dump(data)
    try:
        check(MODELS[index % len(MODELS)], data, [])
    except ConfigError as error:
        for problem in error.problems:
            sentence = problem.message.replace("it says", "").partition("(")[0]
            if not any(word in text for word in PYTHON_S):
                assert not any(
                    word in sentence
                    for word in PYTHON_S
                    if word != "valid " or "valid keys" not in sentence
                ), problem
            assert len(problem.message) < 600
