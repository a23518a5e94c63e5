"""A host is waited for as long as its boot makes progress; one that is stuck says at what."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from meshbench.testbed.lab import boot, watch
from meshbench.testbed.lab import lab as lab_module
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lab.layout import HostLayout
from meshbench.util.errors import TestbedError
from tests.lab.support import ends, eventually, leftovers, on_hosts

MakeLab = Callable[..., Lab]
STEPS = ("first", "second", "third")


def hold_up(host: HostLayout, step: str, after: str) -> None:
    """Sshd starts after a unit that ends when `release` says so."""
    units = host.root / "etc/systemd/system"
    (units / f"{step}.service").write_text(f"""[Unit]
Before=ssh.service
After={after}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=sh -c 'until [ -e /var/lib/{step} ]; do sleep 0.1; done'
""")
    wants = units / "ssh.service.wants"
    wants.mkdir(exist_ok=True)
    (wants / f"{step}.service").symlink_to(f"../{step}.service")


def release(host: HostLayout, step: str) -> None:
    (host.root / "var/lib" / step).touch()


async def seen(host: HostLayout, step: str, state: str) -> boot.Sight:
    """The host as soon as the step's unit is in a state."""
    sights: list[boot.Sight] = []

    async def there() -> bool:
        sights.append(await LOOK(host))
        return sights[-1].units.get(f"{step}.service", "").startswith(state)

    await eventually(there, f"{step} is {state}")
    return sights[-1]


LOOK = watch.look


@pytest.fixture
def held_up(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab of one host whose sshd waits for the steps; one look without progress is a stall."""
    seed = lab_module._seed

    def seed_steps(host: HostLayout) -> None:
        seed(host)
        for step, after in zip(STEPS, ("basic.target", *STEPS), strict=False):
            hold_up(host, step, after if "." in after else f"{after}.service")

    monkeypatch.setattr(lab_module, "_seed", seed_steps)
    monkeypatch.setattr(watch, "LOOK_S", 0.1)
    monkeypatch.setattr(watch, "STALL_S", 0.0)
    return make_lab("tests-boot", ("one",))


def test_a_boot_that_makes_progress_is_waited_for(
    held_up: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(STEPS)

    async def look(host: HostLayout) -> boot.Sight:
        step = next(left, None)
        if step is None:
            monkeypatch.setattr(watch, "STALL_S", 60.0)
            return await LOOK(host)
        await seen(host, step, "activating")
        release(host, step)
        return await seen(host, step, "active")

    monkeypatch.setattr(watch, "look", look)
    asyncio.run(held_up.up())
    assert next(left, None) is None, "it was looked at as often as it had steps"

    async def answers(hosts: list[Any]) -> None:
        assert await ends(hosts[0], "systemctl", "is-active", "-q", "third.service") == 0

    on_hosts(held_up, answers)


def test_a_stuck_boot_says_what_it_waits_for(held_up: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(host: HostLayout) -> boot.Sight:
        release(host, "first")
        return await seen(host, "second", "activating")

    monkeypatch.setattr(watch, "look", look)
    with pytest.raises(TestbedError) as stuck:
        asyncio.run(held_up.up())
    message = str(stuck.value)
    assert message.startswith("lab host one did not come up: nothing new of it for ")
    assert "in progress: second.service" in message
    assert "waiting: " in message
    assert "ssh.service" in message.partition("waiting: ")[2]
    assert "third.service" in message.partition("waiting: ")[2]
    assert "no SSH to root@" in message
    assert leftovers(held_up.layout.id) == []


def test_a_host_that_has_ended_is_not_waited_for(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails at once, with what its console said; nothing here has the time for a stall."""
    mine = make_lab("tests-boot", ("one",))
    seed = lab_module._seed

    def without_systemd(host: HostLayout) -> None:
        seed(host)
        for program in ("sbin/init", "usr/lib/systemd/systemd"):
            file = host.root / program
            file.unlink(missing_ok=True)
            file.write_text("#!/bin/sh\necho this host is broken; exit 1\n")
            file.chmod(0o755)

    monkeypatch.setattr(lab_module, "_seed", without_systemd)
    with pytest.raises(TestbedError, match="its systemd-nspawn has ended") as ended:
        asyncio.run(mine.up())
    assert "this host is broken" in str(ended.value)
    assert leftovers(mine.layout.id) == []
