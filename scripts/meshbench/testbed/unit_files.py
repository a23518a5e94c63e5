"""What systemd's unit files (systemd.syntax(7)) are to be written like, and where they lie."""

from collections.abc import Sequence
from pathlib import PurePosixPath

UNIT_FOLDER = PurePosixPath("/etc/systemd/system")
TARGET = "multi-user.target"
"""What a boot starts: a unit that it wants is started by every boot."""


def command_line(argv: Sequence[str]) -> str:
    """An argument list in a unit file's quoting: no word is split, expanded or a specifier."""
    return " ".join(f'"{escaped(word).replace("$", "$$")}"' for word in argv)


def escaped(word: str) -> str:
    """A word between double quotes."""
    # A carriage return ends a line of a unit file as a newline does.
    for sign, there in (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\r", r"\r"), ("%", "%%")):
        word = word.replace(sign, there)
    return word
