"""What other programs wrote: read as far as it can be, and quoted where it cannot."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

UNREADABLE = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What reading raises when a text is not of the kind that was expected."""
_QUOTED = 200

Pairs = Callable[[list[tuple[str, Any]]], Any]


class Told(BaseModel):
    """A part of another program's JSON: further keys are ignored, numbers are finite."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def document(text: str, pairs: Pairs | None = None) -> Any:
    """A JSON document. `pairs` makes an object of its keys and values, as in `json.loads`.

    NaN and infinities are null. Raises ValueError quoting the text where it is not JSON.
    """
    try:
        return _writable(_decoder(pairs).decode(text), text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({why(error)}): {quoted(text, _place(error))}") from None


def documents(text: str, pairs: Pairs | None = None) -> list[dict[str, Any]]:
    """The JSON objects that begin at the start of a line, whatever stands between them.

    Raises ValueError quoting the text where such an object is broken.
    """
    decoder, objects, place = _decoder(pairs), [], 0
    while (place := _next_object(text, place)) >= 0:
        try:
            read, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            around = quoted(text, _place(error, place))
            raise ValueError(f"not JSON ({why(error)}): {around}") from None
        objects.append(read)
    return [_writable(read, text) for read in objects]


def _decoder(pairs: Pairs | None) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs, parse_constant=lambda _: None)


def _writable(read: Any, text: str) -> Any:
    """The same, with a question mark for halves of characters: JSON can write them, UTF-8 cannot."""
    if "\\ud" not in text.lower():
        return read
    return json.loads(json.dumps(read, ensure_ascii=False).encode("utf-8", "replace"))


def _next_object(text: str, start: int) -> int:
    if start == 0 and text.startswith("{"):
        return 0
    line = text.find("\n{", max(0, start - 1))
    return line + 1 if line >= 0 else -1


def _place(error: Exception, otherwise: int = 0) -> int:
    return error.pos if isinstance(error, json.JSONDecodeError) else otherwise


def valid(model: type[M], items: Iterable[Any]) -> list[M]:
    """Those of the items that are of a kind. Raises ValueError where there are some and none is."""
    kept: list[M] = []
    errors: list[ValidationError] = []
    for item in items:
        try:
            kept.append(model.model_validate(item))
        except ValidationError as error:
            errors.append(error)
    if errors and not kept:
        raise ValueError(why(errors[0]))
    return kept


def why(error: Exception) -> str:
    """An error of reading in one line, naming the key where there is one."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        return f"{key}: {first['msg']}" if key else str(first["msg"])
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, LookupError):
        return f"there is no {error}"
    return " ".join(str(error).split()) or type(error).__name__


def quoted(text: str, place: int = 0) -> str:
    """One line of what stands in a text around a place, in quotation marks; 'nothing' if empty."""
    begin = max(0, place - _QUOTED // 2) if len(text) > _QUOTED else 0
    part = " ".join(text[begin : begin + _QUOTED].split())
    return f"'{part}'" if part else "nothing"
