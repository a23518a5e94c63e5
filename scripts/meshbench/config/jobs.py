"""What one job of the workflow needs to know, as plain data that Snakemake compares.

A cell's settings hold what its numbers depend on and nothing else: changing any of it, and only
that, makes Snakemake measure the cell again.
"""

import json
from typing import Any, Self

from pydantic import SerializerFunctionWrapHandler, model_serializer

from meshbench.config.models import Profile, System, Testbed, Tuning, host_names
from meshbench.config.strict import Strict
from meshbench.results.records import Cell


class Where(Strict):
    """The testbed, the links on it and how impairment is placed."""

    campaign: str
    testbed: str
    hosts: Testbed
    links: tuple[tuple[str, str], ...]
    placement: str
    engine: str
    seed: int

    @property
    def host_names(self) -> tuple[str, ...]:
        return host_names(self.hosts)


class Settings(Strict):
    """What travels as one line of JSON in a rule's params."""

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What comes from Debian reads as ever, or every cell measured before would be stale.
        said: dict[str, Any] = handler(self)
        return {key: said[key] for key in said if key not in {"packages", "install"} or said[key]}

    def text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Self:
        return cls.model_validate_json(text)


class PackageJob(Settings):
    """One system's programs, on the controller."""

    campaign: str
    name: str
    system: System
    packages: tuple[str, ...]


class Job(Settings):
    """What happens on a testbed."""

    where: Where


class DeployJob(Job):
    """One system on all hosts."""

    name: str
    system: System
    method: int
    packages: tuple[str, ...] = ()
    install: bool = False


class MeasureJob(Job):
    """One cell."""

    cell: Cell
    system: System
    profile: Profile
    tuning: Tuning
    options: dict[str, Any]
    vpn_method: int
    benchmark_method: int
    packages: tuple[str, ...] = ()
    """Digests of what its programs come from, if not from Debian; not where that is, which makes no
    cell stale.
    """
