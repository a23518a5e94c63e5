"""The engine of a fake testbed: remembers what it was told and says it back."""

from collections.abc import Mapping
from typing import Any

from meshbench.impairment.engine import Plan, asked


class FakeEngine:
    """Impairs nothing; its readings equal the plan, so that verification is exercised."""

    name = "fake"

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        self._found = {
            name: {"parameters": asked(plan.of(name), plan.limit), "tail_drops": 0}
            for name in plan.seeds
        }
        return {}

    async def read(self) -> dict[str, dict[str, Any]]:
        return dict(self._found)

    async def clear(self) -> None:
        self._found = {}
