"""What the figures of packet sizes and of ping loss say of campaigns of which it is known what happened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshbench.figures import catalogue
from meshbench.figures.charts.latency import ping_loss
from meshbench.figures.charts.mtu import packet_sizes
from meshbench.figures.contract import Context, Data
from tests.unit import synthetic

REASON = "no echo request of 68 bytes was answered within 2 s"
PATHS = {
    "internal": (1500, 1500, None),
    "wireguard": (1420, 1390, None),
    "tinc": (1500, 1437, 1437.0),
    "nebula": (1300, 1300, None),
}
"""By system: the interface's MTU, what passes forward, and what the path says of larger ones."""
SIZES = (576, 1280, 1400, 1450, 2800)


def samples_of(
    at: dict[str, Any], direction: str, largest: int, interface: int, named: float | None
) -> Iterator[dict[str, Any]]:
    at = {**at, "direction": direction}
    yield synthetic.sample("tunnel_mtu", interface, "byte", **at)
    yield synthetic.sample("largest_whole", largest, "byte", **at)
    for size in SIZES:
        here = {**at, "stream": size, "t_s": 1.0}
        yield synthetic.sample("packet_passed", float(size <= largest), **here, mode="whole")
        if size > largest:
            whole = at["vpn"] != "wireguard"
            yield synthetic.sample("packet_passed", float(whole), **here, mode="any")
        if size > interface:
            yield synthetic.sample("packet_refused", 1.0, **here, mode="local")
        elif size > largest and named:
            yield synthetic.sample("packet_refused", 1.0, **here, mode="icmp")
            yield synthetic.sample("mtu_named", named, "byte", **here, mode="icmp")


def sizes(folder: Path) -> tuple[Data, Context]:
    """Nebula failed on its second link, ZeroTier was not run."""
    samples: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for vpn, (interface, largest, named) in PATHS.items():
        for number, (source, target) in enumerate(synthetic.LINKS):
            at = {"vpn": vpn, "benchmark": "mtu", "source": source, "target": target}
            bad = vpn == "nebula" and number == 1
            failure = {"status": "failed", "reason": REASON} if bad else {}
            links.append(synthetic.link(**at, **failure))
            if bad:
                samples += [
                    synthetic.sample("largest_whole", None, "byte", **at, **failure, direction=d)
                    for d in ("forward", "reverse")
                ]
                continue
            samples += samples_of(at, "forward", largest, interface, named)
            samples += samples_of(at, "reverse", interface, interface, named)
    context = synthetic.context(
        vpns=(*PATHS, "zerotier"), profiles=("baseline",), benchmarks=("mtu",), rounds=1
    )
    files = synthetic.write(folder, samples, links, ("impairment", "links", "packet_sizes"))
    return Data.read({"packet_sizes": files["packet_sizes"]}), context


def test_each_size_has_its_fate_in_words(tmp_path: Path) -> None:
    data, context = sizes(tmp_path)
    rows = packet_sizes._table(data)
    groups = packet_sizes._groups(rows, context)
    cells = packet_sizes._cells(groups, rows, packet_sizes._sizes(rows), context)
    shown = {(c["system"], c["column"]): (c["value"], c["detail"]) for c in cells}
    assert shown["internal", "1,450"] == ("whole", "")
    assert shown["internal", "2,800"] == ("too long", "in pieces")
    assert shown["tinc →", "1,450"] == ("ICMP 1437", "in pieces")
    assert shown["tinc ←", "1,450"] == ("whole", "")
    assert shown["wireguard →", "1,400"] == ("silent", "pieces lost 3/3")
    assert shown["wireguard ←", "1,400"] == ("whole", "")
    assert shown["nebula", "largest whole"] == ("1300", "n 2/3")
    assert "not run" in shown["zerotier", "576"][0]


def test_a_black_hole_and_a_failure_are_named(tmp_path: Path) -> None:
    data, context = sizes(tmp_path)
    loaded = catalogue.load("packet_sizes")
    assert "Black holes: wireguard." in loaded.caption(data, context)
    notes = " ".join(loaded.notes(data, context))
    assert f"1 of 3 failed: {REASON}" in notes
    assert "zerotier, everywhere: 3 of 3 not run" in notes


def losses(folder: Path, shares: dict[str, tuple[float, ...]]) -> tuple[Data, Context]:
    """Runs of 100 requests of each system, with these shares lost, on one link."""
    source, target = synthetic.LINKS[0]
    samples: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for vpn, runs in shares.items():
        at = {"vpn": vpn, "benchmark": "ping", "source": source, "target": target}
        links.append(synthetic.link(**at))
        alive = [share for share in runs if share < 1]
        whole = {
            "rtt_avg": 1.0, "ping_loss": sum(runs) / len(runs),
            "ping_loss_apart": sum(alive) / len(alive), "ping_loss_period": 100 * max(runs),
        }  # fmt: skip
        samples += [synthetic.sample(name, value, **at) for name, value in whole.items()]
        samples += [
            synthetic.sample("ping_loss", share, **at, stream=number)
            for number, share in enumerate(runs)
        ]
    context = synthetic.context(
        vpns=tuple(shares), profiles=("baseline",), benchmarks=("ping",), rounds=1,
        links=((source, target),),
    )  # fmt: skip
    files = synthetic.write(folder, samples, links)
    return Data.read({name: files[name] for name in catalogue.get("ping_loss").tables}), context


def test_an_outage_is_told_beside_the_loss_of_the_other_runs(tmp_path: Path) -> None:
    data, context = losses(tmp_path, {"nebula": (0.02, 1.0, 0.0), "tinc": (0.01, 0.0, 0.0)})
    caption = ping_loss.caption(data, context)
    assert (
        "nebula at baseline: 1 of 3 runs without any reply, 34 % on average, 1.0 % in the others"
        in caption
    )
    assert "tinc" not in caption
    assert "Longest loss period: 100 requests in turn (baseline: nebula)" in ping_loss.notes(
        data, context
    )


def test_without_an_outage_it_says_so(tmp_path: Path) -> None:
    data, context = losses(tmp_path, {"nebula": (0.02, 0.01, 0.0)})
    assert "No run was lost as a whole." in ping_loss.caption(data, context)
