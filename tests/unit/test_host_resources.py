"""What a host spends: read from what its sampling program printed, and never in a measurement's way."""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from meshbench.benchmarks.base import Observation
from meshbench.collectors import resources
from meshbench.collectors.host_resources import HostResources
from meshbench.collectors.resources import metrics, usage
from meshbench.collectors.resources.samples import read
from meshbench.collectors.resources.usage import Kernel
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, Record, Status
from meshbench.runner import measure
from meshbench.testbed.fake import FakeHost
from meshbench.testbed.host import Unit
from meshbench.util.errors import TestbedError
from tests.unit import making
from tests.unit.test_measure import job

REAL = (making.DATA / "host-resources.txt").read_text()
"""Of nebula while iperf3 ran over it, with two busy programs beside the lab."""
UNKNOWN = Kernel(None, None)
MOVED = "b 20000000 1000000 0 0"


def text(*samples: Sequence[str], end: str = "end 12.1") -> str:
    """What the program prints of these samples, half a second apart, after the beginning."""
    lines = ["h 100", "q 5", "@ 10", "."]
    for number, sample in enumerate(samples, start=1):
        lines += [f"@ {10 + number / 2}", *sample, "."]
    return "\n".join([*lines, "q 7", end, ""])


def values(output: str, kernel: Kernel = UNKNOWN) -> dict[Metric, float | None]:
    """The whole-run values without those of single threads and cores."""
    observed = usage.observations("lom", read(output), kernel)
    return {o.metric: o.value for o in observed if (o.t_s, o.stream) == (None, None)}


def of_threads(output: str) -> list[Observation]:
    observed = usage.observations("lom", read(output), UNKNOWN)
    return [o for o in observed if o.metric is metrics.THREAD_CPU]


def ended(output: str, code: int = 0) -> Command:
    return Command(
        host="lom", argv=["sh"], started=making.START, duration_s=0.1, returncode=code,
        stdout=output, stderr="", role="samples",
    )  # fmt: skip


def test_a_real_series_comes_to_the_sums_of_its_lines() -> None:
    by_metric = values(REAL)
    lines = [line.split() for line in REAL.splitlines()]
    vpn_s = sum(int(words[2]) for words in lines if words[:2] == ["g", "vpn"]) / 1e6
    moved = sum(int(words[1]) + int(words[2]) for words in lines if words[0] == "b")
    assert by_metric[metrics.VPN_CPU] == pytest.approx(vpn_s)
    assert by_metric[metrics.TUNNEL_BYTES] == moved
    assert by_metric[metrics.VPN_CPU_PER_GIGABYTE] == pytest.approx(vpn_s / (moved / 1e9))
    assert by_metric[metrics.VPN_BUFFER_DROPS] == by_metric[metrics.UDP_BUFFER_DROPS] == 23636
    assert by_metric[metrics.MEMORY_PEAK] == 15672 * 1024
    assert 0 < (by_metric[metrics.SAMPLING_COST] or 0) < 0.01
    assert metrics.THROTTLED not in by_metric


def test_a_thread_that_always_wants_a_core_is_told_from_one_that_rests() -> None:
    held = values(text(*[["g vpn 100000 5 4", "t 7 tincd 0 5 5 100000 400000 9", MOVED]] * 4))
    assert held[metrics.BUSIEST_THREAD] == pytest.approx(0.2)
    assert held[metrics.BUSIEST_THREAD_DEMAND] == pytest.approx(1.0)
    assert held[metrics.THROTTLED] == pytest.approx(0.8)
    rests = values(text(*[["g vpn 100000 0 0", "t 7 tincd 0 5 5 100000 1000 9", MOVED]] * 4))
    assert rests[metrics.BUSIEST_THREAD_DEMAND] == pytest.approx(0.202)
    assert metrics.THROTTLED not in rests


def test_shares_are_of_the_time_under_load() -> None:
    idle = ["g vpn 0 0 0"]
    busy = ["g vpn 400000 0 0", "t 7 n 0 30 10 400000 0 50", "c 0 30 10 5 5", MOVED]
    by_metric = values(text(idle, busy, idle, idle))
    assert by_metric[metrics.VPN_CORES] == pytest.approx(0.8)
    assert by_metric[metrics.CONTEXT_SWITCHES] == pytest.approx(100)
    assert by_metric[metrics.SOFTIRQ_SHARE] == pytest.approx(0.1)
    assert by_metric[metrics.BUSIEST_CORE] == pytest.approx(0.9)
    assert by_metric[metrics.VPN_CPU] == pytest.approx(0.4)


def test_a_kernel_without_schedstat_gives_ticks_and_no_demand() -> None:
    by_metric = values(text(*[["g vpn 100000 0 0", "t 7 n 0 20 5 0 0 0", MOVED]] * 2))
    assert by_metric[metrics.BUSIEST_THREAD] == pytest.approx(0.5)
    assert metrics.BUSIEST_THREAD_DEMAND not in by_metric


def test_kernel_tunnels_have_no_process_and_little_traffic_no_cost_per_gigabyte() -> None:
    kernel = values(text([MOVED, "c 0 0 0 25 25"]), kernel=Kernel(0.25, None))
    assert metrics.VPN_CPU not in kernel
    assert kernel[metrics.KERNEL_CPU_PER_GIGABYTE] == pytest.approx(0.25 / 0.021001, rel=1e-3)
    little = values(text(["g vpn 100 0 0", "b 4000 4000 0 0"]), kernel=Kernel(0.1, None))
    assert little[metrics.VPN_CPU] == pytest.approx(1e-4)
    assert not {metrics.VPN_CPU_PER_GIGABYTE, metrics.KERNEL_CPU_PER_GIGABYTE} & little.keys()


def test_load_generators_are_apart_from_the_vpn_and_the_sampling() -> None:
    sample = [
        "g vpn 300000 0 0",
        "g own 1000 0 0",
        "g services 501000 0 0",
        "g sessions 100000 0 0",
    ]
    assert values(text(sample))[metrics.TOOL_CPU] == pytest.approx(0.3)


def test_drops_are_told_by_place() -> None:
    by_metric = values(text(["i 77", "u 77 3", "u 0 2", "u 88 9", "r 14", "b 1 1 4 5", "d 6"]))
    drops = [by_metric[m] for m in (metrics.VPN_BUFFER_DROPS, metrics.UDP_BUFFER_DROPS)]
    assert drops == [5, 14]
    assert by_metric[metrics.TUNNEL_DROPS] == 9
    assert by_metric[metrics.INTERFACE_DROPS] == 6
    assert by_metric[metrics.QUEUE_DROPS] == 2


def test_energy_is_read_over_the_end_of_its_counter_and_is_never_nothing() -> None:
    by_metric = values(text(["e 0 900000 1000000"], ["e 0 100000 1000000"], ["e 0 300000 1000000"]))
    assert by_metric[metrics.ENERGY] == pytest.approx(0.4)
    assert metrics.ENERGY not in values(text([MOVED]))


def test_three_threads_and_all_others_together() -> None:
    threads = [f"t {tid} n{tid} 0 1 1 {tid * 10_000} 0 1" for tid in (1, 2, 3, 4, 5)]
    whole = [o for o in of_threads(text(threads, threads)) if o.t_s is None]
    assert [(o.stream, o.mode) for o in whole] == [(0, "others"), (1, "n5"), (2, "n4"), (3, "n3")]
    assert [o.value for o in whole] == pytest.approx([0.06, 0.1, 0.08, 0.06])
    series = [o for o in of_threads(text(threads, [])) if o.stream == 1]
    assert [(o.t_s, o.value) for o in series] == [(0.5, 0.1), (1.0, 0.0), (None, 0.05)]


def test_kernel_threads_and_interrupts_are_the_kernels() -> None:
    output = text(["c 0 0 0 30 20", "k wg-crypt 40"], ["k other 10"])
    kernel = usage.Usage(read(output)).kernel()
    assert kernel == pytest.approx((0.8, 0.4))
    assert values(output, kernel)[metrics.WIREGUARD_CPU] == pytest.approx(0.4)


def test_a_lab_s_hosts_have_equal_parts_of_their_machine_s_kernel(tmp_path: Path) -> None:
    record = run(tmp_path)
    record.testbed.shared_cpu = True
    used = {"window_s": 10.0, "kernel": 0.3, "wireguard": 0.06}
    record.testbed.facts = {"cpus": 4, "cpu": used}
    observations = list(HostResources().parse(record))
    kernel = [o.value for o in observations if o.metric is metrics.KERNEL_CPU]
    assert kernel == pytest.approx([4.0] * 3)
    assert [o.value for o in observations if o.metric is metrics.WIREGUARD_CPU] == pytest.approx(
        [0.8] * 3
    )
    record.testbed.facts = {}
    assert not [o for o in HostResources().parse(record) if o.metric is metrics.KERNEL_CPU]


def test_a_sample_that_was_cut_off_is_left_out() -> None:
    whole = text(["g vpn 100 0 0"], ["g vpn 200 0 0"])
    cut = whole[: whole.index("g vpn 200") + len("g vpn 2")]
    assert values(cut)[metrics.VPN_CPU] == pytest.approx(1e-4)


def test_nothing_that_a_host_may_print_stops_parsing() -> None:
    chance = random.Random(5)  # noqa: S311
    for _ in range(40):
        cut = list(REAL)
        for _ in range(40):
            cut[chance.randrange(len(cut))] = chance.choice("@.tgck 0-9x\n\x00é²")
        values("".join(cut))
        list(HostResources().marks([ended("".join(cut))]))


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        ("", "what lom spent was not sampled"),
        (text([MOVED], end="end 99"), "the sampling of what lom spent ended before"),
        (text([MOVED], end=""), "the sampling of what lom spent ended before"),
        (text(end="end 99"), "what lom spent was not sampled"),
        (text(*[["g own 10000 0 0"]] * 12, end="end 16.1"), "took more than 1% of a core"),
        (text(["g vpn 100000 10 9"]), "a CPU quota held the VPN of lom back"),
    ],
)
def test_what_a_reader_must_know_is_marked(said: str, mark: str) -> None:
    [actual] = HostResources().marks([ended(said)])
    assert mark in actual


def test_a_good_series_has_no_mark() -> None:
    assert list(HostResources().marks([ended(REAL)])) == []


@pytest.mark.parametrize("said", ["end 10.4\n", text(end="end 10.4")])
def test_what_is_too_short_to_be_sampled_has_no_mark(said: str) -> None:
    assert list(HostResources().marks([ended(said)])) == []


def run(store: Path, **words: Any) -> Record:
    return asyncio.run(measure.measure(job(**words), store))


def sampling_marks(record: Record) -> list[str]:
    return [mark for mark in record.marks if "spent" in mark]


def test_every_host_of_a_cell_is_sampled(tmp_path: Path) -> None:
    record = run(tmp_path)
    assert sampling_marks(record) == []
    hosts = {o.subject for o in HostResources().parse(record) if o.metric is metrics.VPN_CPU}
    assert hosts == {"lom", "yuki", "luna"}


def test_a_host_that_cannot_be_sampled_fails_no_cell_and_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FakeHost.start

    async def broken(self: FakeHost, unit: Unit) -> None:
        if self.name == "yuki" and "resources" in unit.name:
            raise TestbedError("yuki: no awk")
        await real(self, unit)

    monkeypatch.setattr(FakeHost, "start", broken)
    record = run(tmp_path)
    assert {link.status for link in record.links} == {Status.OK}
    assert sampling_marks(record) == ["what yuki spent was not sampled"]
    errors = {c.host: c.stderr for c in record.collected[HostResources.name]}
    assert errors == {"lom": "", "yuki": "yuki: no awk", "luna": ""}


def test_the_program_runs_on_this_machine(tmp_path: Path) -> None:
    out = tmp_path / "samples.txt"
    program = tmp_path / "sampler.sh"
    program.write_bytes((files(resources) / "sampler.sh").read_bytes())
    argv = ["sh", str(program), str(out), "0.05", "lo", "no-such-unit.service"]
    running = subprocess.Popen(argv, start_new_session=True)
    try:
        end = time.monotonic() + 30
        while not out.exists() or out.read_text().count("\n.\n") < 4:
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait()
    series = read(out.read_text())
    assert len(series.samples) >= 4
    times = [sample.at_s for sample in series.samples]
    assert times == sorted(times)
    assert any(sample.cores for sample in series.samples)
