"""Evidence around a cell: what is asked at the same time goes to each host in one exchange."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from meshbench import collectors
from meshbench.results.records import Status
from meshbench.testbed.host import RUN, CommandError
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.ssh import SshHost
from meshbench.testbed.together import together
from tests.lab import support
from tests.lab.support import on_hosts, said
from tests.lab.test_hosts import AWKWARD


def test_a_host_answers_together_as_it_does_apart(lab: Lab) -> None:
    argv = ["printf", r"<%s>\n", *AWKWARD]

    async def ask(hosts: list[SshHost]) -> None:
        apart = await hosts[0].run(argv)
        with together():
            words, script, slow, locale = await asyncio.gather(
                hosts[0].run(argv),
                hosts[0].run(["sh", "-s", "a b"], stdin=b'echo "$1"; echo bad >&2; exit 3\n', check=False),
                hosts[0].run(["sleep", "60"], limit_s=0.3, check=False),
                hosts[0].run(["sh", "-c", 'echo "$LC_ALL"']),
            )  # fmt: skip
            with pytest.raises(CommandError, match="^lom: ls /nowhere ended with 2: ls: cannot"):
                await asyncio.gather(hosts[0].run(["ls", "/nowhere"]), hosts[0].run(["true"]))
        assert (words.stdout, words.argv) == (apart.stdout, apart.argv)
        assert (script.stdout, script.stderr, script.returncode) == ("a b\n", "bad\n", 3)
        assert slow.returncode is None
        assert locale.stdout == "C\n"
        assert "asked" not in await said(hosts[0], "ls", str(RUN))

    on_hosts(lab, ask)


def test_evidence_around_a_cell_is_few_exchanges(
    lab: Lab, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most seven with each host where a VPN is up as it should be, one of them its ping.

    Collectors are left aside: they have programs of their own to start and end.
    """
    assert lab.running()
    real = SshHost._run
    exchanges: Counter[str] = Counter()

    async def counted(host: SshHost, argv: Any, **more: Any) -> Any:
        exchanges[host.name] += 1
        return await real(host, argv, **more)

    first = support.measured(support.job("nebula", count=3, interval_s=0.05), store)
    monkeypatch.setattr(collectors, "every", tuple)
    monkeypatch.setattr(SshHost, "_run", counted)
    second = support.measured(support.job("nebula", count=3, interval_s=0.05, round_=2), store)
    assert [{link.status for link in record.links} for record in (first, second)] == [
        {Status.OK}
    ] * 2
    assert second.vpn.ready_s == {}, "it was started anew"
    assert max(exchanges.values()) <= 7, exchanges
    assert second.vpn.version == first.vpn.version != "unknown"
    paths = [path for link in second.links for path in (link.path_before, link.path_after)]
    assert all(path and path.kind == "direct" and path.tunnel_mtu == 1300 for path in paths)
    assert second.testbed.after.keys() == {"lom", "yuki", "luna"}
