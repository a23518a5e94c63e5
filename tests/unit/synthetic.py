"""A small invented campaign with everything that can go wrong in one (seeded, deterministic)."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from meshbench import analysis
from meshbench.analysis import step
from meshbench.figures.contract import Context
from meshbench.tables import aggregate, schema

CAMPAIGN = "synthetic"
LINKS = (("lom", "yuki"), ("yuki", "luna"), ("luna", "lom"))
PROFILES = ("baseline", "low", "medium", "high")
VPNS = ("internal", "wireguard", "nebula", "tinc", "mycelium", "zerotier")
START = datetime(2026, 1, 1, tzinfo=UTC)
MARK = "the clock source changed during the cell"

_MBIT = {
    "internal": (934, 251, 29.6, 4.9),
    "wireguard": (870, 170, 25.1, 4.3),
    "nebula": (706, 105, 21.4, 3.6),
    "tinc": (336, 54, 8.3, 1.9),
    "mycelium": (259, 16, 3.9, 1.1),
    "headscale": (800, 160, 41.5, 20.0),
    "yggdrasil": (795, 12.3, 3.1, 0.9),
    "easytier": (636, 76, 20.1, 5.1),
    "vpncloud": (539, 80, 12.8, 2.8),
    "hyprspace": (368, 2.87, 1.4, 0.6),
    "easytier-tcp": (430, 40, 11.0, 3.1),
}
_RTT = {
    "internal": 0.6,
    "wireguard": 1.2,
    "nebula": 1.25,
    "tinc": 1.19,
    "mycelium": 34.9,
    "headscale": 1.64,
    "yggdrasil": 2.2,
    "easytier": 1.8,
    "vpncloud": 1.13,
    "hyprspace": 1.79,
    "easytier-tcp": 1.9,
}
_IMPAIRED = {
    "baseline": (0, 0, 0, 0, 0, 0),
    "low": (2, 2, 0.0025, 0.005, 2.0, 1.15),
    "medium": (4, 7, 0.01, 0.025, 4.32, 3.6),
    "high": (6, 15, 0.025, 0.05, 7.35, 6.9),
}
"""Of a profile: delay, jitter (ms), loss, reordering (shares); expected mean and deviation (ms)."""


def context(**changes: Any) -> Context:
    """The plan of the synthetic campaign."""
    fields: dict[str, Any] = {
        "campaign": CAMPAIGN,
        "vpns": VPNS,
        "tunings": ("stock",),
        "profiles": PROFILES,
        "benchmarks": ("ping", "tcp"),
        "rounds": 2,
        "links": LINKS,
        "testbed": "lab",
        "placement": "ingress",
        "engine": "linkem",
    }
    return Context(**{**fields, **changes})


def cell(**changes: Any) -> dict[str, Any]:
    """The key columns of a sample or a link."""
    source, target = LINKS[0]
    return {
        "campaign": CAMPAIGN,
        "round": 1,
        "vpn": "internal",
        "tuning": "stock",
        "profile": "baseline",
        "placement": "ingress",
        "benchmark": "tcp",
        "source": source,
        "target": target,
        **changes,
    }


def link(**changes: Any) -> dict[str, Any]:
    """One row of the links."""
    return {
        **cell(),
        "status": "ok",
        "attempts": 1,
        "limit_s": 60.0,
        "started": START,
        "duration_s": 32.0,
        "measuring_s": 30.0,
        "vpn_version": "1.0",
        "path": "direct",
        "transport": "udp",
        "tunnel_mtu": 1420,
        "path_changed": False,
        "ready_s": 0.8,
        "engine": "linkem",
        "testbed": "lab",
        "shared_cpu": True,
        "code_version": "0",
        "marks": [],
        **changes,
    }


def sample(metric: str, value: float | None, unit: str = "1", **changes: Any) -> dict[str, Any]:
    """One row of the samples."""
    return {
        **cell(),
        "direction": "forward",
        "metric": metric,
        "unit": unit,
        "value": value,
        "status": "ok",
        **changes,
    }


def troubles(rounds: int) -> dict[tuple[str, str, str, int, int], tuple[str, str]]:
    """What went wrong: (vpn, profile, benchmark, round, link) to status and reason."""
    by_link: dict[tuple[str, str, str, int, int], tuple[str, str]] = {
        ("tinc", "medium", "tcp", 2, 2): ("timeout", "no end within 60 s; 3.1 MB were received"),
        ("nebula", "high", "ping", 1, 0): ("unsupported", "payload of 1472 bytes exceeds the MTU"),
        ("wireguard", "high", "tcp", 1, 1): ("tool_failed", "iperf3 ended with 1: bad JSON"),
        ("nebula", "low", "tcp", 2, 1): ("failed", "connection refused"),
    }
    for round_ in range(1, rounds + 1):
        for index in range(len(LINKS)):
            by_link["mycelium", "high", "tcp", round_, index] = "failed", "no route to host"
    return by_link


def write(
    folder: Path,
    samples: Sequence[Mapping[str, Any]],
    links: Sequence[Mapping[str, Any]],
    names: Iterable[str] | None = None,
    events: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Path]:
    """Write samples, links and log events, aggregate the tables (all of them), and return their files."""
    sample_file, link_file = Path("benchmark=x") / "vpn=y.parquet", Path("links.parquet")
    for kind in ("", "calibration", "bracket"):
        mine = [row for row in samples if _kind(row) == kind]
        schema.write(schema.table(mine, schema.SAMPLES), folder / kind / sample_file)
        mine = [row for row in links if _kind(row) == kind]
        schema.write(schema.table(mine, schema.LINKS), folder / kind / link_file)
    schema.write(schema.table(events, schema.EVENTS), folder / "events.parquet")
    return tables(
        folder, [folder / sample_file], [folder / link_file], names, folder,
        [folder / "events.parquet"],
    )  # fmt: skip


def _kind(row: Mapping[str, Any]) -> str:
    """Whose row it is: a cell's, or the network's own."""
    if row["benchmark"] == "calibration":
        return "calibration"
    return "bracket" if str(row.get("record")).startswith("bracket/") else ""


def tables(
    folder: Path,
    samples: list[Path],
    links: list[Path],
    names: Iterable[str] | None = None,
    network: Path | None = None,
    events: Sequence[Path] = (),
) -> dict[str, Path]:
    """The aggregate tables of these files: all of them, or those of these names with what they need.

    `network` is the folder with `calibration` and `bracket`, if there is one.
    """
    files: dict[str, Path] = {}
    own = [
        [] if network is None else [network / kind / file]
        for kind in ("calibration", "bracket")
        for file in ("benchmark=x/vpn=y.parquet", "links.parquet")
    ]
    for name in aggregate.names() if names is None else needed(*names):
        files[name] = folder / "tables" / f"{name}.parquet"
        aggregate.aggregate(name, samples, links, files[name], files, *own)
    if names is None:
        files |= analysed(folder, samples, links, files, events=events)
    return files


def needed(*names: str) -> list[str]:
    """Tables and all that they need, in the order in which they are made."""
    before = (table for name in names for need in aggregate.needs(name) for table in needed(need))
    return [*dict.fromkeys([*before, *names])]


def analysed(
    folder: Path,
    samples: list[Path],
    links: list[Path],
    tables: Mapping[str, Path],
    design: Mapping[str, Any] | None = None,
    events: Sequence[Path] = (),
) -> dict[str, Path]:
    """The tables that are computed from the others; of a plan that only the data tell, if not given."""
    out = {name: folder / "tables" / f"{name}.parquet" for name in analysis.TABLES}
    settings = {"stock": {}, "bbr": {"net.ipv4.tcp_congestion_control": "bbr"}}
    plan: dict[str, Any] = {
        "systems": [], "tunings": ["stock"], "settings": settings, **(design or {})
    }  # fmt: skip
    step.analyse(samples, links, tables, plan, out, plan.pop("decided", None), events)
    return out


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a table."""
    rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


def campaign(
    rounds: int = 2, *, all_failed: bool = False, vpns: Iterable[str] = VPNS
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The samples and links of the whole campaign.

    ZeroTier was planned and never run; Tinc's tcp cell of round 2 at High is missing; a cell of
    WireGuard has a mark.
    """
    dice = random.Random(7)  # noqa: S311
    samples: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for at, index in _calibrations(rounds):
        links.append(link(**at, measuring_s=4.0, duration_s=4.6))
        off = (at["profile"], at["round"], index) == ("high", 2, 1)
        samples += _calibration(dice, at, off=off)
    wrong = troubles(rounds)
    for number, (at, index) in enumerate(_measured(rounds, vpns)):
        key = at["vpn"], at["profile"], at["benchmark"], at["round"], index
        status, reason = wrong.get(key, ("ok", None))
        if all_failed:
            status, reason = "failed", "no reply within 60 s"
        took = 9.0 if at["benchmark"] == "ping" else 30.3
        links.append(
            link(
                **at,
                status=status,
                reason=reason,
                marks=[MARK] if key[:2] == ("wireguard", "low") and at["round"] == 1 else [],
                started=START + number * timedelta(seconds=40),
                duration_s=took + dice.uniform(0.4, 3),
                measuring_s=took,
            )
        )
        if status == "ok":
            samples += (_ping if at["benchmark"] == "ping" else _tcp)(dice, at)
        else:
            samples += empty(status=status, reason=reason, **at)
    return samples, links


def _calibrations(rounds: int) -> Iterator[tuple[dict[str, Any], int]]:
    for round_, profile in product(range(1, rounds + 1), PROFILES):
        for index, (source, target) in enumerate(LINKS):
            where = {"profile": profile, "source": source, "target": target}
            yield cell(round=round_, benchmark="calibration", **where), index


def _measured(rounds: int, vpns: Iterable[str]) -> Iterator[tuple[dict[str, Any], int]]:
    for key in product(range(1, rounds + 1), vpns, PROFILES, ("ping", "tcp")):
        round_, vpn, profile, benchmark = key
        if vpn not in _RTT or key == (2, "tinc", "high", "tcp"):
            continue
        for index, (source, target) in enumerate(LINKS):
            where = {"profile": profile, "source": source, "target": target}
            yield cell(round=round_, vpn=vpn, benchmark=benchmark, **where), index


_VARIANTS = (
    ("single", "forward", 1.0),
    ("single", "reverse", 0.98),
    ("bidir", "forward", 0.92),
    ("bidir", "reverse", 0.85),
)
_TCP_HEADLINES = (
    ("goodput", "bit/s"), ("send_rate", "bit/s"), ("retransmits", "1"), ("retransmit_rate", "1")
)  # fmt: skip


def _tcp(dice: random.Random, at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    level = _MBIT[at["vpn"]][PROFILES.index(at["profile"])] * 1e6
    loss = _IMPAIRED[at["profile"]][2]
    for mode, direction, share in _VARIANTS:
        key = {**at, "mode": mode, "direction": direction}
        mean = level * share * dice.lognormvariate(0, 0.02 if loss == 0 else 0.2)
        for second in range(5):
            value = mean * dice.lognormvariate(0, 0.1)
            yield sample("goodput", value, "bit/s", **key, t_s=float(second))
        yield sample("goodput", mean, "bit/s", **key)
        yield sample("send_rate", mean * 1.002, "bit/s", **key)
        sent = mean * 30 / 8
        rate = loss * dice.uniform(0.8, 2.4) + dice.uniform(0, 2e-5)
        yield sample("sent", sent, "byte", **key)
        yield sample("mss", 1368.0, "byte", **key)
        yield sample("retransmits", float(round(rate * sent / 1368)), **key)
        yield sample("retransmit_rate", rate, **key)


def empty(**at: Any) -> Iterator[dict[str, Any]]:
    """A link's headlines without a value, as parsing writes them for one that failed."""
    if at["benchmark"] == "ping":
        for metric in ("rtt_min", "rtt_avg", "rtt_max", "rtt_mdev"):
            yield sample(metric, None, "ms", **at)
        yield sample("ping_loss", None, **at)
        return
    for (mode, direction, _), (metric, unit) in product(_VARIANTS, _TCP_HEADLINES):
        yield sample(metric, None, unit, **at, mode=mode, direction=direction)


def _ping(dice: random.Random, at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    profile = _IMPAIRED[at["profile"]]
    added = profile[4] * 2
    times = [
        max(0.3, _RTT[at["vpn"]] * dice.lognormvariate(0, 0.08) + added + dice.gauss(0, profile[5]))
        for _ in range(100)
        if dice.random() > 2 * profile[2]
    ]
    for index, value in enumerate(times):
        yield sample("rtt", value, "ms", **at, t_s=index * 0.1)
    mean = sum(times) / len(times)
    for metric, value in (
        ("rtt_min", min(times)),
        ("rtt_avg", mean),
        ("rtt_max", max(times)),
        ("rtt_mdev", 0.4),
        ("rtt_ipdv", 0.3 + profile[5]),
        ("rtt_pdv", 1.2 + 2 * profile[5]),
    ):
        yield sample(metric, value, "ms", **at)
    yield sample("ping_sent", 100.0, **at)
    yield sample("ping_received", float(len(times)), **at)
    yield sample("ping_loss", 1 - len(times) / 100, **at)
    yield sample("ping_loss_apart", 1 - len(times) / 100, **at)
    yield sample("ping_loss_period", float(len(times) < 100), **at)


def _calibration(dice: random.Random, at: dict[str, Any], *, off: bool) -> Iterator[dict[str, Any]]:
    delay, jitter, loss, reorder, mean, deviation = _IMPAIRED[at["profile"]]
    for direction in ("forward", "reverse"):
        key = {**at, "direction": direction}
        lost = sum(dice.random() < loss for _ in range(2000))
        real = mean * (1.4 if off else 1) + dice.gauss(0, 0.05) * (mean > 0)
        for metric, value in {
            "owd_mean": 0.05 + real,
            "owd_sd": deviation + dice.uniform(0, 0.05),
            "owd_p50": 0.05 + delay,
            "owd_p99": 0.06 + delay + jitter,
            "nominal_delay": delay,
            "nominal_jitter": jitter,
            "expected_delay": mean,
            "expected_delay_sd": deviation,
            "tolerance_delay": max(0.5, 0.1 * mean),
        }.items():
            yield sample(metric, float(value), "ms", **key)
        for metric, value in {
            "probe_sent": 2000,
            "probe_received": 2000 - lost,
            "probe_loss": lost / 2000,
            "reordered": max(0.0, dice.gauss(reorder * 6, 0.01)) if reorder else 0.0,
            "duplicated": 0,
            "nominal_loss": loss,
            "nominal_reorder": reorder,
            "expected_loss": loss,
            "tolerance_loss": 0.1 * loss,
        }.items():
            yield sample(metric, float(value), **key)
