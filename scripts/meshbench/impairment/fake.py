"""The engine of a fake testbed: remembers what it was told and says it back."""

from collections.abc import Mapping
from typing import Any

from meshbench.impairment.engine import Plan


class FakeEngine:
    """Impairs nothing; its readings equal the plan, so that verification is exercised."""

    name = "fake"

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        parameters = {**plan.profile.model_dump(), "limit": plan.limit}
        self._found = {host: {"parameters": parameters, "tail_drops": 0} for host in plan.seeds}
        return {}

    async def read(self) -> dict[str, dict[str, Any]]:
        return dict(self._found)

    async def clear(self) -> None:
        self._found = {}
