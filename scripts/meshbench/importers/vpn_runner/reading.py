"""Looking into JSON that may say anything: a value of the asked type, or None."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_SECONDS = 1e8
"""Three years: no test of the runner's takes longer."""
MAX_BYTES = 64 * 1024 * 1024
"""Larger files are set aside: the runner's largest is 0.5 MB."""


class UnreadableError(ValueError):
    """A file that cannot be used; the text says why and goes into the import report."""


def parse(content: bytes) -> Any:
    """JSON (UTF-8, with or without a byte order mark) as Python values; NaN and infinities as None.

    Raises:
        UnreadableError: not UTF-8, not JSON, too large, or nested too deeply.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"{len(content)} bytes; the limit is {MAX_BYTES}")
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=lambda _: None)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"not JSON: {str(error)[:200]}") from None


def at(node: Any, *path: str) -> Any:
    """What stands at a path of keys, or None."""
    for key in path:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def number(node: Any, *path: str) -> float | None:
    """A finite number at a path, or None."""
    value = node
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    # Not isinstance: a bool is an int, and this is the importer's innermost loop.
    if type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            return None
    return value if type(value) is float and math.isfinite(value) else None


def seconds(node: Any, *path: str) -> float | None:
    """A time at a path that a clock can have measured, or None."""
    value = number(node, *path)
    return value if value is not None and 0 <= value <= MAX_SECONDS else None


def count(node: Any, *path: str, least: int = 0) -> int | None:
    """A whole number of at least `least` that fits 32 bits, or None."""
    value = number(node, *path)
    if value is None or value != int(value) or not least <= value < 2**31:
        return None
    return int(value)


def text(node: Any, *path: str) -> str | None:
    """A string that is not empty and can be written as UTF-8, or None."""
    value = at(node, *path) if path else node
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-8", "replace").decode("utf-8")


def items(node: Any, *path: str) -> list[Any]:
    """The list at a path; empty when there is none."""
    value = at(node, *path) if path else node
    return value if isinstance(value, list) else []


def mapping(node: Any, *path: str) -> dict[str, Any]:
    """The object at a path; empty when there is none."""
    value = at(node, *path) if path else node
    return value if isinstance(value, dict) else {}


def from_epoch(seconds: float | None) -> datetime | None:
    """A time in UTC from seconds since 1970, or None when there is none or it is no date."""
    if seconds is None or not 0 < seconds < 2**33:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def from_iso(value: str | None) -> datetime | None:
    """A time in UTC from ISO 8601 text; a time without a zone is taken as UTC."""
    try:
        time = datetime.fromisoformat(value or "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def duration_s(value: str | None) -> float | None:
    """Seconds from Python's ``str(timedelta)``: ``[D day[s], ]H:MM:SS[.ffffff]``."""
    if not value:
        return None
    days, _, clock = value.rpartition(", ")
    parts = clock.split(":")
    try:
        whole = int(days.split()[0]) if days else 0
        hours, minutes, seconds = int(parts[0]), int(parts[1]), float(parts[2])
        return timedelta(days=whole, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    except (ValueError, IndexError, OverflowError):
        return None


def first(values: Iterable[Any]) -> Any:
    """The first value that is not None."""
    return next((value for value in values if value is not None), None)


def keys(node: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The items of an object whose keys are text that can be written."""
    return ((key, value) for key, value in node.items() if text(key))
