"""Options with a switch to the parameters that the thesis measured with."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import StrictBool, model_validator
from pydantic_core import PydanticCustomError

from meshbench.config.strict import Strict


class ThesisOptions(Strict):
    """`thesis: true` sets what `of_the_thesis` names, none of which may be said otherwise beside it."""

    of_the_thesis: ClassVar[Mapping[str, Any]]
    """By option, the value as the model holds it."""

    thesis: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("thesis") is True:
            return {**cls.of_the_thesis, **data}
        return data

    @model_validator(mode="after")
    def _unchanged(self) -> "ThesisOptions":
        if self.thesis:
            for key, value in self.of_the_thesis.items():
                if getattr(self, key) != value:
                    raise PydanticCustomError(
                        "beside_thesis",
                        "thesis: true sets {key} as the thesis did; leave out {key}, or thesis",
                        {"key": key},
                    )
        return self
