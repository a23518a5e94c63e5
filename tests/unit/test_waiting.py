"""Waiting ends when it holds, or when the limit is over, and looks once at least."""

import asyncio
from collections.abc import Sequence

import pytest

from meshbench.testbed.waiting import listening
from meshbench.util.waiting import persist, until
from tests.unit import making


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


def attempted(outcomes: list[Exception | None], limit_s: float) -> tuple[Exception | None, int]:
    left = iter(outcomes)
    seen = 0

    async def attempt() -> None:
        nonlocal seen
        seen += 1
        if error := next(left):
            raise error

    return asyncio.run(persist(attempt, limit_s, OSError, ValueError)), seen


def test_persisting_ends_with_a_success() -> None:
    assert attempted([OSError("a"), ValueError("b"), None, None], 60) == (None, 3)


def test_persisting_returns_the_last_error_when_the_limit_is_over() -> None:
    error, seen = attempted([OSError("a"), None], -1)
    assert (str(error), seen) == ("a", 1)


def test_persisting_does_not_hide_other_errors() -> None:
    with pytest.raises(KeyError):
        attempted([KeyError("c"), None], 60)


@pytest.mark.parametrize(
    ("looks", "active", "listens", "asked"),
    [
        (["", "", "UNCONN"], [0, 0], True, 3),
        (["UNCONN"], [], True, 1),
        (["", "", "UNCONN"], [0, 3], False, 2),
    ],
)
def test_a_service_that_has_ended_is_not_waited_for(
    looks: list[str], active: list[int], listens: bool, asked: int
) -> None:
    sockets, states = iter(looks), iter(active)

    def answer(argv: Sequence[str]) -> str | tuple[int, str, str]:
        if argv[0] == "ss":
            return next(sockets)
        assert list(argv) == ["systemctl", "is-active", "--quiet", "--", "meshbench-it"]
        return next(states), "", ""

    host = making.ScriptedHost(answer=answer)
    actual = asyncio.run(listening(host, 5201, 60, "u", "meshbench-it"))
    assert actual is listens
    assert sum(argv[0] == "ss" for argv in host.asked) == asked
