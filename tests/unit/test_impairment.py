"""What is asked of the emulators, word for word, and what they say back."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench import config
from meshbench.config import Profile
from meshbench.errors import TestbedError
from meshbench.impairment import engine, linkem, netem
from meshbench.impairment.fake import FakeEngine
from meshbench.testbed.lab.layout import Layout
from tests.unit import making

FOLDER = Path(__file__).parents[2] / "config" / "profiles"
BASELINE, LOW, MEDIUM, HIGH = (
    config.load_named(FOLDER, name, Profile, ("", None))
    for name in ("baseline", "low", "medium", "high")
)
EVERYTHING = Profile(
    delay_ms=10.5, jitter_ms=0.25, loss_percent=1, loss_correlation_percent=30,
    duplicate_percent=0.1, reorder_percent=2, reorder_correlation_percent=50,
)  # fmt: skip
LAYOUT = Layout("lab", "owner", ("lom", "yuki", "luna"))


def plan(profile: Profile = LOW, placement: str = "ingress") -> engine.Plan:
    return engine.Plan(profile, placement, 1667, {"lom": 11, "yuki": 12, "luna": 13})


def reading(profile: Profile = LOW, **wrong: float) -> dict[str, Any]:
    return {"parameters": {**profile.model_dump(), "limit": 1667, **wrong}}


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (LOW, "delay 2ms 2ms loss 0.25% reorder 0.5% 25%"),
        (MEDIUM, "delay 4ms 7ms loss 1% reorder 2.5% 50%"),
        (HIGH, "delay 6ms 15ms loss 2.5% reorder 5% 50%"),
        (EVERYTHING, "delay 10.5ms 0.25ms loss 1% 30% duplicate 0.1% reorder 2% 50%"),
        (Profile(delay_ms=5), "delay 5ms"),
        (Profile(jitter_ms=5), "delay 0ms 5ms"),
        (Profile(loss_percent=3), "loss 3%"),
    ],
)
def test_netem_s_words_are_the_thesis_s_values(profile: Profile, words: str) -> None:
    assert netem.netem_words(profile, 1000, None) == ["limit", "1000", *words.split()]
    assert netem.netem_words(profile, 1000, 7)[-2:] == ["seed", "7"]


def test_a_rate_is_below_netem_not_in_it() -> None:
    [root] = netem.root_qdisc("data0", ["limit", "1000"], None)
    assert " ".join(root) == "tc qdisc replace dev data0 root handle 1: netem limit 1000"
    _, below = netem.root_qdisc("data0", ["limit", "1000"], 1_000_000_000)
    assert "parent 1:1" in " ".join(below)
    assert "tbf rate 1000000000bit" in " ".join(below)


@pytest.mark.parametrize("make", [netem.ingress_commands, netem.egress_commands])
def test_the_control_traffic_is_exempt_in_both_directions(make: Any) -> None:
    lines = [" ".join(argv) for argv in make("eth1", ["limit", "1000"], 2222)]
    ports = [line for line in lines if " match ip " in line]
    for side in ("dport", "sport"):
        assert sum(f"{side} 2222 " in line for line in ports) == 1
    assert sum("netem limit 1000" in line for line in lines) == 1
    # Exempted first: as soon as everything is redirected, SSH must already be spared.
    if make is netem.ingress_commands:
        redirect = next(i for i, line in enumerate(lines) if "mirred" in line)
        assert all(lines.index(line) < redirect for line in ports)


def test_clearing_takes_away_what_was_made() -> None:
    lines = {" ".join(argv) for argv in netem.clear_commands("eth1")}
    assert lines == {
        "tc qdisc del dev eth1 clsact", "tc qdisc del dev eth1 root", f"ip link del {netem.IFB}",
    }  # fmt: skip


def tc_says(profile: Profile, limit: int, overlimits: int = 0) -> str:
    """The shape of ``tc -j -s qdisc show``: seconds and shares."""
    options = {
        "limit": limit,
        "delay": {"delay": profile.delay_ms / 1000, "jitter": profile.jitter_ms / 1000,
                  "correlation": 0},
        "loss-random": {"loss": profile.loss_percent / 100,
                        "correlation": profile.loss_correlation_percent / 100},
        "duplicate": {"duplicate": profile.duplicate_percent / 100, "correlation": 0},
        "reorder": {"reorder": profile.reorder_percent / 100,
                    "correlation": profile.reorder_correlation_percent / 100},
        "gap": 1,
    }  # fmt: skip
    qdisc = {"kind": "netem", "handle": "1:", "root": True, "options": options, "drops": 77,
             "overlimits": overlimits}  # fmt: skip
    return json.dumps([{"kind": "tbf", "options": {}}, qdisc])


@pytest.mark.parametrize("profile", [LOW, MEDIUM, HIGH, EVERYTHING, Profile(delay_ms=1)])
def test_netem_s_read_back_verifies(profile: Profile) -> None:
    found = netem.reading(tc_says(profile, 1667))
    engine.verify(plan(profile), dict.fromkeys(("lom", "yuki", "luna"), found))


def test_losses_on_purpose_are_not_tail_drops() -> None:
    assert netem.reading(tc_says(LOW, 1000))["tail_drops"] == 0
    assert netem.reading(tc_says(LOW, 1000, overlimits=5))["tail_drops"] == 5


@pytest.mark.parametrize("text", ["", "[]", '[{"kind": "noqueue", "options": {}}]'])
def test_where_netem_is_not_nothing_is_read(text: str) -> None:
    assert netem.reading(text) == {}


def test_linkem_s_arguments_are_the_thesis_s_values() -> None:
    host = LAYOUT.hosts[0]
    argv = linkem.arguments(LAYOUT, host, plan(HIGH), 1_000_000_000, 606)
    pairs = [f"{option} {value}" for option, value in zip(argv[::2], argv[1::2], strict=True)]
    assert sorted(pairs) == [
        "--dead-man 606", "--delay-us 6000", "--in h2", "--in h3", "--jitter-us 15000",
        "--limit 1667", "--loss 2.5,0", f"--netns /run/netns/{LAYOUT.wire}",
        "--out h1=02:6d:62:00:00:01", "--rate-bps 1000000000", "--reorder 5,50", "--seed 11",
    ]  # fmt: skip


def test_linkem_impairs_what_a_host_receives_or_what_it_sends() -> None:
    def ends(placement: str) -> list[tuple[list[str], list[str]]]:
        found = []
        for host in LAYOUT.hosts:
            argv = linkem.arguments(LAYOUT, host, plan(LOW, placement), None, 1)
            pairs = list(pairwise(argv))
            found.append((
                [value for key, value in pairs if key == "--in"],
                [value.partition("=")[0] for key, value in pairs if key == "--out"],
            ))  # fmt: skip
            assert "--rate-bps" not in argv
        return found

    others = [["h2", "h3"], ["h1", "h3"], ["h1", "h2"]]
    own = [["h1"], ["h2"], ["h3"]]
    assert ends("ingress") == list(zip(others, own, strict=True))
    assert ends("egress") == list(zip(own, others, strict=True))


def test_hosts_have_their_own_seeds() -> None:
    seeds = [
        argv[argv.index("--seed") + 1]
        for argv in (linkem.arguments(LAYOUT, host, plan(), None, 1) for host in LAYOUT.hosts)
    ]
    assert seeds == ["11", "12", "13"]


def test_linkem_s_recorded_read_back_verifies() -> None:
    stats = making.document("linkem-stats.json")
    found = {"parameters": linkem.parameters(stats), "tail_drops": linkem.tail_drops(stats)}
    asked = engine.Plan(HIGH, "ingress", 4500, {"lom": 1})
    engine.verify(asked, {"lom": found})
    assert found["tail_drops"] == 0
    for key in ("tail_drop", "oversize", "kernel_drop", "device_drop", "send_error"):
        assert linkem.tail_drops({**stats, key: 3}) == 3
    assert linkem.tail_drops({**stats, "lost": 3}) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"delay_ms": 3}, "delay_ms is 3, not 2.0"),
        ({"loss_percent": 0}, "loss_percent is 0, not 0.25"),
        ({"limit": 1000}, "limit is 1000, not 1667"),
        ({"duplicate_percent": 1}, "duplicate_percent is 1, not 0"),
    ],
)
def test_verification_names_the_host_and_the_difference(wrong: dict[str, float], said: str) -> None:
    found = {"lom": reading(), "yuki": reading(LOW, **wrong), "luna": reading()}
    with pytest.raises(TestbedError) as error:
        engine.verify(plan(), found)
    assert str(error.value) == f"impairment of yuki is not what was asked for: {said}"


def test_a_host_that_says_nothing_is_not_impaired() -> None:
    with pytest.raises(TestbedError, match=r"^impairment of luna is .*delay_ms is None, not 2"):
        engine.verify(plan(), {"lom": reading(), "yuki": reading()})


def test_a_clear_network_must_be_clear() -> None:
    engine.verify(plan(BASELINE), {})
    with pytest.raises(TestbedError, match="impairment is still active on lom, yuki"):
        engine.verify(plan(BASELINE), {"lom": reading(), "yuki": reading()})


@given(
    st.sampled_from(sorted(Profile.model_fields)),
    st.floats(0.1, 50).map(lambda x: round(x, 3)),
    st.booleans(),
)
def test_any_difference_of_any_parameter_is_seen(key: str, by: float, more: bool) -> None:
    value = getattr(EVERYTHING, key) + (by if more else -by)
    hosts = dict.fromkeys(("lom", "yuki", "luna"), reading(EVERYTHING, **{key: value}))
    with pytest.raises(TestbedError, match=key):
        engine.verify(plan(EVERYTHING), hosts)


def test_tail_drops_are_those_between_two_readings() -> None:
    before = {"lom": {"tail_drops": 3}, "yuki": {"tail_drops": 3}}
    after = {
        "lom": {"tail_drops": 3},
        "yuki": {"tail_drops": 9},
        "luna": {"tail_drops": 1},
        "x": {},
    }
    assert engine.tail_drops(before, after) == {"yuki": 6, "luna": 1}


def test_the_fake_engine_is_verified_like_the_others() -> None:
    async def through() -> None:
        fake = FakeEngine()
        engine.verify(plan(BASELINE), await fake.read())
        await fake.apply(plan(MEDIUM), 1)
        engine.verify(plan(MEDIUM), await fake.read())
        with pytest.raises(TestbedError):
            engine.verify(plan(LOW), await fake.read())
        await fake.clear()
        engine.verify(plan(BASELINE), await fake.read())

    asyncio.run(through())


def test_a_host_of_the_user_s_clears_itself_if_we_disappear() -> None:
    host = making.ScriptedHost(answer=lambda _: "[]")
    asyncio.run(netem.HostNetem([host]).apply(plan(), 600.2))
    lines = [" ".join(argv) for argv in host.asked]
    armed = next(i for i, line in enumerate(lines) if line.startswith("systemd-run"))
    impaired = next(i for i, line in enumerate(lines) if " netem " in line)
    assert armed < impaired
    assert "--on-active=601 " in lines[armed]
    [script] = host.files.values()
    assert script.mode == 0o755
    assert b"tc qdisc del dev data0 root\n" in script.content
