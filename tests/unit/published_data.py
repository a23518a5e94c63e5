"""An invented run in the runner's schema, with every oddity of the published one (deterministic)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REAL = Path(__file__).parents[3] / "shared" / "data"
"""The published data, where they are there; nothing of them is part of this repository."""
ARCHIVE = REAL / "published-2025-12-18.tar.xz"
CLAIMS = REAL / "thesis-claims.csv"

HOSTS = ("lom", "yuki", "luna")
LINKS = (("lom", "yuki"), ("yuki", "luna"), ("luna", "lom"))
PASSWORD = "hunter2-secret"
DAY = 1766016000
"""2025-12-18 00:00 UTC."""
Json = dict[str, Any]


def meta(source: str, target: str, **other: Any) -> Json:
    """What the runner says about a test."""
    return {
        "duration_seconds": 32.5, "test_attempts": 1, "vpn_restart_attempts": 1,
        "vpn_restart_duration_seconds": 2.0, "connectivity_wait_duration_seconds": 10.0,
        "source": source, "target": target, **other,
    }  # fmt: skip


def success(data: Any, about: Json) -> Json:
    return {"status": "success", "data": data, "meta": about}


def error(about: Json, timeout: float | None = None, kind: str = "CmdOut", **fields: Any) -> Json:
    """An error envelope; a time-out has its limit at the top level."""
    body = {"stdout": "", "stderr": "", "cwd": "/home/user/x", "command_list": ["ssh"], "returncode": 1,
            "msg": "", **fields}  # fmt: skip
    if kind == "ClanError":
        body = {"description": "", "msg": "", "location": "", **fields}
    document = {
        "status": "error",
        "error_type": kind,
        "error": body,
        "meta": {**about, "test_attempts": 3},
    }
    return document if timeout is None else {**document, "timeout": timeout}


def statistics(values: Sequence[float]) -> Json:
    """As the runner stores them: exclusive quartiles, which two values push beyond the range."""
    ordered, n = sorted(values), len(values)

    def quantile(share: float) -> float:
        at = share * (n + 1)
        low = min(max(int(at), 1), n - 1)
        return ordered[low - 1] + (at - low) * (ordered[low] - ordered[low - 1])

    return {
        "min": ordered[0], "average": sum(ordered) / n, "max": ordered[-1],
        "percentiles": {"p25": quantile(0.25), "p50": quantile(0.5), "p75": quantile(0.75)},
    }  # fmt: skip


def iperf3(
    mbit: float, *, seconds: int = 3, mss: int = 1448, retransmits: int = 0, reorder: int = 0,
    started: float = DAY, reverse_mbit: float | None = None,
) -> Json:  # fmt: skip
    """A bidirectional TCP document; RTTs in microseconds, as iperf3 stores them."""
    back = mbit if reverse_mbit is None else reverse_mbit

    def total(rate: float, **other: Any) -> Json:
        return {"bytes": int(rate * 1e6 / 8 * seconds), "bits_per_second": rate * 1e6, **other}

    forward = {"snd_cwnd": 100_000, "snd_wnd": 200_000, "rtt": 2500, "rttvar": 100, "pmtu": mss + 52,
               "reorder": reorder, "retransmits": retransmits, "omitted": False, "sender": True}  # fmt: skip
    return {
        "start": {
            "connected": [], "version": "iperf 3.20", "timestamp": {"timesecs": started},
            "tcp_mss_default": mss,
            "test_start": {"protocol": "TCP", "num_streams": 1, "blksize": 131072, "duration": seconds,
                           "bidir": 1, "target_bitrate": 0},
        },
        "intervals": [
            {"streams": [
                {"start": float(s), "bytes": 1, "bits_per_second": mbit * 1e6, **forward},
                {"start": float(s), "bytes": 1, "bits_per_second": back * 1e6, "omitted": False, "sender": False},
            ]}
            for s in range(seconds)
        ],
        "end": {
            "streams": [
                {"sender": {"max_snd_cwnd": 204_800, "max_snd_wnd": 400_000, "min_rtt": 2000, "mean_rtt": 2800,
                            "max_rtt": 4000, "reorder": reorder, "sender": True}},
                {"sender": {"max_snd_cwnd": 10 * mss, "max_snd_wnd": 1, "min_rtt": 900, "mean_rtt": 1000,
                            "max_rtt": 1100, "reorder": 0, "sender": False}},
            ],
            "sum_sent": total(mbit, retransmits=retransmits, sender=True),
            "sum_received": total(mbit * 0.99),
            "sum_sent_bidir_reverse": total(back, retransmits=0),
            "sum_received_bidir_reverse": total(back * 0.99),
            "cpu_utilization_percent": {"host_total": 22.5, "remote_total": 131.0},
        },
    }  # fmt: skip


def udp(mbit: float, *, payload: int = 1448, lost_percent: float = 0.0) -> Json:
    """A bidirectional UDP document."""
    document = iperf3(mbit)
    document["start"]["test_start"] |= {"protocol": "UDP", "blksize": payload}
    del document["start"]["tcp_mss_default"]
    received = {"bits_per_second": mbit * 1e6, "jitter_ms": 0.02, "lost_packets": 5,
                "packets": 1000, "lost_percent": lost_percent}  # fmt: skip
    end = document["end"]
    end["sum_received"] = end["sum_received_bidir_reverse"] = received
    end["sum_sent"] |= {"packets": 1000}
    end["streams"] = [{"udp": {"sender": True, "out_of_order": 3}}]
    return document


def ping(rtts: Sequence[float], losses: Sequence[float] = (0, 0, 0)) -> Json:
    """Statistics over three runs; a run that lost everything has no RTT at all."""
    return {
        "rtt_min_ms": statistics([rtt * 0.9 for rtt in rtts]),
        "rtt_avg_ms": statistics(rtts),
        "rtt_max_ms": statistics([rtt * 2 for rtt in rtts]),
        "rtt_mdev_ms": statistics([rtt * 0.1 for rtt in rtts]),
        "packet_loss_percent": statistics(losses),
    }


def qperf(mbit: float) -> Json:
    return {
        "total_bandwidth_mbps": statistics([mbit - 1, mbit, mbit + 1]),
        "cpu_usage_percent": statistics([20, 30, 40]),
        "ttfb_ms": statistics([15, 16, 17]),
        "conn_time_ms": statistics([14, 15, 16]),
    }


def rist(dropped: Sequence[float] = (0, 0, 0, 0), frames: float = 15) -> Json:
    return {
        "encoding": {
            "bitrate_kbps": statistics([3300, 3350, 3490]),
            "fps": statistics([31, 31, 45]),
            "dropped_frames": statistics([frames, frames]),
        },
        "network": {
            "packets_dropped": statistics(dropped),
            "packets_recovered": statistics([0, 0, 1]),
            "rtt_ms": statistics([4, 5, 6]),
            "quality": statistics([100, 100, 99]),
            "bitrate_bps": statistics([3e6, 3.2e6, 3.3e6]),
        },
    }


def nix(seconds: float) -> Json:
    return {"results": [{
        "command": "nix copy", "mean": seconds, "stddev": 0.1, "median": seconds, "user": 1.0, "system": 0.5,
        "min": seconds - 0.1, "max": seconds + 0.1, "times": [seconds - 0.1, seconds + 0.1],
        "exit_codes": [0, 0], "parameters": {"url": "http://cache.vpn.x"},
    }]}  # fmt: skip


def connections(
    host: str, first: str, waits: Mapping[str, float], took: Mapping[str, float]
) -> Json:
    """Connection timings of a host: `first` is ``v4`` or ``vpn``; times in seconds, under a minute."""

    def result(peer: str, seconds: float) -> Json:
        return {"response": peer, "ended": "2025-12-18T00:01:00+00:00", "attempt": 3, "status": "success",
                "time_took": f"0:00:{seconds:09.6f}"}  # fmt: skip

    peers = [peer for peer in HOSTS if peer != host]
    return {
        "started": "2025-12-18T00:00:30.5+00:00",
        "public_ips": {f"{first}.{peer}": peer for peer in peers},
        "public_results": {f"{first}.{peer}": result(peer, waits[peer]) for peer in peers},
        "vpn_ips": {f"vpn.{peer}": peer for peer in peers},
        "vpn_results": {f"vpn.{peer}": result(peer, took[peer]) for peer in peers},
    }


def timing(profile: str, started: float) -> Json:
    """A session of which the file of `profile` holds every earlier profile too."""
    phases: list[Json] = [{
        "phase": "vpn_installation", "duration_seconds": 150.0, "start_timestamp": started,
        "operations": [
            {"name": "nix_flake_update", "duration_seconds": 11.0, "success": True},
            {"name": "install_demo_config", "duration_seconds": 9.0, "success": True},
            {"name": "make_coffee", "duration_seconds": 1.0, "success": True},
        ],
    }]  # fmt: skip
    phases += [
        {"phase": "benchmarking", "duration_seconds": 200.0, "start_timestamp": started + 150,
         "metadata": {"profile": name},
         "operations": [{"name": "tc_stabilization", "duration_seconds": 30.0},
                        {"name": "run_tests", "duration_seconds": 170.0}]}
        for name in ("baseline", profile)
    ]  # fmt: skip
    return {
        "vpn_name": "demo",
        "total_duration_seconds": 350.0,
        "start_timestamp": started,
        "phases": phases,
    }


TC_LOW = {"bandwidth_mbit": None, "latency_ms": 4, "jitter_ms": 4, "packet_loss_percent": 0.5,
          "reorder_percent": 1.0, "reorder_correlation": 25.0}  # fmt: skip
SETUP_FAILED = json.dumps({
    "start": {"timestamp": {"timesecs": DAY + 60}, "test_start": {"blksize": 1448}},
    "intervals": [], "end": {}, "error": "unable to read from stream socket: No such file or directory",
})  # fmt: skip


def exchange_failed(seconds: int) -> Json:
    """A document that ran to its end and then lost its results."""
    document = iperf3(5, seconds=seconds)
    return {**document, "end": {}, "error": "unable to receive results: No such file or directory"}


def pair_error(document: Json | None, tail: str = "") -> str:
    """The text that stands for a failed pair: command, output and error in one."""
    command = f"bash -c 'export IPERF3_PASSWORD={PASSWORD}; exec' -- 'iperf --bidir --connect-timeout 600 --time 60 -c vpn.x'"
    return f"\n=== Command ===\nssh {command}\n=== Stdout ===\n{json.dumps(document, indent=4) if document else ''}\n{tail}"


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def again(folder: Path, longer_s: float) -> Path:
    """Make a run another one: every test of it took so much longer."""
    for path in folder.rglob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and "duration_seconds" in document.get("meta", {}):
            document["meta"]["duration_seconds"] += longer_s
        elif isinstance(document, dict) and "vpn_results" in document:
            document["started"] = document["started"].replace(":30.5", f":{30.5 + longer_s}")
        write(path, document)
    return folder


def run(folder: Path) -> Path:
    """Write the whole run below a folder; 'Demo' has the oddities, 'Internal' has none."""
    for vpn in ("Internal", "Demo"):
        for profile in ("baseline", "low_impairment"):
            _plain(folder / vpn / profile, mbit=900 if vpn == "Internal" else 300)
        write(folder / vpn / "layout.json", [
            {"cmachine": {"name": host, "flake": {"hash": "x"}}, "vpn_ip": f"192.168.2.{i}"}
            for i, host in enumerate(HOSTS, 1)
        ])  # fmt: skip
    write(folder / "General" / "hardware.json", {"status": "success", "data": {"machines": [
        {"machine_name": "lom", "cpu": {"cores": 4}, "memory": {"total_bytes": 1}, "network_controllers": []}
    ]}})  # fmt: skip
    write(folder / "General" / "comparison" / "baseline" / "tcp.json", {"status": "success"})
    _oddities(folder / "Demo")
    return folder


def _plain(folder: Path, mbit: float) -> None:
    for index, (source, target) in enumerate(LINKS):
        here, about = folder / f"{index}_{source}", meta(source, target)
        write(here / "tcp_iperf3.json", success(iperf3(mbit + index), about))
        write(here / "udp_iperf3.json", success(udp(mbit + index), about))
        write(here / "ping.json", success(ping([1.0, 1.1, 1.2]), about))
        write(here / "qperf.json", success(qperf(mbit), about))
        write(here / "rist_stream.json", success(rist(), about))
        write(here / "nix_cache.json", success(nix(10 + index), about))
        for name in ("connection_timings.json", "reboot_connection_timings.json"):
            waits = dict.fromkeys(HOSTS, 7.0)
            write(here / name, connections(source, "v4", waits, dict.fromkeys(HOSTS, 9.5)))
    pairs = [{"source": s, "target": t, "result": iperf3(mbit / 2)} for s, t in LINKS]
    write(
        folder / "parallel_tcp_iperf3.json",
        success({"pairs": pairs}, {"test_attempts": 1, "duration_seconds": 67}),
    )
    low = "low" in folder.name
    write(folder / "tc_settings.json", {"alias": folder.name, "settings": TC_LOW if low else None})
    write(folder / "timing_breakdown.json", timing(folder.name, DAY + 3 * 86400))


def _oddities(vpn: Path) -> None:
    low, base = vpn / "low_impairment", vpn / "baseline"
    about = [meta(source, target) for source, target in LINKS]
    # A dead stream that counts as success; an MSS of its own on one link.
    write(low / "0_lom" / "tcp_iperf3.json", success(iperf3(0.0, reverse_mbit=0.0), about[0]))
    write(low / "2_luna" / "tcp_iperf3.json", success(iperf3(300, mss=1353), about[2]))
    # UDP: set-up failed after 2 s; time-out of 120 s; results lost after a complete run.
    iperf = ["ssh", "--", "iperf --bidir --connect-timeout 600 --time 3 -u -b 0"]
    write(
        low / "0_lom" / "udp_iperf3.json",
        error(about[0] | {"duration_seconds": 1.9}, stdout=SETUP_FAILED, command_list=iperf),
    )
    write(
        low / "1_yuki" / "udp_iperf3.json",
        error(
            about[1] | {"service_logs": f"password={PASSWORD}\nlast line"},
            timeout=120,
            returncode=-1,
            msg="Command timed out after 120 seconds",
        ),
    )
    write(low / "2_luna" / "udp_iperf3.json",
          error(about[2], stdout=json.dumps(exchange_failed(3)), command_list=iperf))  # fmt: skip
    # QUIC: the runner crashed, once because the payload does not fit.
    crash: Json = {
        "kind": "ClanError",
        "description": "list index out of range",
        "msg": "Unexpected",
    }
    write(base / "0_lom" / "qperf.json", error(about[0], **crash))
    logs = "Dec 19 qperf[1]: sendmsg failed: Message too long"
    write(base / "1_yuki" / "qperf.json", error(about[1] | {"service_logs": logs}, **crash))
    # One ping run of three without any reply.
    write(low / "0_lom" / "ping.json", success(ping([2.0, 3.0], losses=[0, 0, 100]), about[0]))
    # Nix: cut off in the second copy under one limit, under another elsewhere; failed outright.
    copying = "copying 370 paths...\n" + "copying path '/nix/store/a' from\n" * 5
    write(
        low / "0_lom" / "nix_cache.json",
        error(
            about[0],
            timeout=700,
            msg="Command timed out after 700 seconds",
            stderr=copying + copying[:80],
        ),
    )
    write(
        low / "1_yuki" / "nix_cache.json",
        error(about[1], timeout=1800, msg="Command timed out after 1800 seconds"),
    )
    gave_up = (
        f"error: unable to download 'http://cache.vpn.lom/nar/{'0' * 52}': Timeout was reached"
    )
    ended = "Error: Command terminated with non-zero exit code 1 in the first warmup run."
    write(
        low / "2_luna" / "nix_cache.json",
        error(about[2], stderr=f"copying 370 paths...\n{gave_up}\n{ended}"),
    )
    # RIST: a wrapped counter; one file is missing altogether.
    write(low / "0_lom" / "rist_stream.json", success(rist(dropped=[0, 0, 0, 55500]), about[0]))
    (low / "2_luna" / "rist_stream.json").unlink()
    # Parallel: 0.6 s to connect; cut off at 250 s; one pair left.
    refused = {
        "start": {"connected": []},
        "intervals": [],
        "end": {},
        "error": "unable to connect to server: timed out",
    }
    write(low / "parallel_tcp_iperf3.json", success({"pairs": [
        {"source": "yuki", "target": "luna", "error": pair_error(refused), "error_type": "ClanCmdError"},
        {"source": "lom", "target": "yuki", "error_type": "ClanCmdTimeoutError",
         "error": pair_error(None, "Return Code: -1\n\nError Msg:  Command timed out after 250 seconds")},
        {"source": "luna", "target": "lom", "result": iperf3(40)},
    ]}, {"test_attempts": 1, "duration_seconds": 255}))  # fmt: skip
    # Connections whose first phase went through the VPN, and one that waited for a slow host.
    waits, took = dict.fromkeys(HOSTS, 10.06), dict.fromkeys(HOSTS, 10.07)
    write(low / "0_lom" / "reboot_connection_timings.json", connections("lom", "vpn", waits, took))
    write(low / "1_yuki" / "reboot_connection_timings.json",
          connections("yuki", "v4", {"lom": 7.0, "luna": 51.2}, {"lom": 57.3, "luna": 57.4}))  # fmt: skip
