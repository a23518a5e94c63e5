"""How long a reboot may take grows with the host, and one that takes longer says what it is at."""

import asyncio
from collections.abc import Sequence

import pytest

from meshbench.faults import reboot as rebooting
from meshbench.util.errors import TestbedError
from tests.unit.making import ScriptedHost

SHOWN = (
    "FirmwareTimestampMonotonic={}\nUserspaceTimestampMonotonic={}\nFinishTimestampMonotonic={}\n"
)


@pytest.mark.parametrize(
    ("text", "took_s"),
    [
        (SHOWN.format(90_000_000, 12_000_000, 62_000_000), 140.0),
        (SHOWN.format(0, 864_000_000_000, 864_003_500_000), 3.5),
        (SHOWN.format(0, 5_000_000, 0), 0.0),
        ("", 0.0),
        ("FinishTimestampMonotonic=soon\ngarbage", 0.0),
    ],
)
def test_the_last_boot_is_what_systemd_says(text: str, took_s: float) -> None:
    assert rebooting.last_boot_s(text) == took_s


def reboot(boot: str, jobs: str, *states: int | None) -> str:
    """The error of a reboot; each look finds the mark (0), not (1), or no host at all (None)."""
    left = list(states)

    def answer(argv: Sequence[str]) -> str | tuple[int, str, str]:
        if argv[0] == "test":
            state = left.pop(0) if len(left) > 1 else left[0]
            if state is None:
                raise TestbedError("lom: no SSH to root@lom:22: refused")
            return state, "", ""
        return {"show": boot, "list-jobs": jobs}.get(argv[1], "")

    with pytest.raises(TestbedError) as error:
        asyncio.run(rebooting.reboot(ScriptedHost(answer=answer), limit_s=0))
    return str(error.value)


def test_a_host_that_cannot_go_down_says_why() -> None:
    error = reboot("", " 9 reboot.target start waiting\n10 db.service stop running\n", 0)
    assert error == (
        "lom has not come back within 0 s of its reboot: it still runs, and its systemd has the "
        "jobs 9 reboot.target start waiting; 10 db.service stop running"
    )


def test_a_host_that_ignores_it_has_no_jobs() -> None:
    assert reboot("", "", 0).endswith("it still runs, and its systemd has no jobs")


def test_a_host_that_is_gone_says_how_ssh_failed() -> None:
    assert reboot("", "", None).endswith("of its reboot: lom: no SSH to root@lom:22: refused")


def test_a_slow_host_is_given_the_time() -> None:
    """Its last boot took a tenth of a second: ten times that."""
    error = reboot(SHOWN.format(0, 1_000_000, 1_100_000), "", None)
    assert error.startswith("lom has not come back within 1 s of its reboot")


def test_a_host_that_came_back_is_no_error() -> None:
    host = ScriptedHost(answer=lambda argv: (1, "", "") if argv[0] == "test" else "")
    asyncio.run(rebooting.reboot(host, limit_s=0))
    assert any("reboot" in argv for argv in host.asked)
