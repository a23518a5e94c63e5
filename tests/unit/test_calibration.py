"""The calibration: irtt's probes by direction, reordering by RFC 4737, and what was to be expected."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench import benchmarks
from meshbench.benchmarks.base import Direction, Link, Observation
from meshbench.benchmarks.calibration import Calibration, reordered
from meshbench.benchmarks.tools import line_probe
from meshbench.config.profile import Profile
from meshbench.impairment.physics import HEADROOM, expected, largest_round_trip_s, queue_limit
from meshbench.results.records import Status
from tests.unit import making

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
LOW = Profile(delay_ms=2, jitter_ms=2, loss_percent=0.25)
MEDIUM = Profile(delay_ms=4, jitter_ms=7, loss_percent=1)
HIGH = Profile(delay_ms=6, jitter_ms=15, loss_percent=2.5)
SPAN = st.floats(0, 1000).map(lambda x: round(x, 1))


def parse(text: str) -> dict[tuple[str, str], float | None]:
    values = list(Calibration().parse_link(making.link(making.command(text, role="irtt"))))
    by_metric: dict[tuple[str, str], float | None] = {
        (value.direction, value.metric.name): value.value for value in values
    }
    assert len(by_metric) == len(values)
    return by_metric


def test_recorded_probes_are_counted_by_direction() -> None:
    by_metric = parse(making.text("irtt.json"))
    trips = making.document("irtt.json")["round_trips"]
    assert by_metric["forward", "probe_sent"] == len(trips) == 40
    assert by_metric["forward", "probe_received"] == by_metric["reverse", "probe_sent"] == 38
    assert by_metric["reverse", "probe_received"] == 37
    assert by_metric["forward", "probe_loss"] == pytest.approx(2 / 40)
    assert by_metric["reverse", "probe_loss"] == pytest.approx(1 / 38)
    back = [trip for trip in trips if trip["lost"] == "false"]
    for direction, way in (("forward", "send"), ("reverse", "receive")):
        delays = [trip["delay"][way] / 1e6 for trip in back]
        assert by_metric[direction, "owd_mean"] == pytest.approx(fmean(delays))
        assert min(delays) <= (by_metric[direction, "owd_p50"] or 0) <= max(delays)
        assert 0 < (by_metric[direction, "reordered"] or 0) < 1


def trip(number: int, *, there: int, away: int, back: int, lost: str = "false") -> dict[str, Any]:
    """A probe sent at `number` ms that the server got, sent back and the client got at these ms."""
    walls = {
        "client": {"send": number, "receive": back},
        "server": {"receive": there, "send": away},
    }
    stamps = {
        side: {event: {"wall": at * 1_000_000} for event, at in events.items()}
        for side, events in walls.items()
    }
    delay = {"send": (there - number) * 1e6, "receive": (back - away) * 1e6}
    return {"seqno": number, "lost": lost, "timestamps": stamps, "delay": delay}


def test_each_direction_is_reordered_by_itself() -> None:
    trips = [  # 1 overtakes 0 on the way there; nothing overtakes on the way back
        trip(0, there=9, away=9, back=19),
        trip(1, there=5, away=5, back=15),
        trip(2, there=12, away=12, back=22),
    ]
    by_metric = parse(json.dumps({"round_trips": trips, "stats": {"server_packets_received": 3}}))
    assert by_metric["forward", "reordered"] == pytest.approx(1 / 3)
    assert by_metric["reverse", "reordered"] == 0
    assert by_metric["forward", "owd_mean"] == pytest.approx(23 / 3)


def test_nothing_arrived_is_a_loss_of_one_and_no_delay() -> None:
    trips = [trip(0, there=0, away=0, back=0, lost="true_up")] * 3
    by_metric = parse(json.dumps({"round_trips": trips, "stats": {"server_packets_received": 0}}))
    assert by_metric == {
        ("forward", "probe_sent"): 3, ("forward", "probe_received"): 0,
        ("forward", "probe_loss"): 1, ("reverse", "probe_sent"): 0,
        ("reverse", "probe_received"): 0,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "irtt: no reply", "{}", '{"round_trips": []}'])
def test_output_that_is_no_result_has_no_values(text: str) -> None:
    assert parse(text) == {}


@pytest.mark.parametrize(
    ("arrivals", "share"),
    [
        ([0, 1, 2, 3], 0),
        ([0, 2, 1, 3], 1 / 4),
        ([3, 0, 1, 2], 3 / 4),  # one early packet makes all the others late
        ([0, 1, 4, 2, 3, 5], 2 / 6),
        ([5], 0),
        ([2, 9, 40], 0),  # lost ones are not late
        ([1, 1, 2], 0),
    ],
)
def test_reordering_is_rfc_4737_s(arrivals: list[int], share: float) -> None:
    assert reordered(arrivals) == pytest.approx(share)


@given(st.lists(st.integers(0, 100), min_size=1))
def test_a_packet_is_late_when_a_later_one_was_there(arrivals: list[int]) -> None:
    late = sum(any(earlier > x for earlier in arrivals[:i]) for i, x in enumerate(arrivals))
    assert reordered(arrivals) == pytest.approx(late / len(arrivals))


@pytest.mark.parametrize(("profile", "mean"), [(LOW, 2.0), (MEDIUM, 4.32), (HIGH, 7.35)])
def test_the_expected_delay_is_the_clipped_uniform_one(profile: Profile, mean: float) -> None:
    assert expected(profile).delay_ms == pytest.approx(mean, abs=0.005)


@pytest.mark.parametrize("profile", [LOW, MEDIUM, HIGH, Profile(delay_ms=9, jitter_ms=1)])
def test_mean_and_deviation_are_those_of_many_draws(profile: Profile) -> None:
    steps = 200_001
    low, span = profile.delay_ms - profile.jitter_ms, 2 * profile.jitter_ms
    draws = [max(low + span * i / (steps - 1), 0) for i in range(steps)]
    mean = fmean(draws)
    deviation = fmean((x - mean) ** 2 for x in draws) ** 0.5
    assert expected(profile).delay_ms == pytest.approx(mean, rel=1e-3)
    assert expected(profile).delay_sd_ms == pytest.approx(deviation, rel=1e-3)


@given(delay=SPAN, jitter=SPAN)
def test_clipping_only_adds_delay(delay: float, jitter: float) -> None:
    predicted = expected(Profile(delay_ms=delay, jitter_ms=jitter))
    assert delay - 1e-3 <= predicted.delay_ms <= delay + jitter + 1e-3
    assert 0 <= predicted.delay_sd_ms <= jitter / 3**0.5 + 1e-3


@given(delay=SPAN, jitter=SPAN, rate=st.none() | st.integers(1_000_000, 100_000_000_000))
def test_the_queue_holds_the_longest_delay_with_room(
    delay: float, jitter: float, rate: int | None
) -> None:
    limit = queue_limit(Profile(delay_ms=delay, jitter_ms=jitter), rate)
    packets = (rate or 10_000_000_000) * (delay + jitter) / 1000 / 12_000
    assert limit >= max(1000, HEADROOM * packets)


def test_queue_limits_of_the_thesis_s_profiles() -> None:
    assert [queue_limit(p, 1_000_000_000) for p in (LOW, MEDIUM, HIGH)] == [1667, 2833, 4500]
    assert largest_round_trip_s(HIGH, HIGH) == pytest.approx(0.042)


def test_the_expectation_stands_beside_the_values() -> None:
    observations: dict[str, list[Observation]] = {}
    record = making.record(making.link(), profile=MEDIUM.model_dump())
    for value in benchmarks.make("calibration", {"delay_tolerance_ms": 0.1}).parse(record):
        observations.setdefault(value.metric.name, []).append(value)
    [planned] = observations.pop("probe_planned")
    assert (planned.value, planned.direction) == (2000, "forward")
    assert all(
        {v.direction for v in values} == {"forward", "reverse"} for values in observations.values()
    )
    by_metric = {name: values[0].value for name, values in observations.items()}
    assert by_metric["nominal_delay"] == 4
    assert by_metric["nominal_loss"] == by_metric["expected_loss"] == pytest.approx(0.01)
    assert by_metric["expected_delay"] == pytest.approx(4.32, abs=0.005)
    assert by_metric["tolerance_delay"] == pytest.approx(0.432, abs=0.001)
    assert by_metric["tolerance_loss"] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("received", "said"),
    [(40, []), (36, []), (35, ["irtt sent 35 of 40 probes on lom->yuki"])],
)
def test_probes_that_irtt_did_not_send_are_marked(received: int, said: list[str]) -> None:
    trips = [trip(n, there=n + 1, away=n + 1, back=n + 2) for n in range(received)]
    text = json.dumps({"round_trips": trips, "stats": {"server_packets_received": received}})
    calibration = benchmarks.make("calibration", {"duration_s": 0.04, "interval_ms": 1})
    assert list(calibration.marks(making.link(making.command(text, role="irtt")))) == said
    failed = making.link(making.command(""), status=Status.TOOL_FAILED)
    assert list(calibration.marks(failed)) == []


def test_the_tolerance_of_a_loss_is_never_below_one_probe_in_ten_thousand() -> None:
    values = list(Calibration().parse(making.record(making.link(), profile={})))
    assert {v.value for v in values if v.metric.name == "tolerance_loss"} == {1e-4}


def test_correlated_losses_vary_more() -> None:
    assert expected(LOW).loss_variance == 1
    correlated = LOW.model_copy(update={"loss_correlation_percent": 50.0})
    assert expected(correlated).loss_variance == pytest.approx(3)


def test_both_tools_run_on_the_bare_link_and_irtt_decides() -> None:
    def answer(argv: Any) -> Any:
        if argv[0] == "ss":
            return "UNCONN 0 0 *:5201 *:*\n"
        return (3, "", "no reply\n") if argv[:2] == ["irtt", "client"] else ""

    host = making.ScriptedHost(answer=answer)
    link = Link(host, host, "192.0.2.1", "192.0.2.2", "data0")
    outcome = making.measured("calibration", link, {"duration_s": 2, "interval_ms": 1})
    assert (outcome.status, outcome.reason) == (Status.TOOL_FAILED, "irtt ended with 3: no reply")
    asked = [argv for argv in host.asked if argv[0] in {"irtt", "ping"}]
    assert [argv[0] for argv in asked] == ["irtt", "ping"]
    assert "-i 1ms -d 2s" in " ".join(asked[0])


# --- bottlenecks --------------------------------------------------------------------------------


def rated(
    source: str, target: str, rate_bps: int | None, back_bps: int | None, port: int = 5201
) -> Link:
    hosts = making.ScriptedHost(source, lambda _: ""), making.ScriptedHost(target, lambda _: "")
    return Link(
        *hosts, "192.0.2.1", "192.0.2.2", "data0", rate_bps=rate_bps, back_rate_bps=back_bps,
        port=port,
    )  # fmt: skip


def test_bottlenecks_are_filled_where_there_are_some_and_one_of_a_host_at_a_time() -> None:
    plain = [rated("lom", "yuki", None, None), rated("yuki", "luna", None, None)]
    assert line_probe.batches(plain) == []
    ring = [rated(*ends, 10, 10) for ends in (("lom", "yuki"), ("yuki", "luna"), ("luna", "lom"))]
    assert [len(batch) for batch in line_probe.batches(ring)] == [1] * 6
    apart = [rated("lom", "yuki", 10, 5), rated("luna", "noam", 20, None)]
    flows = [
        [(f.link.pair[0], f.direction, f.rate_bps) for f in b] for b in line_probe.batches(apart)
    ]
    assert flows == [
        [("lom", "forward", 10), ("luna", "forward", 20)], [("lom", "reverse", 5)]
    ]  # fmt: skip


def filled(link: Any, direction: str, seconds: list[float], times: list[float]) -> list[Any]:
    """The commands of a flow whose receiver had these rates, the first of which was omitted."""
    intervals = [
        {"streams": [{"start": n, "seconds": 1.0, "bits_per_second": rate, "omitted": n == 0,
                      "sender": False}]}
        for n, rate in enumerate(seconds)
    ]  # fmt: skip
    report = {"intervals": intervals} if direction == "reverse" else {
        "server_output_json": {"intervals": intervals}
    }  # fmt: skip
    flow, echo = ("line", "line-ping") if direction == "forward" else (
        "line-reverse", "line-reverse-ping"
    )  # fmt: skip
    text = "".join(
        f"64 bytes from x: icmp_seq={n} ttl=64 time={t} ms\n" for n, t in enumerate(times)
    )
    return [
        making.command(json.dumps(report), role=f"{flow} {link.source}->{link.target}"),
        making.command(text, role=f"{echo} {link.source}->{link.target}"),
    ]


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_rate_and_wait_are_those_of_the_full_queue(direction: Direction) -> None:
    link = making.link(
        making.command(making.text("irtt.json"), role="irtt"),
        making.command("64 bytes from x: icmp_seq=1 ttl=64 time=20.0 ms\n", role="ping"),
    )
    link.commands += filled(link, direction, [9e9, 14e6, 14e6, 13e6], [25.0] * 20 + [220.0] * 60)
    by_metric = {(o.metric.name, o.direction): o.value for o in Calibration().parse_link(link)}
    assert by_metric["line_rate", direction] == pytest.approx(14e6 * 1442 / 1400)
    assert by_metric["queue_wait", direction] == pytest.approx(200)
    other: Direction = "reverse" if direction == "forward" else "forward"
    assert ("line_rate", other) not in by_metric
    link.commands[2] = making.command("iperf3: garbage", role=link.commands[2].role)
    assert "line_rate" not in {o.metric.name for o in Calibration().parse_link(link)}


def test_probes_take_little_of_a_slow_line() -> None:
    calibration = Calibration()
    assert calibration._interval_ms(rated("lom", "yuki", None, None)) == 2
    slow = calibration._interval_ms(rated("lom", "yuki", 1_000_000, 100_000_000))
    assert 242 * 8 / (slow / 1000) == pytest.approx(50_000)
