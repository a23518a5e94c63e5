"""The jobs that keep a testbed or a compiler busy, with the options in their drivers' own models.

A cell's settings hold what its numbers depend on and nothing else: changing any of it, and only
that, makes it another record.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)

from meshbench import benchmarks, vpns
from meshbench.config.jobs import Settings, Site, Where
from meshbench.config.models import System, Tuning
from meshbench.config.profile import Profile
from meshbench.config.strict import Strict
from meshbench.results.records import Cell


def _typed(system: Any) -> Any:
    if not isinstance(system, Mapping):
        return system
    return {**system, "options": vpns.options(system["driver"]).model_validate(system["options"])}


TypedSystem = Annotated[System, BeforeValidator(_typed)]


class PackageJob(Settings):
    """One system's programs, on the controller."""

    campaign: str
    name: str
    system: TypedSystem
    packages: tuple[str, ...]


class ProgramJob(Settings):
    """The programs that one benchmark brings along, on the controller."""

    campaign: str
    kind: str
    programs: tuple[str, ...]


class DeployJob(Settings):
    """One system on all hosts."""

    campaign: str
    """Whose keys it gets."""
    site: Site
    name: str
    system: TypedSystem
    method: int
    packages: tuple[str, ...] = ()
    install: bool = False


class MeasureJob(Settings):
    """One cell."""

    where: Where
    cell: Cell
    system: TypedSystem
    profile: Profile
    tuning: Tuning
    kind: str
    """The benchmark's own name; the cell has the campaign's."""
    options: SerializeAsAny[Strict]
    vpn_method: int
    benchmark_method: int
    packages: tuple[str, ...] = ()
    """Digests of what its programs come from, if not from Debian."""
    programs: Annotated[tuple[str, ...], Field(exclude_if=lambda digests: not digests)] = ()
    """The same of the benchmark's programs; where it has none, nothing is said of them."""

    @model_validator(mode="before")
    @classmethod
    def _placed(cls, values: Any) -> Any:
        # The text of a cell does not say its placement, which is that of the hosts.
        if isinstance(values, Mapping) and isinstance(values.get("cell"), Mapping):
            return {**values, "cell": {**values["cell"], "placement": values["where"]["placement"]}}
        return values

    @field_validator("options", mode="before")
    @classmethod
    def _typed_options(cls, options: Any, info: ValidationInfo) -> Any:
        if not isinstance(options, Mapping):
            return options
        return benchmarks.options(info.data["kind"]).model_validate(options)
