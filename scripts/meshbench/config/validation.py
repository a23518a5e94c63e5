"""Data held against a model: every fault with its file, line and key."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from meshbench.config import wording
from meshbench.config.sources import COMMAND_LINE, Place, Source, locate
from meshbench.util.errors import ConfigError, Problem

_NOTHING = object()


def check(
    model: Any, data: Mapping[str, Any], sources: list[Source], below: tuple[str, ...] = ()
) -> Any:
    """Validate data against a model or annotated type, and say file, line and key of each fault.

    An unknown key hides no other fault: it is reported, and the rest is looked at without it.
    `below` is where the data stands in its file.
    """
    faults: list[Problem] = []
    while True:
        try:
            value = TypeAdapter(model).validate_python(data)
        except ValidationError as error:
            faults += problems(error, data, sources, below)
            rest = _without_unknown_keys(data, error)
            if rest == data:
                raise ConfigError(list(dict.fromkeys(faults))) from None
            data = rest
        else:
            if faults:
                raise ConfigError(faults)
            return value


def _without_unknown_keys(data: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    rest: dict[str, Any] = copy.deepcopy(dict(data))
    for detail in error.errors():
        if detail["type"] == "unknown_key":
            holder: Any = rest
            for part in _place(detail, data):
                holder = holder[part]
            unknown = detail["ctx"]["key"]
            for key in [key for key in holder if str(key) == unknown]:
                del holder[key]
    return rest


def problems(
    error: ValidationError, data: Any, sources: list[Source], below: tuple[str, ...] = ()
) -> list[Problem]:
    """What a validation of `data` found, with file, line and key; `below` is where it stands."""
    by_place: dict[Place, list[ErrorDetails]] = {}
    for detail in _causes(error.errors()):
        by_place.setdefault(_place(detail, data), []).append(detail)
    faults = [
        _problem((*below, *place), detail, words, sources)
        for place, details in by_place.items()
        for detail, words in _said(details, any(_is_below(place, other) for other in by_place))
    ]
    return list(dict.fromkeys(faults))


def _causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    # A list that is too short only because its items were refused is not a fault of its own.
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(_is_below(detail["loc"], other["loc"]) for other in details)
    ]


def _is_below(place: Place, other: Place) -> bool:
    return len(other) > len(place) and other[: len(place)] == place


def _place(detail: ErrorDetails, data: Any) -> Place:
    """Where it stands in the data: pydantic also names the alternative that it tried there."""
    place: list[int | str] = []
    for part in detail["loc"]:
        inside = _inside(data, part)
        if inside is not _NOTHING:
            data = inside
            place.append(part)
    if detail["type"] == "missing":
        place.append(detail["loc"][-1])
    return tuple(place)


def _inside(data: Any, part: int | str) -> Any:
    if isinstance(data, Mapping):
        return data.get(part, _NOTHING)
    if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
        return data[part]
    return _NOTHING


def _said(details: list[ErrorDetails], more_below: bool) -> list[tuple[ErrorDetails, str | None]]:
    """Of the faults of one place, those to tell, with what the value must be.

    A value that may be of several kinds has a fault for each. They are one; and none, if what is
    said of its content shows which kind was meant.
    """
    alone = [detail for detail in details if wording.stands_alone(detail)]
    kinds = [detail for detail in details if not wording.stands_alone(detail)]
    if alone or more_below:
        return [(detail, None) for detail in alone]
    return [(kinds[0], " or ".join(dict.fromkeys(map(wording.wanted, kinds))))]


def _problem(
    place: Place, detail: ErrorDetails, wanted: str | None, sources: list[Source]
) -> Problem:
    context = detail.get("ctx", {})
    if key := context.get("key", str(context.get("discriminator", "")).strip("'")):
        place = (*place, *context.get("below", ()), key)
    file, line = locate(sources, place)
    words = wording.message(detail, wanted, _quoted(place, sources))
    return Problem(file, ".".join(str(part) for part in place), words, line)


def _quoted(place: Place, sources: list[Source]) -> tuple[str, str] | None:
    """How a value stands without quotes, and how to write it with them."""
    source = next((source for source in reversed(sources) if place in source.lines), None)
    text = source.texts.get(place) if source else None
    if source is None or text is None:
        return None
    quoted = json.dumps(text, ensure_ascii=False)
    if str(source.path) == COMMAND_LINE:
        # Snakemake takes quotes away, whatever the shell left of them.
        return text, (
            f"write {COMMAND_LINE} '{place[-1]}=!!str {text}', or in a file {place[-1]}: {quoted}"
        )
    return text, f"write {place[-1]}: {quoted}" if isinstance(place[-1], str) else f"write {quoted}"
