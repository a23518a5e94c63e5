"""Nested settings by the places of their leaves."""

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(settings: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """The values that are no mappings, each with its keys joined by dots behind `place`."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value
