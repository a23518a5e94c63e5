"""A testbed that answers from a table: for trying the workflow, measuring nothing."""

import asyncio
import itertools
import json
import os
import platform
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from meshbench.config.testbeds import FakeTestbed
from meshbench.results.records import Command, now
from meshbench.testbed.host import Address, CommandError, File, Unit
from meshbench.util.errors import TestbedError

FAULTS = "MESHBENCH_FAKE"
"""What goes wrong, and right again, without the configuration knowing, as it does on real hosts:
JSON that is laid over the testbed's own `broken`, `unreachable` and `seconds_per_command`.
"""
_TOOLS = {"ping", "iperf3", "irtt", "quicperf"}
_LARGEST_PAYLOAD = 1400
"""Of an echo request that may not be fragmented."""
_QUESTION_WORDS = 2
"""A tool that is asked its version takes no time."""
_EPOCH = 1_000_000_000
"""What every clock shows when something begins."""
_SAMPLING = "meshbench-host-resources"
"""The unit of the program that samples what a host spends."""
_STATE = "\n@ kernel\nfake\n@ vpns\n{vpns}\n@ installed\n{installed}\n@ links\n[]\n"


class FakeHost:
    """Answers the programs that drivers and benchmarks run; everything else just succeeds."""

    def __init__(self, address: Address, world: "FakeWorld") -> None:
        self.address = address
        self._world = world
        self._random = random.Random(address.name)  # noqa: S311
        self._sysctls: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self.address.name

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        secrets: Mapping[str, str] | None = None,
        limit_s: float = 30.0,
        check: bool = True,
    ) -> Command:
        if self.name in self._world.testbed.unreachable:
            raise TestbedError(f"{self.name}: no SSH to a fake host")
        started, clock = now(), time.monotonic()
        program = self._programs.get(argv[0].rpartition("/")[2])
        code, text = program(argv) if program else (0, "")
        if argv[0].rpartition("/")[2] in _TOOLS and len(argv) > _QUESTION_WORDS:
            await asyncio.sleep(self._world.testbed.seconds_per_command)
        command = Command(
            host=self.name, argv=list(argv), started=started, duration_s=time.monotonic() - clock,
            returncode=code, stdout=text, stderr="",
        )  # fmt: skip
        if check and code != 0:
            raise CommandError(command)
        return command

    @property
    def _programs(self) -> Mapping[str, Callable[[Sequence[str]], tuple[int, str]]]:
        return {
            "sh": self._sh,
            "systemctl": self._systemctl,
            "grep": self._grep,
            "ping": self._ping,
            "iperf3": self._iperf3,
            "irtt": self._irtt,
            "quicperf": self._quicperf,
            "ss": lambda _: (0, "LISTEN 0 1 *:5201\n"),
            "uname": lambda argv: (0, f"{platform.machine()}\n" if "-m" in argv else "fake\n"),
            "wireguard-go": lambda _: (0, "wireguard-go fake\n"),
            "nebula": lambda _: (0, "Version: fake\n"),
            "tincd": lambda _: (0, "tinc version fake\n"),
            "journalctl": lambda _: (0, "End of nodes.\n"),
            "date": lambda _: (0, f"{_EPOCH}.0\n"),
            "cat": _this_machine_s,
        }

    def _systemctl(self, argv: Sequence[str]) -> tuple[int, str]:
        units = [word for word in argv[2:] if word.startswith("meshbench-vpn-")]
        for unit in units:
            system = _system(unit)
            if argv[1] == "restart":
                if reason := self._world.testbed.broken.get(system):
                    return 1, reason
                self._world.running.add(system)
            elif "stop" in argv:
                self._world.running.discard(system)
        return 0, "active\n" * max(1, len(units))

    def _grep(self, argv: Sequence[str]) -> tuple[int, str]:
        """A kernel that has every setting."""
        return 0, "".join(f"{f}:{self._sysctls.get(f, 'fake')}\n" for f in argv[4:])

    def _sh(self, argv: Sequence[str]) -> tuple[int, str]:
        """The hosts' state, what a host spent or logged, or a kernel that takes every value."""
        if "journalctl" in argv:
            return 0, _logged(argv)
        if _SAMPLING in argv:
            return 0, _spent(len(self._world.running), 1e7 * (1 + self._random.random()))
        if argv[1] == "-s":
            return 0, self._world.state()
        written = (word.partition("=") for word in argv[4:])
        self._sysctls |= {f"/proc/sys/{key}": value for key, _, value in written}
        return 0, ""

    def _ping(self, argv: Sequence[str]) -> tuple[int, str]:
        if "-V" in argv:
            return 0, "ping from iputils 20240905\n"
        if "probe" in argv and int(argv[argv.index("-s") + 1]) > _LARGEST_PAYLOAD:
            return 1, "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n"
        count = int(argv[argv.index("-c") + 1]) if "-c" in argv else 20
        times = [1.0 + self._random.random() for _ in range(count)]
        lines = [
            f"[{_EPOCH + index * 0.2:.6f}] 64 bytes from {argv[-1]}: icmp_seq={index + 1} ttl=64 time={rtt:.3f} ms"
            for index, rtt in enumerate(times)
        ]
        mean = sum(times) / count
        tail = [
            f"{count} packets transmitted, {count} received, 0% packet loss, time 1ms",
            f"rtt min/avg/max/mdev = {min(times):.3f}/{mean:.3f}/{max(times):.3f}/0.200 ms",
        ]
        return 0, "\n".join([*lines, "", *tail, ""])

    def _iperf3(self, argv: Sequence[str]) -> tuple[int, str]:
        if "--version" in argv:
            return 0, "iperf 3.18 (fake)\n"
        return 0, json.dumps(_iperf3_run(argv, 5e8 + 1e8 * self._random.random()))

    def _irtt(self, argv: Sequence[str]) -> tuple[int, str]:
        if "version" in argv:
            return 0, "irtt version: 0.9.1\n"
        wall = {"send": {"wall": 1}, "receive": {"wall": 1}}
        trips = [
            {
                "seqno": index,
                "lost": "false",
                "delay": {"receive": 50_000, "rtt": 100_000, "send": 50_000},
                "timestamps": {"server": wall, "client": wall},
            }
            for index in range(100)
        ]
        stats = {"server_packets_received": len(trips)}
        return 0, json.dumps({"round_trips": trips, "stats": stats})

    def _quicperf(self, argv: Sequence[str]) -> tuple[int, str]:
        if "version" in argv:
            return 0, "quicperf fake\n"
        moved = {
            "connection": 0, "start_s": 0, "seconds": 1, "packets_sent": 1000, "packets_lost": 1,
            "bytes_sent": 1_400_000, "rtt_ms": 1.5, "rtt_min_ms": 1.0,
            "bytes": 5e7 + 1e7 * self._random.random(),
        }  # fmt: skip
        handshake = {"packet_bytes": 1280, "gso": True, "handshake_ms": 2 + self._random.random()}
        lines: list[dict[str, object]] = [
            {"event": "start", "side": "client", "quic_go": "fake", "congestion": "reno",
             "settings": {"connections": 1}},
            {"event": "connected", "side": "client", "connection": 0, **handshake},
            {"event": "first_byte", "connection": 0, "ttfb_ms": 4 + self._random.random()},
            {"event": "cpu", "cpu": 0.5},
            {"event": "interval", "side": "client", "role": "sender", **moved},
            {"event": "interval", "side": "server", "role": "receiver", **moved},
            {"event": "end", "side": "client", "role": "sender", **moved},
            {"event": "end", "side": "server", "role": "receiver", **moved},
        ]  # fmt: skip
        return 0, "".join(f"{json.dumps(line)}\n" for line in lines)

    async def upload(self, files: Sequence[File]) -> None:
        for file in files:
            if file.path.name == "installed":
                self._world.installed[str(file.path)] = file.content.decode()

    async def start(self, unit: Unit) -> None:
        return

    async def stop(self, *names: str) -> None:
        await self.run(["systemctl", "stop", *names])

    async def logs(self, unit: str, lines: int = 30) -> str:
        return self._world.testbed.broken.get(_system(unit), "fake journal")

    async def close(self) -> None:
        return


def _this_machine_s(argv: Sequence[str]) -> tuple[int, str]:
    """Of the kernel every host has the same: this machine's."""
    path = Path(argv[-1])
    if path.is_relative_to("/proc") and path.is_file():
        return 0, path.read_text(encoding="utf-8")
    return 0, ""


def _spent(daemons: int, tunnel_bytes: float) -> str:
    """Two seconds of a host with so many daemons, as `collectors.resources` prints them."""
    daemon = "t 7 daemon 1 10 5 150000 10000 900\ng vpn 150000 0 0\n" * daemons
    grown = f"g own 1000 0 0\ng services 160000 0 0\n{daemon}b {tunnel_bytes:.0f} 1000 0 0\n"
    cores = "c 0 20 10 5 15\nc 1 10 5 5 30\n"
    later = "".join(f"@ {100 + n / 2}\n{grown}{cores}.\n" for n in range(1, 5))
    return f"h 100\nq 0\n@ 100\nm {20_000 * daemons}\n.\n{later}q 0\nend 102.1\n"


def _logged(argv: Sequence[str]) -> str:
    """A line a second of the units asked for, as `collectors.daemon_log` has them printed."""
    units = [argv[n + 1] for n, word in enumerate(argv) if word == "-u"]
    lines = [
        json.dumps({
            "__REALTIME_TIMESTAMP": str((_EPOCH + second) * 1_000_000), "PRIORITY": "6",
            "_SYSTEMD_UNIT": unit, "MESSAGE": "fake journal",
        })
        for second in range(5)
        for unit in units
    ]  # fmt: skip
    return "\n".join([f"{_EPOCH + 3600}.0", *lines, "end 0", ""])


def _iperf3_run(argv: Sequence[str], rate_bps: float) -> dict[str, object]:
    """A client's document of two seconds at one rate, with what the server told it."""
    total = {"bytes": int(rate_bps / 4), "bits_per_second": rate_bps, "retransmits": 3}
    if "-u" in argv:
        total |= {"packets": 50_000, "lost_packets": 500, "jitter_ms": 0.1}
    both, reverse = "--bidir" in argv, "-R" in argv
    end = {"sum_sent": total, "sum_received": total, "streams": []}
    if both:
        end |= {"sum_sent_bidir_reverse": total, "sum_received_bidir_reverse": total}

    def intervals(*senders: bool) -> list[dict[str, object]]:
        second = {"seconds": 1, "bits_per_second": rate_bps}
        return [
            {"streams": [{"start": start, **second, "sender": sends} for sends in senders]}
            for start in range(2)
        ]

    test = {"bidir": int(both), "reverse": int(reverse), "num_streams": 1}
    start = {"version": "iperf 3.18", "test_start": test, "tcp_mss_default": 1448}
    mine = (True, False) if both else (not reverse,)
    return {
        "start": start,
        "intervals": intervals(*mine),
        "end": end,
        "server_output_json": {"intervals": intervals(*(not sends for sends in mine))},
    }


def _system(unit: str) -> str:
    return unit.removeprefix("meshbench-vpn-").removesuffix(".service").partition(":")[0]


class FakeWorld:
    """What the fake hosts have in common: which services run."""

    def __init__(self, testbed: FakeTestbed) -> None:
        changes = json.loads(os.environ.get(FAULTS, "{}"))
        self.testbed = FakeTestbed.model_validate(testbed.model_dump() | changes)
        self.running: set[str] = set()
        self.installed: dict[str, str] = {}

    def state(self) -> str:
        vpns = "\n".join(f"meshbench-vpn-{name}.service active running" for name in self.running)
        installed = "\n".join(f"{path} {text}" for path, text in self.installed.items())
        return _STATE.format(vpns=vpns, installed=installed)

    def hosts(self) -> list[FakeHost]:
        return [
            FakeHost(
                Address(name, "", 22, "root", Path(), Path(), "data0", f"192.0.2.{index}"), self
            )
            for name, index in zip(self.testbed.hosts, itertools.count(1), strict=False)
        ]
