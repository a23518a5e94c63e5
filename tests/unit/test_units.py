"""Unit files: whatever a word contains, systemd gives the program exactly that word."""

import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.vpns.common.units import UNIT_FOLDER, Service, command_line, unit_file, unit_name

NASTY = ["a b", "$HOME", "${HOME}", "$$", "%n", "%%", '"', "'", "\\", "\\n", ";", "a\nb", "", "\t",
         "a\rb", "\\$%\"'", "é", "-x", "@", "#", "a=b"]  # fmt: skip
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


def understood(line: str) -> list[str]:
    """A command line as systemd.syntax(7), systemd.service(5) and systemd.unit(5) read it."""
    assert not set(line) & set("\n\r\x00"), "the line would end here"
    words: list[str] = []
    at = 0
    while at < len(line):
        assert line[at] == '"', "every word is quoted, so nothing is a separator or a prefix"
        word, at = _quoted(line, at + 1)
        words.append(_expanded(word))
        assert line[at : at + 1] in {"", " "}
        at += 1
    return words


def _quoted(line: str, at: int) -> tuple[str, int]:
    word = ""
    while line[at] != '"':
        if line[at] == "\\":
            escapes = {"\\": "\\", '"': '"', "n": "\n", "r": "\r"}
            word += escapes[line[at + 1]]
            at += 2
        else:
            word += line[at]
            at += 1
    return word, at + 1


def _expanded(word: str) -> str:
    # Specifiers first, then variables; a lone % or $ would be expanded.
    for sign in "%$":
        assert sign not in word.replace(sign * 2, "")
        word = word.replace(sign * 2, sign)
    return word


@given(st.lists(WORDS, min_size=1))
def test_no_word_is_split_expanded_or_a_specifier(argv: list[str]) -> None:
    assert understood(command_line(argv)) == argv


@pytest.mark.parametrize("word", NASTY)
def test_nasty_words_stay_what_they_are(word: str) -> None:
    assert understood(command_line(["program", word, "end"])) == ["program", word, "end"]


def lines_of(service: Service, system: str = "nebula") -> list[str]:
    file = unit_file(system, service)
    assert file.path == UNIT_FOLDER / f"meshbench-vpn-{system}.service"
    return re.split("[\n\r]", file.content.decode())


def test_no_word_adds_a_line_to_the_unit() -> None:
    evil = "x\nExecStartPre=/bin/rm -rf /\r[Service]"
    plain = Service(["p"], [["a"]], ["s"], environment={"K": "v"})
    service = Service(["p", evil], [["a", evil]], ["s", evil], environment={"K": evil})
    assert len(lines_of(service)) == len(lines_of(plain))
    assert not any(line.startswith("ExecStartPre") for line in lines_of(service))


def test_a_daemon_runs_in_the_slice_and_stays_dead_when_it_dies() -> None:
    lines = lines_of(Service(["nebula", "-config", "/c.yml"]))
    assert "Slice=meshbench.slice" in lines
    assert 'ExecStart="nebula" "-config" "/c.yml"' in lines
    assert not any(line.startswith("Restart=") for line in lines)


def test_a_service_that_only_sets_up_stays_active() -> None:
    service = Service(
        ["ip", "link", "add"], [["wg", "a"], ["ip", "b"]], ["ip", "link", "del"], kind="oneshot",
        environment_file=PurePosixPath("/e"), properties={"LimitNOFILE": "9"},
    )  # fmt: skip
    lines = lines_of(service)
    assert {"Type=oneshot", "RemainAfterExit=yes", "EnvironmentFile=/e", "LimitNOFILE=9"} <= set(
        lines
    )
    assert [line for line in lines if line.startswith("ExecStartPost")] == [
        'ExecStartPost="wg" "a"',
        'ExecStartPost="ip" "b"',
    ]
    assert 'ExecStop="ip" "link" "del"' in lines


def test_the_unit_s_name_is_the_system_s() -> None:
    assert unit_name("nebula-chacha") == "meshbench-vpn-nebula-chacha.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    service = Service(["/bin/true", *NASTY], environment={"K": "a $b %c \"d\" 'e' \\f"})
    path = tmp_path / "meshbench-vpn-x.service"
    path.write_bytes(unit_file("x", service).content)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if str(path) in line] == []
