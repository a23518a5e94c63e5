"""Waiting ends when it holds, or when the limit is over, and looks once at least."""

import asyncio

from meshbench.testbed.waiting import until


def looked(answers: list[bool], limit_s: float) -> tuple[bool, int]:
    left = iter(answers)
    seen = 0

    async def holds() -> bool:
        nonlocal seen
        seen += 1
        return next(left, False)

    return asyncio.run(until(holds, limit_s)), seen


def test_ends_as_soon_as_it_holds() -> None:
    assert looked([False, False, True, True], 60) == (True, 3)


def test_looks_once_even_without_time() -> None:
    assert looked([True], -1) == (True, 1)
    assert looked([False, True], -1) == (False, 1)
