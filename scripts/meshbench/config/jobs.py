"""What every job on a testbed needs to know, as plain data that Snakemake compares."""

import hashlib
import json
from typing import Self

from meshbench.config.strict import Strict
from meshbench.config.testbeds import Testbed, host_names


class Site(Strict):
    """A testbed; `engine` and `placement` say how it impairs, where anything is to be impaired."""

    testbed: str
    hosts: Testbed
    engine: str = "auto"
    placement: str = "ingress"

    @property
    def host_names(self) -> tuple[str, ...]:
        return host_names(self.hosts)


class Where(Site):
    """A campaign's testbed and the links on it."""

    campaign: str
    links: tuple[tuple[str, str], ...]
    seed: int


class Settings(Strict):
    """What travels as one line of JSON in a rule's params."""

    def text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Self:
        return cls.model_validate_json(text)


def key(text: str) -> str:
    """What tells records of one cell apart that were made by different settings."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
