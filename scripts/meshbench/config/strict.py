"""The base of every model that a person fills in."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from meshbench.util.hints import close_matches

Name = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]+([._-]?[a-z0-9]+)*(@[A-Za-z0-9]+([._-]?[A-Za-z0-9]+)*)?$",
        min_length=1,
        max_length=40,
    ),
]
"""Variants of one thing have its name, an '@' and what tells them apart: nebula@1.10, udp@100M."""


class Strict(BaseModel):
    """A model that refuses unknown keys and names the nearest valid one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise unknown_key(str(key), cls.model_fields)
        return data


def unknown_key(key: str, valid: Iterable[str]) -> PydanticCustomError:
    """An error for a key nobody knows, with the nearest valid name or the list of them."""
    hint = close_matches(key, valid, "valid keys")
    return PydanticCustomError("unknown_key", "unknown key; {hint}", {"hint": hint, "key": key})


def refuse_duplicates(names: Iterable[str], noun: str, key: str) -> None:
    """An error that names the first of some names that is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PydanticCustomError(
                "duplicate",
                "duplicate {what} '{name}'; each may appear once",
                {"what": noun, "name": name, "key": key},
            )
        seen.add(name)
