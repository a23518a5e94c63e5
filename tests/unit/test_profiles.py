"""Profiles as a person writes them: what goes together, what does not, and what is said then."""

from pathlib import Path

import pytest

from meshbench import benchmarks, vpns
from meshbench.config.load import load_campaign, load_named
from meshbench.config.profile import Override, Profile, emulators, on_link
from meshbench.config.sources import Source
from meshbench.impairment.physics import bursts, expected, largest_round_trip_s, queue_limit
from meshbench.runner import needs
from meshbench.util.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config"


def load(tmp_path: Path, profile: str, testbed: str = "kind: lab") -> Profile:
    for kind, name, text in (
        ("profiles", "mine", profile), ("testbeds", "lab", testbed),
        ("tunings", "stock", ""), ("vpns", "internal", "driver: internal"),
    ):  # fmt: skip
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"{name}.yaml").write_text(text)
    config = tmp_path / "config.yaml"
    config.write_text("campaign: x\nvpns: [internal]\nprofiles: [mine]\nbenchmarks: {ping: {}}\n")
    source = Source.read(config)
    campaign = load_campaign(source.data, [source], tmp_path, vpns, benchmarks)
    return campaign.profiles["mine"]


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("queue_ms: 10", 1, "queue_ms", "needs a rate_mbit"),
        ("queue_packets: 10", 1, "queue_packets", "needs a rate_mbit"),
        ("rate_mbit: 1\nqueue_ms: 50\nqueue_packets: 5", 3, "queue_packets", "say the queue once"),
        ("rate_mbit: 1\nqueue_ms: 2", 2, "queue_ms", "250 bytes at this rate, less than one full"),
        ("rate_mbit: 0", 1, "rate_mbit", "0.01"),
        ("rate_mbit: 1\nqueue_packets: 0", 2, "queue_packets", "1"),
        ("loss_percent: 1\nloss_model: {p_percent: 1, r_percent: 9}", 2, "loss_model",
         "not together with loss_percent"),
        ("loss_model: {p_percent: 1}", 1, "loss_model.r_percent", "is required"),
        ("loss_model: {p_percent: 0, r_percent: 5}", 1, "loss_model.p_percent", "more than 0"),
        ("loss_model: {p_percent: 1, q_percent: 5, r_percent: 5}", 1, "loss_model.q_percent",
         "unknown key"),
        ("jitter_keeps_order: true", 1, "jitter_keeps_order", "needs a jitter_ms"),
        ("hosts:\n  lomm: {delay_ms: 1}", 2, "hosts.lomm", "testbed 'lab' has lom, yuki, luna"),
        ("links:\n  lom->nobody: {delay_ms: 1}", 2, "links.lom->nobody", "not two hosts"),
        ("links:\n  lom->lom: {delay_ms: 1}", 2, "links.lom->lom", "two different hosts"),
        ("links:\n  lom-yuki: {delay_ms: 1}", None, "links", "lom->yuki"),
        ("hosts:\n  lom: {}", 2, "hosts.lom", "changes nothing"),
        ("hosts:\n  lom:\n    queue_ms: 5", 3, "hosts.lom.queue_ms", "needs a rate_mbit"),
        ("links:\n  lom->yuki:\n    reorder_percent: 5", 3, "links.lom->yuki.reorder_percent",
         "needs a delay_ms"),
        ("rate_mbit: 2000", 1, "rate_mbit", "more than the testbed's own line of 1000"),
        ("hosts:\n  lom:\n    rate_mbit: 2000", 3, "hosts.lom.rate_mbit", "raise data_rate_bps"),
    ],
)  # fmt: skip
def test_what_cannot_be_says_file_key_and_what_to_do(
    tmp_path: Path, text: str, line: int | None, key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    [problem] = error.value.problems
    assert problem.file == str(tmp_path / "profiles" / "mine.yaml")
    assert key in problem.key
    assert words in problem.message
    assert line is None or problem.line == line


def test_an_unlimited_lab_carries_any_rate(tmp_path: Path) -> None:
    profile = load(tmp_path, "rate_mbit: 2000", "kind: lab\ndata_rate_bps: none")
    assert (profile.rate_bps, profile.queue_bytes) == (2_000_000_000, 25_000_000)


def test_an_override_takes_the_place_of_what_it_excludes(tmp_path: Path) -> None:
    profile = load(tmp_path, (
        "loss_percent: 1\nrate_mbit: 10\nqueue_ms: 50\n"
        "hosts:\n  lom: {queue_packets: 9, loss_model: {p_percent: 1, r_percent: 9}}\n"
        "links:\n  luna->lom: {loss_percent: 2}\n"
    ))  # fmt: skip
    lom = profile.at("lom", None)
    assert (lom.queue_ms, lom.queue_packets, lom.loss_percent) == (None, 9, 0)
    link = on_link(profile, "ingress", "luna", "lom")
    assert (link.loss_model, link.loss_percent, link.queue_packets) == (None, 2, 9)
    assert on_link(profile, "egress", "luna", "lom").queue_ms == 50


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("profiles/*.yaml")), ids=lambda p: p.stem)
@pytest.mark.parametrize("placement", ["ingress", "egress"])
def test_shipped_profiles_can_be_emulated(path: Path, placement: str) -> None:
    profile = load_named(path.parent, path.stem, Profile, ("", None))
    hosts = ("lom", "yuki", "luna")
    pairs = [
        (emulator.host, peer)
        for emulator in emulators(profile, placement, hosts)
        for peer in emulator.peers
    ]
    assert len(pairs) == len(set(pairs)) == 6
    assert queue_limit(profile, 1_000_000_000) <= 1_000_000
    if profile.links:
        up, down = (on_link(profile, placement, *ends) for ends in (hosts[:2], hosts[1::-1]))
        assert 0 < (up.rate_bps or 0) < (down.rate_bps or 0)


def test_time_limits_know_full_queues_and_both_directions() -> None:
    up = Profile(delay_ms=20, jitter_ms=5, rate_mbit=1, queue_ms=400)
    down = Profile(delay_ms=20, rate_mbit=10, queue_packets=100)
    full = 100 * 1514 * 8 / 10e6
    assert largest_round_trip_s(up, down) == pytest.approx(0.025 + 0.4 + 0.02 + full)
    assert largest_round_trip_s(up, up) == pytest.approx(2 * 0.425)


def test_the_emulator_holds_the_queue_besides_the_delay() -> None:
    assert queue_limit(Profile(rate_mbit=1, queue_packets=5000), None) == 6000
    small = Profile(rate_mbit=1, hosts={"lom": Override(queue_packets=5000)})
    assert queue_limit(small, None) == 6000


def test_bursts_have_gilbert_and_elliott_s_mean_and_variance() -> None:
    assert bursts(0.01, 0.25, 1, 0)[0] == pytest.approx(0.01 / 0.26)
    assert bursts(0.3, 0.7, 1, 0) == pytest.approx((0.3, 1))  # no memory: independent losses
    loss, variance = bursts(0.01, 0.25, 0.5, 0.1)
    bad = 0.01 / 0.26
    assert loss == pytest.approx(bad * 0.5 + (1 - bad) * 0.1)
    memory = 1 - 0.26
    covariances = sum(2 * bad * (1 - bad) * 0.4**2 * memory**n for n in range(1, 400))
    assert variance == pytest.approx(1 + covariances / (loss * (1 - loss)), rel=1e-6)
    assert bursts(1, 1, 1, 1) == (1, 1)


@pytest.mark.parametrize("spacing_ms", [0.5, 2, 50])
def test_ordered_jitter_is_as_late_as_the_latest_before_it(spacing_ms: float) -> None:
    import random  # noqa: PLC0415

    profile = Profile(delay_ms=4, jitter_ms=7, jitter_keeps_order=True)
    draw, latest, delays = random.Random(5), 0.0, []  # noqa: S311
    for number in range(60_000):
        sent = number * spacing_ms
        latest = max(latest, sent + max(0.0, draw.uniform(-3, 11)))
        delays.append(latest - sent)
    mean = sum(delays) / len(delays)
    deviation = (sum((x - mean) ** 2 for x in delays) / len(delays)) ** 0.5
    predicted = expected(profile, spacing_ms)
    assert predicted.delay_ms == pytest.approx(mean, rel=0.02)
    assert predicted.delay_sd_ms == pytest.approx(deviation, rel=0.03)


def test_a_packet_takes_a_bottleneck_its_time() -> None:
    assert expected(Profile(delay_ms=5, rate_mbit=1), 2, 1000).delay_ms == pytest.approx(6)


def test_a_bottleneck_wants_iperf3_on_the_hosts_of_a_lab() -> None:
    assert "iperf3" not in needs.debian_packages([])
    assert "iperf3" in needs.debian_packages([needs.BOTTLENECK])
    assert not Profile(delay_ms=1).rated
    only_one = Profile(links={"lom->yuki": Override(rate_mbit=1)})
    assert only_one.rated
