"""Records and files: whole or not at all, nothing unknown, secrets private from the first byte."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from meshbench.results import records
from meshbench.results.records import Status
from meshbench.util.files import atomic, write_private
from tests.unit.making import cell, command, link, record


class PowerError(Exception):
    """Is cut."""


def test_a_record_comes_back_as_it_went(tmp_path: Path) -> None:
    path = tmp_path / "raw" / cell().path / "0123456789ab.json"
    whole = record(link(command("out", None, error="é\x00\ud7ff")), link(status=Status.TIMEOUT))
    records.write(whole, path)
    assert records.read(path) == whole
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert [file.name for file in path.parent.iterdir()] == ["0123456789ab.json"]


@pytest.mark.parametrize("spoil", [
    {"vpn_colour": "red"}, {"schema_version": 1}, {"links": None}, {"cell": {"vpn": "a"}},
])  # fmt: skip
def test_what_is_not_a_record_is_refused_by_name(tmp_path: Path, spoil: dict[str, Any]) -> None:
    path = tmp_path / "1.json"
    data = json.loads(record(link()).model_dump_json())
    path.write_text(json.dumps(data | spoil))
    with pytest.raises(
        ValueError, match=rf"^{path} is not a record of schema version {records.SCHEMA_VERSION}"
    ):
        records.read(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_half_a_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=str(path)):
        records.read(path)


def test_every_part_of_a_record_refuses_unknown_keys() -> None:
    for model in (
        records.Cell, records.Command, records.PathState, records.LinkRecord,
        records.TestbedRecord, records.ImpairmentRecord, records.VpnRecord, records.Record,
    ):  # fmt: skip
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            model.model_validate({"surprise": 1})


def test_a_half_true_record_is_not_written(tmp_path: Path) -> None:
    wrong = record(link())
    wrong.links[0].attempts = "many"  # type: ignore[assignment]
    path = tmp_path / "1.json"
    with pytest.raises(ValueError, match="attempts"), pytest.warns(UserWarning, match="serializ"):
        records.write(wrong, path)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.write_text("old")

    def write() -> None:
        with atomic(path) as temporary:
            temporary.write_text("ne")
            raise PowerError

    with pytest.raises(PowerError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_failure_at_the_end_of_writing_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "1.json"
    records.write(record(), path)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    owner: Any = os if name == "fsync" else Path
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(OSError, match="No space left"):
        records.write(record(link()), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_end_nobody_sees_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "1.json"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_secret_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "nebula.json"
    write_private(path, b"one")
    path.chmod(0o644)
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_all_folders_that_are_made_for_a_secret_are_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secrets" / "trial" / "nebula.json"
    write_private(path, b"one")
    folders = list(path.parents)[:3]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3


def test_a_secret_does_not_follow_a_link(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "key"
    target.write_text("untouched")
    path.symlink_to(target)
    write_private(path, b"secret")
    assert target.read_text() == "untouched"
    assert not path.is_symlink()


def test_the_status_of_several_links_is_their_worst() -> None:
    order = [Status.FAILED, Status.TIMEOUT, Status.TOOL_FAILED, Status.UNSUPPORTED, Status.OK]
    for index, status in enumerate(order):
        assert records.worst(order[index:]) is status
        assert records.worst({"a": Status.OK, "b": status}) is status
    assert records.worst([]) is Status.OK


@given(st.lists(st.sampled_from(Status)))
def test_several_links_are_ok_only_if_all_are(statuses: list[Status]) -> None:
    worst = records.worst(statuses)
    assert (worst is Status.OK) == all(status is Status.OK for status in statuses)
    assert worst in {*statuses, Status.OK}


def test_times_are_utc(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    records.write(record(), path)
    assert json.loads(path.read_text())["started"] == "2026-01-01T00:00:00Z"
    offset = records.now().utcoffset()
    assert offset is not None
    assert not offset
