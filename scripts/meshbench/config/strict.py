"""The base of every model that a person fills in."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from meshbench.util.hints import close_matches


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
