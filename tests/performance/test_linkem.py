"""linkem keeps up: one TCP stream through it, next to the same stream through a kernel bridge.

All variants are measured in turn, round by round, because the machine is shared and its speed
wanders; a round's figures are compared with each other only, and the median round counts. Frames
on the wire are MTU-sized with full checksums in every variant (the offloads are off). Run with -s
to see the figures:

    pytest -s tests/performance/test_linkem.py
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "tools" / "linkem"
TOOLS = ("gcc", "make", "ip", "ethtool", "iperf3")
ROUNDS = 9
SECONDS = 2
PATIENCE_S = 30.0
MAC = {"a": "02:00:00:00:0a:01", "b": "02:00:00:00:0b:01"}
ADDRESS = {"a": "10.98.0.1", "b": "10.98.0.2"}
BUFFER_BYTES = 64 << 20
IPERF3 = f"iperf3 -c {ADDRESS['b']} -t {SECONDS} -O 1 -J"
VARIANTS = {
    "0 ms": "",
    "6 ms": "--delay-us 6000 --limit 20000",
    "0 ms, ordinary scheduling": "--priority 0",
}
# Shares of the bare bridge's throughput.
WANTED = {"0 ms": 0.8, "6 ms": 0.5}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(tool) is None for tool in TOOLS),
    reason=f"root and {', '.join(TOOLS)} are needed",
)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


class Lab:
    """Hosts a and b, each with eth0, and the wire namespace that holds the peers ha and hb."""

    def __init__(self) -> None:
        self.prefix = f"lkp{os.getpid()}"

    def namespace(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def ip(self, name: str, words: str) -> None:
        run("ip", "-n", self.namespace(name), *words.split())

    def command(self, name: str, words: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace(name), *words.split()]

    def execute(self, name: str, words: str) -> str:
        return run(*self.command(name, words))

    def up(self) -> None:
        for name in ("a", "b", "wire"):
            run("ip", "netns", "add", self.namespace(name))
            self.execute(name, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
        for name in ("a", "b"):
            peer = f"eth0 netns {self.namespace(name)} address {MAC[name]}"
            self.ip("wire", f"link add h{name} type veth peer name {peer}")
            self.execute("wire", f"ethtool -K h{name} tso off tx off gro off")
            self.execute(name, "ethtool -K eth0 tso off tx off tx-udp-segmentation off")
            self.ip("wire", f"link set h{name} up")
            self.ip(name, "link set eth0 up")
            self.ip(name, f"addr add {ADDRESS[name]}/24 dev eth0")
            for option, first in (("tcp_rmem", 131072), ("tcp_wmem", 65536)):
                words = [f"net.ipv4.{option}=4096 {first} {BUFFER_BYTES}"]
                run(*self.command(name, "sysctl -qw"), *words)

    def down(self) -> None:
        for name in ("a", "b", "wire"):
            subprocess.run(
                ["ip", "netns", "del", self.namespace(name)], capture_output=True, check=False
            )

    @contextmanager
    def bridge(self) -> Iterator[None]:
        self.ip("wire", "link add bridge0 type bridge")
        try:
            self.ip("wire", "link set bridge0 up")
            for name in ("a", "b"):
                self.ip("wire", f"link set h{name} master bridge0")
            yield
        finally:
            self.ip("wire", "link del bridge0")

    @contextmanager
    def linkem(self, program: str, directory: Path, words: str) -> Iterator[None]:
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for seed, (source, target) in enumerate((("a", "b"), ("b", "a"))):
                control = directory / f"control-{source}"
                ports = f"--in h{source} --out h{target}={MAC[target]}"
                fixed = f"--netns /run/netns/{self.namespace('wire')} --control {control}"
                command = f"{program} {fixed} --seed {seed} {ports} {words}"
                processes.append(subprocess.Popen(command.split(), stdout=subprocess.DEVNULL))
                end = time.monotonic() + PATIENCE_S
                while not control.exists():
                    assert time.monotonic() < end, "linkem does not start"
                    time.sleep(0.01)
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=PATIENCE_S)

    def throughput(self) -> float:
        """Gbit/s of one TCP stream from a to b, as received."""
        with subprocess.Popen(
            self.command("b", "iperf3 -s -1"), stdout=subprocess.DEVNULL
        ) as server:
            try:
                end = time.monotonic() + PATIENCE_S
                while "5201" not in self.execute("b", "ss -Hltn"):
                    assert time.monotonic() < end, "iperf3 does not listen"
                    time.sleep(0.02)
                report: dict[str, Any] = json.loads(self.execute("a", IPERF3))
                return float(report["end"]["sum_received"]["bits_per_second"]) / 1e9
            finally:
                server.kill()


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "?")
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def test_throughput(lab: Lab, tmp_path: Path) -> None:
    run("make", "-C", str(SOURCE), f"BUILD={tmp_path}")
    program = str(tmp_path / "linkem")
    bridge: list[float] = []
    through: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(ROUNDS):
        with lab.bridge():
            bridge.append(lab.throughput())
        for name, words in VARIANTS.items():
            with lab.linkem(program, tmp_path, words):
                through[name].append(lab.throughput())

    print(f"\n{machine()}; {IPERF3}; {ROUNDS} rounds, medians")
    print(f"bridge: {statistics.median(bridge):.2f} Gbit/s ({min(bridge):.2f}-{max(bridge):.2f})")
    ratios: dict[str, float] = {}
    for name, rates in through.items():
        ratios[name] = statistics.median(
            rate / bare for rate, bare in zip(rates, bridge, strict=True)
        )
        spread = f"{statistics.median(rates):.2f} Gbit/s ({min(rates):.2f}-{max(rates):.2f})"
        print(f"linkem {name}: {spread}, {ratios[name]:.2f} of the bridge [{VARIANTS[name]}]")
    for name, wanted in WANTED.items():
        assert ratios[name] >= wanted, name
