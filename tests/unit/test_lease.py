"""The lease: what its block raises is passed on; losing it ends the block, and is our trouble."""

import asyncio
from typing import Any

import asyncssh
import pytest

from meshbench.testbed.lease import lease
from meshbench.util.errors import TestbedError, VpnError
from meshbench.util.waiting import until


class Holder:
    """What holds the lease on the host; it answers as told, and ends when it is told to."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.stdin = self.stdout = self
        self.ended = asyncio.Event()
        self.closed = False
        self.written: list[str] = []

    def write(self, text: str) -> None:
        if self.ended.is_set():
            raise BrokenPipeError(text)
        self.written.append(text)

    def write_eof(self) -> None:
        self.write("")

    async def readline(self) -> str:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def wait_closed(self) -> None:
        await self.ended.wait()

    def close(self) -> None:
        self.closed = True


class Leased:
    """The testbed's first host, with its one SSH connection; what each holder of it answers."""

    name = "lom"

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers or ["held \n"])
        self.holders: list[Holder] = []
        self.away = 0

    async def connect(self) -> "Leased":
        if self.holders and self.away:
            self.away -= 1
            raise TestbedError("lom: no SSH")
        return self

    async def create_process(self, _: str) -> Holder:
        answer = self.answers.pop(0)
        if answer == "ours":
            answer = f"held {self.holders[0].written[0]}"
        self.holders.append(Holder(answer))
        return self.holders[-1]

    async def run(self, *_: Any, **__: Any) -> Any:
        return type("Said", (), {"stdout": "somebody's purpose\n"})


@pytest.mark.parametrize(
    "foreign",
    [
        TimeoutError("the work's own"),
        asyncssh.ConnectionLost("of another host"),
        VpnError("no keys"),
        KeyError("a fault of ours"),
    ],
)
def test_what_the_block_raises_is_passed_on_as_it_is(foreign: Exception) -> None:
    async def work() -> None:
        host: Any = Leased()
        try:
            async with lease(host, "test"):
                raise foreign
        finally:
            assert all(holder.closed for holder in host.holders)

    with pytest.raises(type(foreign)) as error:
        asyncio.run(work())
    assert error.value is foreign


def test_a_limit_of_the_work_inside_is_its_own() -> None:
    async def work() -> None:
        host: Any = Leased()
        async with lease(host, "test"):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(work())


@pytest.mark.parametrize(
    "answer",
    ['held {"pid": 1, "purpose": "another"}\n', ""],
    ids=["somebody had it meanwhile", "somebody has it"],
)
def test_a_lost_lease_ends_the_block_at_once(answer: str) -> None:
    went_on = []

    async def work() -> None:
        host: Any = Leased("held \n", answer)
        async with lease(host, "test"):
            host.holders[0].ended.set()
            await asyncio.wait_for(asyncio.Event().wait(), 5)
            went_on.append(True)

    with pytest.raises(TestbedError, match=r"^lom: the lease was lost on the way$"):
        asyncio.run(work())
    assert went_on == []


def test_a_host_that_does_not_come_back_loses_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshbench.testbed.lease.RENEW_LIMIT_S", 0.1)

    async def work() -> None:
        host: Any = Leased()
        host.away = 1000
        async with lease(host, "test"):
            host.holders[0].ended.set()
            await asyncio.wait_for(asyncio.Event().wait(), 5)

    with pytest.raises(TestbedError, match=r"^lom: the lease was lost on the way$"):
        asyncio.run(work())


@pytest.mark.parametrize("answer", ["held \n", "ours"], ids=["rebooted", "connection broke"])
def test_a_lease_that_nobody_had_meanwhile_is_taken_again(answer: str) -> None:
    async def work() -> None:
        host: Any = Leased("held \n", answer)
        host.away = 2
        async with lease(host, "test"):
            host.holders[0].ended.set()

            async def again() -> bool:
                return len(host.holders) > 1 and bool(host.holders[1].written)

            assert await until(again, 5)
            await asyncio.sleep(0.05)
        assert host.holders[1].closed

    asyncio.run(work())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("", "^the testbed is in use by somebody's purpose; waited 5 s$"),
        (asyncssh.ConnectionLost("gone"), "^lom: no lease: gone$"),
        (TimeoutError(), "^lom: no lease: no answer$"),
    ],
)
def test_a_lease_that_cannot_be_had_is_our_trouble(answer: str | Exception, text: str) -> None:
    async def work() -> None:
        host: Any = Leased(answer)
        try:
            async with lease(host, "test", wait_s=5):
                pytest.fail("it is held")
        finally:
            assert all(holder.closed for holder in host.holders)

    with pytest.raises(TestbedError, match=text):
        asyncio.run(work())
