"""What a value must be, in a user's words: pydantic's are about Python."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic_core import ErrorDetails, core_schema

_PYDANTICS = {*get_args(core_schema.ErrorType), "path_type"}
_CONTAINERS = (Mapping, list, tuple)
_SHOWN = 60
_UNPRINTED = "…"

_WANTED: dict[str, str] = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "text",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} characters long",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "tuple_type": "a list, such as [a, b]",
    "list_type": "a list, such as [a, b]",
    "dict_type": "a mapping of keys to values, such as {{key: value}}",
    "mapping_type": "a mapping of keys to values, such as {{key: value}}",
    "model_type": "a mapping of keys to values, such as {{key: value}}",
    "model_attributes_type": "a mapping of keys to values, such as {{key: value}}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "path_type": "the path of a file",
    "none_required": "empty",
    "too_short": "of at least {min_length} entries",
    "too_long": "of at most {max_length} entries",
    "recursion_loop": "something that does not contain itself",
}
"""By pydantic's type of error; the fields are those of its context."""

SHAPES = {
    r"^[a-z0-9]+([._-]?[a-z0-9]+)*(@[A-Za-z0-9]+([._-]?[A-Za-z0-9]+)*)?$": (
        "small letters and digits, with single . _ - between them, and after an @ also capitals"
    ),
    r"^[a-z][a-z0-9-]*$": "a small letter, then small letters, digits and -",
    r"^[a-z][a-z0-9-]*->[a-z][a-z0-9-]*$": "two hosts with an arrow between, such as lom->yuki",
    r"^net\.[a-z0-9_.]+$": "a kernel setting below net., such as net.ipv4.tcp_sack",
    r"^(https?|file)://\S+$": "an address that begins with https://, http:// or file://",
    r"^[A-Za-z0-9_.-]{1,15}$": "an interface's name of at most 15 letters, digits and _ . -",
    r"^[A-Za-z0-9][A-Za-z0-9._+-]*$": "a program's name: letters, digits and . _ + -",
    r"^[a-z0-9][a-z0-9.+-]+$": "a Debian package's name: small letters, digits and . + -",
    r"^[a-z0-9]+$": "an architecture as Debian calls it, such as amd64",
    r"^[^\s-]\S*$": "a word without spaces that does not begin with -",
    r"^[A-Za-z0-9][A-Za-z0-9.+~_-]*$": "a version: letters, digits and . + ~ _ -",
    r"^[0-9a-f]{64}$": "a SHA-256 checksum: 64 digits of 0-9 and a-f",
    r"^[A-Za-z0-9-]+$": "a cipher's name: letters, digits and -",
    r"^[1-9]\d{0,3}(\.\d{1,3})?[KMG]$": "a rate in bits per second, such as 500K, 10M or 1.5G",
    r"^/nix/store/[0-9a-z]{32}-[^/\s]+$": "a store path: /nix/store/, its hash, - and its name",
    r"^(aes|chachapoly)$": "'aes' or 'chachapoly'",
    r"^[A-Z][A-Z0-9_]*$": "an environment variable's name: capitals, digits and _",
}
"""What the models' patterns allow."""


def stands_alone(detail: ErrorDetails) -> bool:
    """Whether a fault is one whatever else the value might be: a check of our own, a key."""
    return (
        detail["type"] not in _PYDANTICS
        or detail["type"] == "missing"
        or detail["loc"][-1:] == ("[key]",)
    )


def message(
    detail: ErrorDetails, want: str | None = None, quoted: tuple[str, str] | None = None
) -> str:
    """What is wrong with one value and what to write.

    `want` is what it must be, if not what the fault itself says; `quoted` is how a text stands
    there without quotes, and what to write instead.
    """
    value = detail["input"]
    match detail["type"]:
        case "missing" | "union_tag_not_found":
            return "this key is required"
        case "union_tag_invalid":
            return f"must be {wanted(detail)} (it says {shown(detail['ctx']['tag'])})"
        case "string_type" if want in {None, "text"} and not isinstance(value, _CONTAINERS):
            text, advice = quoted or (None, "put it in quotes")
            read = f"{text} is read as {_kind(value)}" if text else f"this is {_kind(value)}"
            return f"{read}, not as text: {advice}"
        case "string_pattern_mismatch":
            return f"{shown(value)} is not allowed here: it must be {want or wanted(detail)}"
        case kind if kind not in _PYDANTICS:
            return detail["msg"]
    return f"must be {want or wanted(detail)} (it says {shown(value)})"


def wanted(detail: ErrorDetails) -> str:
    """What the value must be, to stand after “must be”."""
    context: Mapping[str, Any] = detail.get("ctx", {})
    if detail["type"] == "string_pattern_mismatch":
        return SHAPES.get(context["pattern"], f"text of the form {context['pattern']}")
    # Limits of decimal numbers are floats: at least 0, not 0.0.
    plain = {key: f"{v:g}" if isinstance(v, float) else v for key, v in context.items()}
    return _WANTED.get(detail["type"], "something else").format(**plain)


def shown(value: object) -> str:
    """A value as a message quotes it: short, whatever it holds."""
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)} keys" if value else "{}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "[]"
    words = _YAML.get(type(value), repr)(value)
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}{_UNPRINTED}"


_YAML: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: str(value).lower(),
    type(None): lambda _: "nothing",
}


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return f"the value {shown(value)}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "nothing" if value is None else f"the date {value}"
