"""What is asked of the emulators, word for word, and what they say back."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.config.load import load_named
from meshbench.config.profile import LossModel, Override, Profile, emulators
from meshbench.impairment import engine, host_netem, lab_netem, linkem, qdiscs, tc_output
from meshbench.impairment.fake import FakeEngine
from meshbench.testbed.lab.layout import Layout
from meshbench.util.errors import TestbedError
from tests.unit import making

FOLDER = Path(__file__).parents[2] / "config" / "profiles"
BASELINE, LOW, MEDIUM, HIGH = (
    load_named(FOLDER, name, Profile, ("", None)) for name in ("baseline", "low", "medium", "high")
)
EVERYTHING = Profile(
    delay_ms=10.5, jitter_ms=0.25, loss_percent=1, loss_correlation_percent=30,
    duplicate_percent=0.1, reorder_percent=2, reorder_correlation_percent=50,
)  # fmt: skip
LAYOUT = Layout("lab", "owner", ("lom", "yuki", "luna"))


def plan(profile: Profile = LOW, placement: str = "ingress") -> engine.Plan:
    return engine.Plan(profile, placement, 1667, {"lom": 11, "yuki": 12, "luna": 13})


def reading(profile: Profile = LOW, **wrong: float) -> dict[str, Any]:
    return {"parameters": {**engine.asked(profile, 1667), **wrong}}


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
    assert qdiscs.netem_words(profile, 1000, None) == ["limit", "1000", *words.split()]
    assert qdiscs.netem_words(profile, 1000, 7)[-2:] == ["seed", "7"]


def test_a_rate_is_below_netem_not_in_it() -> None:
    parts = qdiscs.alone(["limit", "1000"])
    [root] = qdiscs.tree("data0", ["root"], "1:", parts, verb="replace")
    assert " ".join(root) == "tc qdisc replace dev data0 root handle 1: netem limit 1000"
    _, below = qdiscs.tree("data0", ["root"], "1:", parts, 1_000_000_000)
    assert "parent 1:1" in " ".join(below)
    assert "tbf rate 1000000000bit" in " ".join(below)


@pytest.mark.parametrize("make", [host_netem.ingress_commands, host_netem.egress_commands])
def test_the_control_traffic_is_exempt_in_both_directions_and_families(make: Any) -> None:
    lines = [" ".join(argv) for argv in make("eth1", qdiscs.alone(["limit", "1000"]), [22, 2222])]
    spared = [line for line in lines if "flowid" in line]
    for port in (22, 2222):
        for protocol, family in (("ip", "ip"), ("ipv6", "ip6")):
            for side in ("dport", "sport"):
                words = f"protocol {protocol} u32 match {family} protocol 6 0xff"
                rule = f"{words} match {family} {side} {port} 0xffff flowid 4d42:1"
                assert sum(rule in line for line in spared) == 1
    assert len(spared) == 8
    assert sum("netem limit 1000" in line for line in lines) == 1
    # Exempted first: as soon as everything is impaired, SSH must already be spared.
    last = next(i for i, line in enumerate(lines) if "mirred" in line or "netem" in line)
    if make is host_netem.ingress_commands:
        last = next(i for i, line in enumerate(lines) if "mirred" in line)
    assert all(lines.index(line) < last for line in spared)


def test_filters_of_two_families_have_preferences_of_their_own() -> None:
    """The kernel ties a preference to one protocol."""
    lines = host_netem.ingress_commands("eth1", qdiscs.alone([]), [22])
    protocols: dict[str, set[str]] = {}
    for argv in lines:
        if "pref" in argv:
            preference = argv[argv.index("pref") + 1]
            protocols.setdefault(preference, set()).add(argv[argv.index("protocol") + 1])
    assert [len(used) for used in protocols.values()] == [1, 1, 1]
    script = host_netem.clear_script("eth1", [])
    assert f"for preference in {' '.join(sorted(protocols))}; do" in script


def test_only_our_own_handles_are_deleted() -> None:
    parts = qdiscs.alone([])
    commands = [
        *host_netem.ingress_commands("eth1", parts, [22]),
        *host_netem.egress_commands("eth1", parts, [22]),
    ]
    handles = {argv[argv.index("handle") + 1] for argv in commands if "handle" in argv}
    assert handles == {host_netem.ROOT, host_netem.CHILD}
    deletions = [
        line.strip()
        for line in host_netem.clear_script("eth1", ["gro"]).splitlines()
        if " del " in line
    ]
    assert deletions == [
        f"[ -e {host_netem.CLSACT_MADE} ] && tc filter del dev eth1 ingress pref $preference",
        f'[ -e {host_netem.CLSACT_MADE} ] && [ -z "$filters" ] && tc qdisc del dev eth1 clsact',
        f"tc qdisc del dev eth1 root handle {host_netem.ROOT}",
        f"ip link del {host_netem.IFB}",
    ]


def test_only_offloads_that_were_on_and_can_be_changed_are_switched() -> None:
    text = """Features for eth1:
tcp-segmentation-offload: on
generic-receive-offload: on
large-receive-offload: off [fixed]
"""
    assert host_netem.switched_on(text) == ["gro"]
    assert host_netem.switched_on(text.replace("off [fixed]", "on")) == ["gro", "lro"]
    assert host_netem.switched_on(text.replace("offload: on", "offload: on [fixed]")) == []
    assert "ethtool -K eth1 gro on lro on\n" in host_netem.clear_script("eth1", ["gro", "lro"])
    assert "ethtool" not in host_netem.clear_script("eth1", [])


DEFAULTS: list[dict[str, Any]] = [
    {"kind": "mq", "handle": "0:", "root": True},
    {"kind": "fq_codel", "handle": "0:", "parent": ":1"},
    {"kind": "pfifo_fast", "handle": "0:", "root": True},
]
CLSACT: dict[str, Any] = {"kind": "clsact", "handle": "ffff:", "parent": "ffff:fff1"}


def test_what_is_neither_the_kernel_s_nor_ours_is_foreign() -> None:
    ours = [{"kind": "prio", "handle": "4d42:"}, {"kind": "netem", "handle": "4d43:"}]
    assert host_netem.foreign([*DEFAULTS, *ours, CLSACT], clsact_is_ours=True) == []
    assert host_netem.foreign([*DEFAULTS, CLSACT]) == ["clsact ffff:"]
    explicit = {"kind": "fq", "handle": "8001:", "root": True}
    assert host_netem.foreign([explicit], clsact_is_ours=True) == ["fq 8001:"]


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        ("2001:db8::9 50000 2001:db8::1 22\n", [22, 2222]),
        ("192.0.2.9 50000 192.0.2.1 2222\n", [2222]),
        ("\n", [2222]),
        ("UNKNOWN 65535\n", [2222]),
    ],
)
def test_the_port_of_sshd_is_spared_also_behind_a_forwarding(line: str, ports: list[int]) -> None:
    host = making.ScriptedHost(answer=lambda _: line)
    host.address = dataclasses.replace(host.address, port=2222)
    assert asyncio.run(host_netem.ssh_ports(host)) == ports


def tc_says(profile: Profile, limit: int, packets: int = 923, drops: int = 3, **more: Any) -> str:
    """The shape of ``tc -j -s qdisc show``: seconds and shares; the shaper below dropped 2."""
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
        **more,
    }  # fmt: skip
    qdisc = {"kind": "netem", "handle": "1:", "root": True, "options": options,
             "packets": packets, "drops": drops, "overlimits": 0}  # fmt: skip
    shaper = {"kind": "tbf", "handle": "10:", "parent": "1:1", "options": {}, "drops": 2,
              "overlimits": 285}  # fmt: skip
    return json.dumps([shaper, qdisc])


@pytest.mark.parametrize("profile", [LOW, MEDIUM, HIGH, EVERYTHING, Profile(delay_ms=1)])
def test_netem_s_read_back_verifies(profile: Profile) -> None:
    reading = tc_output.reading(tc_says(profile, 1667))
    engine.verify(plan(profile), dict.fromkeys(("lom", "yuki", "luna"), reading))


def test_losses_on_purpose_are_not_tail_drops() -> None:
    assert tc_output.reading(tc_says(LOW, 1000))["tail_drops"] == 0
    plenty = tc_says(HIGH, 1000, packets=97_500, drops=2_500 + 2 + 200)
    assert tc_output.reading(plenty)["tail_drops"] == 0


def test_losses_on_purpose_are_counted() -> None:
    reading = tc_output.reading(tc_says(HIGH, 1000, packets=97_500, drops=2_500 + 2))
    assert (reading["offered"], reading["lost"]) == (100_000, 2_500)
    stats = making.document("linkem-stats.json")
    assert (linkem.offered(stats), stats["lost"]) == (2684, 44)
    assert linkem.offered({**stats, "exempt": 4, "unroutable": 5, "oversize": 6}) == 2684 - 15


def test_a_cell_s_losses_are_those_between_two_readings_of_all_hosts() -> None:
    before = {"lom": {"offered": 10, "lost": 1}}
    after = {"lom": {"offered": 110, "lost": 4}, "yuki": {"offered": 200, "lost": 5}}
    assert engine.losses(before, after) == (300, 8)
    assert engine.losses(before, {**after, "luna": {"tail_drops": 0}}) is None
    assert engine.losses({}, {}) is None


def test_a_full_queue_of_netem_s_is_seen() -> None:
    """As Linux 6.1 counts: 97 of 106 packets found no room, and overlimits stayed 0."""
    full = tc_says(Profile(delay_ms=300), 5, packets=9, drops=97 + 2)
    assert tc_output.reading(full)["tail_drops"] == 97
    some = tc_says(HIGH, 1000, packets=97_500, drops=2_500 + 2 + 1_000)
    assert 600 < tc_output.reading(some)["tail_drops"] < 1_000


def seeds_of(commands: Mapping[str, list[list[str]]]) -> dict[str, str | None]:
    words = {host: [w for argv in lines for w in argv] for host, lines in commands.items()}
    return {
        host: tokens[tokens.index("seed") + 1] if "seed" in tokens else None
        for host, tokens in words.items()
    }


async def nothing_at_the_switch(*_: object, **__: object) -> str:
    return ""


def test_netem_is_seeded_only_where_tc_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tc of iproute2 before 6.6 refuses the word, and says so in its usage text (on stderr)."""
    monkeypatch.setattr(lab_netem.LabNetem, "_wire", nothing_at_the_switch)

    def tc(usage: str) -> making.ScriptedHost:
        def answer(argv: Sequence[str]) -> str | tuple[int, str, str]:
            if "ip link show" in argv[-1]:
                return (1, "", "")
            return (1, "", usage) if argv[-1] == "help" else "[]"

        return making.ScriptedHost(answer=answer)

    for usage, seed in (("Usage: ... netem [ limit PACKETS ]", None), ("[ seed SEED ]", "11")):
        commands = asyncio.run(host_netem.HostNetem([tc(usage)]).apply(plan(), 600))
        assert seeds_of(commands) == {"lom": seed}
        lab = lab_netem.LabNetem(
            Layout("lab", "owner", ("lom", "yuki")),
            [tc(usage), making.ScriptedHost("yuki", lambda _: "[]")],
            None,
        )
        commands = asyncio.run(lab.apply(plan(placement="egress"), 600))
        assert seeds_of(commands) == {"lom": seed, "yuki": None}


def test_a_seed_that_is_read_back_is_verified() -> None:
    read = {
        host: tc_output.reading(tc_says(LOW, 1667, seed=seed))
        for host, seed in plan().seeds.items()
    }
    engine.verify(plan(), read)
    assert read["lom"]["seed"] == 11
    assert tc_output.reading(tc_says(LOW, 1667))["seed"] is None
    read["yuki"]["seed"] = 5
    with pytest.raises(TestbedError, match="^impairment of yuki is seeded with 5, not 12$"):
        engine.verify(plan(), read)


@pytest.mark.parametrize("text", ["", "[]", '[{"kind": "noqueue", "options": {}}]'])
def test_where_netem_is_not_nothing_is_read(text: str) -> None:
    assert tc_output.reading(text) == {}


def linkem_argv(
    asked: engine.Plan, rate_bps: int | None = None, lifetime_s: float = 1
) -> dict[str, list[str]]:
    """By emulator, its command line."""
    return {
        emulator.name: linkem.arguments(LAYOUT, emulator, asked, rate_bps, lifetime_s)
        for emulator in asked.emulators(LAYOUT.host_names)
    }


def test_linkem_s_arguments_are_the_thesis_s_values() -> None:
    argv = linkem_argv(plan(HIGH), 1_000_000_000, 606)["lom"]
    pairs = [f"{option} {value}" for option, value in zip(argv[::2], argv[1::2], strict=True)]
    assert sorted(pairs) == [
        "--dead-man 606", "--delay-us 6000", "--in h2", "--in h3", "--jitter-us 15000",
        "--limit 1667", "--loss 2.5,0", f"--netns /run/netns/{LAYOUT.wire}",
        "--out h1=02:6d:62:00:00:01", "--rate-bps 1000000000", "--reorder 5,50", "--seed 11",
    ]  # fmt: skip


def test_linkem_impairs_what_a_host_receives_or_what_it_sends() -> None:
    def ends(placement: str) -> list[tuple[list[str], list[str]]]:
        ports = []
        for host in LAYOUT.hosts:
            argv = linkem_argv(plan(LOW, placement))[host.name]
            pairs = list(pairwise(argv))
            ports.append((
                [value for key, value in pairs if key == "--in"],
                [value.partition("=")[0] for key, value in pairs if key == "--out"],
            ))  # fmt: skip
            assert "--rate-bps" not in argv
        return ports

    others = [["h2", "h3"], ["h1", "h3"], ["h1", "h2"]]
    own = [["h1"], ["h2"], ["h3"]]
    assert ends("ingress") == list(zip(others, own, strict=True))
    assert ends("egress") == list(zip(own, others, strict=True))


def test_hosts_have_their_own_seeds() -> None:
    seeds = [argv[argv.index("--seed") + 1] for argv in linkem_argv(plan()).values()]
    assert seeds == ["11", "12", "13"]


def test_linkem_s_recorded_read_back_verifies() -> None:
    stats = making.document("linkem-stats.json")
    reading = {"parameters": linkem.parameters(stats), "tail_drops": linkem.tail_drops(stats)}
    asked = engine.Plan(HIGH, "ingress", 4500, {"lom": 1})
    engine.verify(asked, {"lom": reading})
    assert reading["tail_drops"] == 0
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
    readings = {"lom": reading(), "yuki": reading(LOW, **wrong), "luna": reading()}
    with pytest.raises(TestbedError) as error:
        engine.verify(plan(), readings)
    assert str(error.value) == f"impairment of yuki is not what was asked for: {said}"


def test_a_host_that_says_nothing_is_not_impaired() -> None:
    with pytest.raises(TestbedError, match=r"^impairment of luna is .*delay_ms is None, not 2"):
        engine.verify(plan(), {"lom": reading(), "yuki": reading()})


def test_a_clear_network_must_be_clear() -> None:
    engine.verify(plan(BASELINE), {})
    with pytest.raises(TestbedError, match="impairment is still active on lom, yuki"):
        engine.verify(plan(BASELINE), {"lom": reading(), "yuki": reading()})


@given(
    st.sampled_from(sorted(engine.asked(EVERYTHING, 1667).keys() - {"limit"})),
    st.floats(0.1, 50).map(lambda x: round(x, 3)),
    st.booleans(),
)
def test_any_difference_of_any_parameter_is_seen(key: str, by: float, more: bool) -> None:
    value = engine.asked(EVERYTHING, 1667)[key] + (by if more else -by)
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
    host = making.ScriptedHost(answer=lambda a: (1, "", "") if "ip link show" in a[-1] else "[]")
    asyncio.run(host_netem.HostNetem([host]).apply(plan(), 600.2))
    lines = [" ".join(argv) for argv in host.asked]
    armed = next(i for i, line in enumerate(lines) if line.startswith("systemd-run"))
    impaired = next(i for i, line in enumerate(lines) if " netem limit " in line)
    assert armed < impaired
    assert "--on-active=601 " in lines[armed]
    [script] = host.files.values()
    assert script.mode == 0o755
    assert script.content.decode() == host_netem.clear_script("data0", [])


# --- bottlenecks, bursts, order, and values of a host's or link's own ---------------------------

BURSTS = LossModel(p_percent=1, r_percent=25, bad_loss_percent=80, good_loss_percent=0.5)
LINE = Profile(
    delay_ms=20, jitter_ms=5, jitter_keeps_order=True, loss_model=BURSTS, rate_mbit=20, queue_ms=200
)
UNEQUAL = Profile(
    delay_ms=5, rate_mbit=50, queue_ms=100, hosts={"lom": Override(delay_ms=20)},
    links={"lom->yuki": Override(rate_mbit=10, queue_packets=50)},
)  # fmt: skip


def words_of(commands: list[list[str]], kind: str) -> list[str]:
    return [" ".join(argv[argv.index(kind) :]) for argv in commands if kind in argv]


def test_what_is_not_said_is_not_in_a_profile_s_settings() -> None:
    """Else every cell measured before would be measured again."""
    assert HIGH.model_dump_json() == (
        '{"delay_ms":6.0,"jitter_ms":15.0,"loss_percent":2.5,"loss_correlation_percent":0.0,'
        '"reorder_percent":5.0,"reorder_correlation_percent":50.0,"duplicate_percent":0.0}'
    )
    for profile in (LINE, UNEQUAL):
        assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert json.loads(UNEQUAL.model_dump_json())["hosts"] == {"lom": {"delay_ms": 20}}


def test_netem_has_bursts_and_order_and_the_bottleneck_is_below_it() -> None:
    words = qdiscs.netem_words(LINE, 1000, None)
    assert " ".join(words) == (
        "limit 1000 delay 20ms 5ms loss gemodel 1% 25% 80% 0.5% rate 100gbit"
    )
    commands = qdiscs.tree("eth1", ["root"], "1:", qdiscs.alone(words, LINE), 1_000_000_000)
    assert words_of(commands, "tbf") == ["tbf rate 20000000bit burst 3028 limit 3028"]
    assert words_of(commands, "bfifo") == ["bfifo limit 500000"]
    parents = [argv[argv.index("parent") + 1] for argv in commands if "parent" in argv]
    assert parents == ["1:1", "5242:1"]
    packets = Profile(rate_mbit=800, queue_packets=77)
    commands = qdiscs.tree("eth1", ["root"], "1:", qdiscs.alone([], packets))
    assert words_of(commands, "tbf") == ["tbf rate 800000000bit burst 100000 limit 100000"]
    assert words_of(commands, "pfifo") == ["pfifo limit 77"]


def test_linkem_has_bursts_and_order_and_a_bottleneck_instead_of_the_lab_s_line() -> None:
    argv = linkem_argv(plan(LINE), 1_000_000_000)["lom"]
    words = " ".join(argv)
    assert "--gemodel 1,25,80,0.5 --keep-order --rate-bps 20000000 --queue-bytes 500000" in words
    assert "--loss" not in argv
    packets = linkem_argv(plan(Profile(rate_mbit=0.5, queue_packets=7)), 1_000_000_000)["lom"]
    assert "--rate-bps 500000 --queue-packets 7" in " ".join(packets)


def own_plan(profile: Profile, placement: str = "ingress") -> engine.Plan:
    names = [emulator.name for emulator in emulators(profile, placement, LAYOUT.host_names)]
    seeds = {name: 11 + number for number, name in enumerate(names)}
    return engine.Plan(profile, placement, 1667, seeds)


@pytest.mark.parametrize(
    ("placement", "where", "delay_ms"),
    [("ingress", "yuki", 5), ("egress", "lom", 20)],
)
def test_a_link_s_own_values_have_an_emulator_of_their_own(
    placement: str, where: str, delay_ms: float
) -> None:
    asked = own_plan(UNEQUAL, placement)
    by_name = {emulator.name: emulator for emulator in asked.emulators(LAYOUT.host_names)}
    assert by_name.keys() == {"lom", "yuki", "luna", "lom->yuki"}
    link = by_name["lom->yuki"]
    assert (link.host, link.profile.delay_ms) == (where, delay_ms)
    assert (link.profile.queue_packets, link.profile.queue_bytes) == (50, None)
    assert asked.of("lom->yuki") == link.profile
    pairs = [
        (peer, emulator.host) if placement == "ingress" else (emulator.host, peer)
        for emulator in by_name.values()
        for peer in emulator.peers
    ]
    assert len(pairs) == len(set(pairs)) == 6
    argv = linkem_argv(asked)
    ends = [(argv[name].count("--in"), argv[name].count("--out")) for name in by_name]
    assert ends.count((1, 1)) == 2
    assert {argv[name][argv[name].index("--seed") + 1] for name in by_name} == {
        "11", "12", "13", "14"
    }  # fmt: skip


def test_netem_tells_a_link_s_packets_by_their_address() -> None:
    addresses = {"lom": "192.0.2.1", "yuki": "192.0.2.2", "luna": "192.0.2.3"}
    parts = qdiscs.pieces("yuki", own_plan(UNEQUAL), addresses, seeded=True)
    commands = qdiscs.tree("h2", ["root"], "1:", parts)
    assert words_of(commands, "prio") == ["prio bands 2 priomap " + " ".join(["0"] * 16)]
    assert words_of(commands, "u32") == ["u32 match ip src 192.0.2.1/32 flowid 1:2"]
    assert words_of(commands, "pfifo") == ["pfifo limit 50"]
    parts = qdiscs.pieces("lom", own_plan(UNEQUAL, "egress"), addresses, seeded=False)
    commands = host_netem.egress_commands("eth1", parts, [22])
    assert "match ip dst 192.0.2.2/32 flowid 4d43:2" in " ".join(commands[-1])
    six = {name: f"2001:db8::{number}" for number, name in enumerate(addresses, start=1)}
    parts = qdiscs.pieces("yuki", own_plan(UNEQUAL), six, seeded=False)
    commands = qdiscs.tree("h2", ["root"], "1:", parts)
    assert "protocol ipv6 u32 match ip6 src 2001:db8::1/128" in " ".join(commands[-1])


def test_what_meshbench_made_is_not_foreign() -> None:
    commands = qdiscs.tree("eth1", ["root"], host_netem.ROOT, qdiscs.pieces(
        "yuki", own_plan(UNEQUAL), dict.fromkeys(("lom", "yuki", "luna"), "192.0.2.1"), seeded=False
    ))  # fmt: skip
    there = [
        {"kind": "x", "handle": argv[argv.index("handle") + 1]}
        for argv in commands
        if "handle" in argv
    ]
    assert len(there) == 7
    assert host_netem.foreign(there) == []


TBF = {"rate": 2_500_000, "burst": 3027, "lat": 0}


def test_netem_s_read_back_of_a_bottleneck_and_bursts_verifies() -> None:
    model = {"p": 0.01, "r": 0.25, "1-h": 0.8, "1-k": 0.005}
    more = {"loss-gemodel": model, "loss-random": {}, "rate": {"rate": 12_500_000_000}}
    printed = json.loads(tc_says(LINE, 1667, packets=96_450, drops=3_550 + 40, **more))
    shaper = {"kind": "tbf", "handle": "5242:", "parent": "1:1", "options": TBF, "drops": 40}
    queue = {"kind": "bfifo", "handle": "5142:", "parent": "5242:1", "options": {"limit": 500_000}}
    reading = tc_output.reading(json.dumps([printed[1], shaper, queue]))
    asked = engine.Plan(LINE, "ingress", 1667, {"lom": 1})
    engine.verify(asked, {"lom": reading})
    assert (reading["offered"], reading["lost"], reading["queue_drops"]) == (100_000, 3_550, 40)
    assert reading["tail_drops"] == 0
    queue["options"] = {"limit": 400_000}
    with pytest.raises(TestbedError, match="queue_bytes is 400000, not 500000"):
        engine.verify(asked, {"lom": tc_output.reading(json.dumps([printed[1], shaper, queue]))})
    # The lab's own line is no profile's.
    shaper["handle"] = "10:"
    with pytest.raises(TestbedError, match="rate_mbit is 0"):
        engine.verify(asked, {"lom": tc_output.reading(json.dumps([printed[1], shaper, queue]))})


def test_several_netems_of_a_device_are_told_apart() -> None:
    netem = json.loads(tc_says(LOW, 1000))[1]
    text = json.dumps([netem | {"handle": "4e43:"}, netem | {"handle": "4e42:", "packets": 7}])
    readings = tc_output.readings(text, ["yuki", "lom->yuki"])
    assert [(name, reading["offered"]) for name, reading in readings.items()] == [
        ("yuki", 7 + 3), ("lom->yuki", 923 + 3)
    ]  # fmt: skip
    assert tc_output.readings(text, ["yuki"]).keys() == {"yuki", "yuki, 2"}


def test_linkem_s_line_is_a_bottleneck_only_with_a_queue() -> None:
    stats = making.document("linkem-stats.json")
    changed = stats["parameters"] | {
        "gemodel": [1, 25, 80, 0.5], "keep_order": True, "rate_bps": 20_000_000,
        "queue_bytes": 500_000, "delay_us": 20_000, "jitter_us": 5000, "limit": 1667,
    }  # fmt: skip
    nothing = {"percent": 0, "correlation": 0}
    changed |= {"loss": nothing, "reorder": nothing}
    asked = engine.Plan(LINE, "ingress", 1667, {"lom": 1})
    parameters = linkem.parameters({"parameters": changed})
    engine.verify(asked, {"lom": {"parameters": parameters}})
    assert linkem.parameters(stats)["rate_mbit"] == 0
    engine.verify(
        own_plan(UNEQUAL),
        {
            name: {"parameters": engine.asked(own_plan(UNEQUAL).of(name), 1667)}
            for name in own_plan(UNEQUAL).seeds
        },
    )
