"""Data held against a model: every fault with its file, line and key."""

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from meshbench.config.packages import SOURCES
from meshbench.config.sources import Source, locate
from meshbench.util.errors import ConfigError, Problem


def check(
    model: Any, data: Mapping[str, Any], sources: list[Source], below: tuple[str, ...] = ()
) -> Any:
    """Validate data against a model or annotated type, and say file, line and key of each fault.

    An unknown key hides no other fault: it is reported, and the rest is looked at without it.
    `below` is where the data stands in its file.
    """
    found: list[Problem] = []
    while True:
        try:
            value = TypeAdapter(model).validate_python(data)
        except ValidationError as error:
            found += problems(error, sources, below)
            rest = _without_unknown_keys(data, error)
            if rest == data:
                raise ConfigError(list(dict.fromkeys(found))) from None
            data = rest
        else:
            if found:
                raise ConfigError(found)
            return value


def _without_unknown_keys(data: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    rest: dict[str, Any] = copy.deepcopy(dict(data))
    for detail in error.errors():
        if detail["type"] == "unknown_key":
            holder: Any = rest
            for part in _place(detail):
                holder = holder[part]
            unknown = detail["ctx"]["key"]
            for key in [key for key in holder if str(key) == unknown]:
                del holder[key]
    return rest


def problems(
    error: ValidationError, sources: list[Source], below: tuple[str, ...] = ()
) -> list[Problem]:
    """What a validation found, with file, line and key; `below` is where the data stands."""
    found = [_problem(detail, sources, below) for detail in _causes(error.errors())]
    return list(dict.fromkeys(found))


def _causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    # A list that is too short only because its items were refused is not a fault of its own.
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(
            len(at) > len(detail["loc"]) and at[: len(detail["loc"])] == detail["loc"]
            for at in places
        )
    ]


def _problem(detail: ErrorDetails, sources: list[Source], below: tuple[str, ...]) -> Problem:
    context = detail.get("ctx", {})
    at = (*below, *_place(detail))
    if "key" in context:
        at = (*at, context["key"])
    file, line = locate(sources, at)
    return Problem(file, ".".join(str(part) for part in at), _message(detail), line)


def _place(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Where it stands in the file; pydantic also names the kind of testbed or package it took."""
    parts = detail["loc"]
    return tuple(
        part
        for before, part in zip(("", *parts), parts, strict=False)
        if not (before == "" and part in {"lab", "ssh", "fake"})
        and not (before == "package" and part in SOURCES)
    )


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "string_pattern_mismatch":
        pattern = detail.get("ctx", {}).get("pattern")
        return f"{detail['input']!r} is not allowed here (must match {pattern})"
    if detail["type"] == "missing":
        return "this key is required"
    if detail["type"] in {
        "unknown_key",
        "duplicate",
        "reorder_without_delay",
        "origin",
        "programs",
        "reserved",
    }:
        return detail["msg"]
    return f"{detail['msg']} (it says {detail['input']!r})"
