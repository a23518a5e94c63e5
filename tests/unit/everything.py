"""A small invented campaign of every benchmark that any figure shows, in a state of one's choice."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from meshbench.figures.contract import Context
from meshbench.tables import registry
from tests.unit import synthetic

State = Literal["good", "failed", "half", "odd"]
VPNS = ("internal", "headscale", "tinc", "nebula")
PROFILES = ("baseline", "high")
TUNINGS = ("stock", "bbr")
LINKS = synthetic.LINKS
REASON = "no route to host"
BROKEN = "tinc"
"""The system that fails everywhere where half of the campaign failed; of the others, so does 'high'."""

HEADLINES = {
    "ping": ("rtt_avg", "ping_loss"),
    "tcp": ("goodput", "send_rate", "retransmits", "retransmit_rate"),
    "tcp_parallel": ("goodput", "send_rate", "retransmit_rate"),
    "udp": ("udp_goodput", "udp_loss", "udp_capacity"),
    "quic": ("quic_goodput", "quic_connect"),
    "rist": ("rist_quality",),
    "nix_cache": ("copy_time",),
    "reboot": ("connect_time",),
    "reconnect": ("reconnect_median",),
    "mtu": ("tunnel_mtu", "largest_whole", "largest_any", "black_hole"),
    "latency_under_load": ("added_delay_p95", "round_trips_per_minute"),
}
"""What a link that failed has a row for, as `tables.parse` writes it."""
OTHERS = {
    "ping": ("rtt_min", "rtt_max", "rtt_mdev", "rtt_ipdv", "rtt_pdv", "ping_loss_period"),
    "tcp": (
        "sent", "mss", "pmtu", "cwnd_max", "snd_wnd_max", "tcp_rtt_mean", "reordering_seen",
        "iperf3_cpu_client",
    ),
    "udp": (
        "udp_sent", "udp_payload", "udp_packet_rate", "udp_dropped_qdisc",
        "udp_dropped_receive_buffer", "udp_lost_elsewhere",
    ),
    "quic": ("quic_ttfb",),
    "rist": ("rist_packets_dropped", "rist_packets_recovered"),
    "reboot": ("vpn_added",),
}  # fmt: skip
_OVER_TIME = {"tcp": ("tcp_rtt", "ms", 5.0), "tcp_parallel": ("goodput", "bit/s", 40e6)}
_LEVELS = {"bit/s": 40e6, "ms": 4.0, "s": 7.0, "byte": 4e6, "1": 0.02, "1/s": 30.0, "1/min": 900.0}
_SEGMENT = 1368.0
_HOST = {
    "tunnel_bytes": 4e8, "vpn_cpu": 4.0, "vpn_cpu_per_gigabyte": 10.0, "kernel_cpu": 2.0,
    "kernel_cpu_per_gigabyte": 5.0, "busiest_thread": 0.8, "busiest_thread_demand": 0.97,
}  # fmt: skip
"""What a host spends, which is not asked for by benchmark."""
ODD = (0.0, None, 1e307, 1e17, 4e-10)


def context(rounds: int = 2) -> Context:
    return synthetic.context(
        vpns=VPNS, profiles=PROFILES, tunings=TUNINGS, benchmarks=tuple(HEADLINES), rounds=rounds
    )


def write(folder: Path, state: State, rounds: int = 2, spoilt: int = 0) -> dict[str, Path]:
    """The aggregate tables of the campaign.

    Args:
        folder: where they go.
        state: of the campaign.
        rounds: how many.
        spoilt: a round whose cells are marked, with values ten times as large; the analysis leaves them out.
    """
    samples: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for number, at in enumerate(_links(rounds)):
        bad = state == "failed" or (state == "half" and BROKEN in at.values())
        bad |= state == "half" and at["profile"] == "high" and at["vpn"] != "internal"
        trouble = {"status": "failed", "reason": REASON} if bad else {}
        marks = {"marks": ["other load"]} if at["round"] == spoilt else {}
        links.append(synthetic.link(**at, **trouble, **marks))
        mine = list(_failed(at) if bad else _measured(at, state, number))
        for row in mine if marks else ():
            row["value"] = 10 * row["value"]
        samples += mine
        if at["benchmark"] == "tcp" and not bad:
            samples += _spent(at, state)
    for at in _starts():
        bad = state == "failed" or (state == "half" and at["vpn"] == BROKEN)
        trouble = {"status": "failed", "reason": REASON} if bad else {}
        samples.append(synthetic.sample("ready_time", None if bad else 0.8, "s", **at, **trouble))
    for at in _calibrations(rounds):
        links.append(synthetic.link(**at))
        samples += [synthetic.sample(name, 1.0, "ms", **at) for name in ("owd_mean", "owd_sd")]
    tables = synthetic.write(folder, samples, links, events=list(_logged(rounds)))
    if spoilt:
        files = [folder / "benchmark=x" / "vpn=y.parquet"], [folder / "links.parquet"]
        tables |= synthetic.analysed(
            folder, *files, tables, {"marked": False}, [folder / "events.parquet"]
        )
    return tables


def _logged(rounds: int) -> Iterator[dict[str, Any]]:
    """Of some pings: what both ends logged, an end that logged nothing, one that is not known."""
    for at in (at for at in _links(rounds) if at["benchmark"] == "ping"):
        for host in (at["source"], at["target"]):
            end = {**synthetic.cell(**at), "host": host, "until_s": 90.0, "clock_error_s": 0.01}
            if at["vpn"] == "headscale":
                for t_s in (4.0, 4.1, 20.0):
                    event = {"unit": f"{at['vpn']}.service", "priority": 4, "message": "rekeyed"}
                    yield {**end, "t_s": t_s, **event}
            elif at["vpn"] == "nebula":
                yield end


def _links(rounds: int) -> Iterator[dict[str, Any]]:
    keys = itertools.product(range(1, rounds + 1), VPNS, TUNINGS, PROFILES, HEADLINES, LINKS)
    for round_, vpn, tuning, profile, benchmark, (source, target) in keys:
        yield {
            "round": round_, "vpn": vpn, "tuning": tuning, "profile": profile,
            "benchmark": benchmark, "source": source, "target": target,
        }  # fmt: skip


def _calibrations(rounds: int) -> Iterator[dict[str, Any]]:
    numbers = range(1, rounds + 1)
    for round_, profile, (source, target) in itertools.product(numbers, PROFILES, LINKS):
        where = {"profile": profile, "source": source, "target": target}
        yield {"round": round_, "benchmark": "calibration", **where}


def _starts() -> Iterator[dict[str, Any]]:
    hosts = sorted({host for link in LINKS for host in link})
    pairs = itertools.permutations(hosts, 2)
    for round_, vpn, (source, target) in itertools.product((1, 2), VPNS[1:], pairs):
        where = {"benchmark": "ping", "source": source, "target": target}
        yield {"round": round_, "vpn": vpn, **where}


def _mode(at: dict[str, Any]) -> dict[str, str]:
    if at["benchmark"] == "latency_under_load":
        return {"mode": "up inside"}
    if at["benchmark"] == "reconnect":
        return {"mode": "restart"}
    return {"mode": "single"} if at["benchmark"].startswith(("tcp", "udp")) else {}


def _failed(at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in HEADLINES[at["benchmark"]]:
        unit = registry.metric(name).unit
        trouble = {"status": "failed", "reason": REASON}
        yield synthetic.sample(name, None, unit, **at, **_mode(at), **trouble)


def _measured(at: dict[str, Any], state: State, number: int) -> Iterator[dict[str, Any]]:
    benchmark = at["benchmark"]
    for index, name in enumerate((*HEADLINES[benchmark], *OTHERS.get(benchmark, ()))):
        metric = registry.metric(name)
        level = _SEGMENT if name == "mss" else _LEVELS[metric.unit]
        value: float | None = level * (1 + number % 7 / 20)
        if state == "odd":
            value = 0.0 if at["vpn"] == "nebula" else ODD[(number + index) % len(ODD)]
        yield synthetic.sample(name, value, metric.unit, **at, **_mode(at))
    for second in range(3 if benchmark in _OVER_TIME else 0):
        name, unit, value = _OVER_TIME[benchmark]
        value = 0.0 if state == "odd" and second else value
        yield synthetic.sample(name, value, unit, **at, **_mode(at), t_s=float(second))
    if benchmark == "ping":
        yield from _single_rtts(at, state)
        for run in range(2):
            yield synthetic.sample("rtt_max", 5.0, "ms", **at, stream=run)
            yield synthetic.sample("ping_loss", 0.0, **at, stream=run)
    if benchmark == "mtu":
        for size, passed in ((576, 1.0), (1500, 0.0)):
            yield synthetic.sample("packet_passed", passed, **at, mode="whole", stream=size)
            yield synthetic.sample("packet_passed", 1.0, **at, mode="any", stream=size)
        yield synthetic.sample("packet_refused", 1.0, **at, mode="icmp", stream=1500)
        named = 1e307 if state == "odd" else 1400.0
        yield synthetic.sample("mtu_named", named, "byte", **at, mode="icmp", stream=1500)
    if benchmark == "rist":
        yield from _video(at, state)
    if benchmark == "latency_under_load":
        yield from _loaded(at, state)


def _spent(at: dict[str, Any], state: State) -> Iterator[dict[str, Any]]:
    """What the source of a link spent; every host is the source of one."""
    nowhere = {**at, "host": at["source"], "source": "*", "target": "*"}
    for number, (name, value) in enumerate(_HOST.items()):
        if name.startswith(("vpn", "busiest")) and at["vpn"] == "internal":
            continue
        odd = ODD[number % len(ODD)] if state == "odd" else value
        yield synthetic.sample(name, odd, registry.metric(name).unit, **nowhere)
    for second in range(3 if at["vpn"] != "internal" else 0):
        share = ODD[second % len(ODD)] if state == "odd" else 0.5 + second / 10
        where: dict[str, Any] = {"mode": "daemon", "stream": 1, "t_s": float(second)}
        yield synthetic.sample("thread_cpu", share, **nowhere, **where)


def _single_rtts(at: dict[str, Any], state: State) -> Iterator[dict[str, Any]]:
    """A spike every ten seconds."""
    for step in range(60):
        rtt_ms = 40.0 if step % 20 == 8 else 1.0 + step % 3 / 10
        if state == "odd" and step == 9:
            rtt_ms = 1e307
        yield synthetic.sample("rtt", rtt_ms, "ms", **at, t_s=step / 2)


def _video(at: dict[str, Any], state: State) -> Iterator[dict[str, Any]]:
    yield synthetic.sample("rist_packets_dropped_max", 40_000.0, **at)
    yield synthetic.sample("rist_quality", 0.1, **at, mode="1128 byte")
    yield synthetic.sample("rist_buffer", 400.0, "ms", **at)
    for second in range(3):
        for name in ("rist_quality", "rist_quality_recovered"):
            odd = 1e307 if second == 1 else None
            value = odd if state == "odd" else 1 - second / 100
            yield synthetic.sample(name, value, **at, t_s=float(second))


def _loaded(at: dict[str, Any], state: State) -> Iterator[dict[str, Any]]:
    for number, mode in enumerate(("idle inside", "idle beside", "up inside apart", "up inside")):
        rtt_ms = 0.0 if state == "odd" and number % 2 else 2.0 + number
        yield synthetic.sample("rtt", rtt_ms, "ms", **at, mode=mode, t_s=float(number))
    for second in (3.0, 4.0):
        rate = 1e307 if state == "odd" and second > 3 else 40e6
        yield synthetic.sample("goodput", rate, "bit/s", **at, mode="up", t_s=second)
