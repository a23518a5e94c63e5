"""Impairment in the words of tc: the queueing disciplines of a device under a profile (pure)."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshbench.config.profile import LEAST_QUEUE_BYTES, Emulator, Profile
from meshbench.impairment.engine import Plan

LINE = 0x10
BRANCH, SHAPER, QUEUE = 0x4E42, 0x5242, 0x5142
"""First of the handles of the lab's line, and ("NB", "RB", "QB") of what several emulators of a device,
a profile's bottlenecks and their queues have."""
MOST_BRANCHES = 16
NOTHING = Profile()
USAGE = ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "help")
"""Prints what this tc's netem takes, and adds nothing."""
_KEEPS_ORDER = "100gbit"
"""With a rate netem lets no packet leave before the one in front of it (sch_netem.c, netem_enqueue:
the delay counts from the last packet's departure); this one adds 0.1 us for a full frame."""
Words = list[str]


def netem_words(profile: Profile, limit: int, seed: int | None) -> Words:
    """The arguments of ``tc qdisc … netem`` for a profile (tc-netem(8)); `seed` where tc has it."""

    def percent(keyword: str, value: float, correlation: float = 0) -> Words:
        if not value:
            return []
        return [keyword, f"{value:g}%", *([f"{correlation:g}%"] if correlation else [])]

    delay = [
        f"{profile.delay_ms:g}ms",
        *([f"{profile.jitter_ms:g}ms"] if profile.jitter_ms else []),
    ]
    return [
        "limit", str(limit),
        *(["delay", *delay] if profile.delay_ms or profile.jitter_ms else []),
        *percent("loss", profile.loss_percent, profile.loss_correlation_percent),
        *_bursts(profile),
        *percent("duplicate", profile.duplicate_percent),
        *percent("reorder", profile.reorder_percent, profile.reorder_correlation_percent),
        *(["rate", _KEEPS_ORDER] if profile.jitter_keeps_order else []),
        *(["seed", str(seed)] if seed is not None else []),
    ]  # fmt: skip


def _bursts(profile: Profile) -> Words:
    if (model := profile.loss_model) is None:
        return []
    chances = (model.p_percent, model.r_percent, model.bad_loss_percent, model.good_loss_percent)
    return ["loss", "gemodel", *(f"{percent:g}%" for percent in chances)]


@dataclass(frozen=True)
class Piece:
    """One emulator on a device, and the packets it gets.

    Attributes:
        matches: u32's words for the packets that are its own; without, what no other gets.
    """

    words: Words
    profile: Profile = NOTHING
    matches: tuple[Words, ...] = ()


def alone(words: Words, profile: Profile = NOTHING) -> list[Piece]:
    """What a device has when all its packets meet the same."""
    return [Piece(words, profile)]


def tree(
    device: str,
    at: Words,
    handle: str,
    pieces: Sequence[Piece],
    rate_bps: int | None = None,
    verb: str = "add",
) -> list[Words]:
    """The qdiscs of a device at a place: netem, with the rate below it.

    A rate inside netem would undo the reordering that its jitter makes, and its queue would be the
    delay's too. Several emulators are the bands of a prio that filters by address.
    """
    make = ["tc", "qdisc", verb, "dev", device]
    if len(pieces) == 1:
        own = [*make, *at, "handle", handle, "netem", *pieces[0].words]
        return [own, *_below(make, handle, pieces[0].profile, rate_bps, 0)]
    commands = [[*make, *at, "handle", handle, "prio", "bands", str(len(pieces)),
             "priomap", *["0"] * 16]]  # fmt: skip
    for number, piece in enumerate(pieces):
        branch, band = f"{BRANCH + number:x}:", f"{handle}{number + 1:x}"
        commands += [[*make, "parent", band, "handle", branch, "netem", *piece.words]]
        commands += _below(make, branch, piece.profile, rate_bps, number)
        commands += [
            ["tc", "filter", "add", "dev", device, "parent", handle, "pref", str(number + 1),
             "protocol", match[1].replace("ip6", "ipv6"), "u32", *match, "flowid", band]
            for match in piece.matches
        ]  # fmt: skip
    return commands


def _below(
    make: Words, above: str, profile: Profile, rate_bps: int | None, number: int
) -> list[Words]:
    """The profile's bottleneck below a netem, else the lab's own line."""
    if profile.rate_mbit is not None:
        return bottleneck(make, f"{above}1", profile, number)
    if rate_bps is None:
        return []
    shaper = ["tbf", "rate", f"{rate_bps}bit", "burst", "128kb", "latency", "20ms"]
    return [[*make, "parent", f"{above}1", "handle", f"{LINE + number:x}:", *shaper]]


def bottleneck(make: Words, parent: str, profile: Profile, number: int = 0) -> list[Words]:
    """A token bucket of hardly more than a frame, with the profile's queue (tail drop).

    The bucket holds two full frames, or what the rate carries in a millisecond: tc-tbf(8) wants at
    least what comes due between two ticks of the timer.
    """
    rate_bps = profile.rate_bps or 0
    shaper, queue = f"{SHAPER + number:x}:", f"{QUEUE + number:x}:"
    burst = str(max(2 * LEAST_QUEUE_BYTES, rate_bps // 8000))
    held = (
        ["pfifo", "limit", str(profile.queue_packets)]
        if profile.queue_packets
        else ["bfifo", "limit", str(profile.queue_bytes)]
    )
    # tbf wants a limit, which is that of the queue it makes itself; ours takes its place.
    tbf = ["tbf", "rate", f"{rate_bps}bit", "burst", burst, "limit", burst]
    return [
        [*make, "parent", parent, "handle", shaper, *tbf],
        [*make, "parent", f"{shaper}1", "handle", queue, *held],
    ]


def emulator_names(plan: Plan, hosts: Sequence[str]) -> dict[str, list[str]]:
    """By host, the names of the emulators on it, in the order of `pieces`."""
    named: dict[str, list[str]] = {host: [] for host in hosts}
    for emulator in plan.emulators(hosts):
        named[emulator.host].append(emulator.name)
    return named


def pieces(host: str, plan: Plan, addresses: Mapping[str, str], *, seeded: bool) -> list[Piece]:
    """A host's emulators; `addresses` are those of the data network by host."""
    own = [emulator for emulator in plan.emulators(list(addresses)) if emulator.host == host]
    return [
        Piece(
            netem_words(
                emulator.profile, plan.limit, plan.seeds[emulator.name] if seeded else None
            ),
            emulator.profile,
            _matches(emulator, plan.placement, addresses) if emulator.name != host else (),
        )
        for emulator in own
    ]


def _matches(emulator: Emulator, placement: str, addresses: Mapping[str, str]) -> tuple[Words, ...]:
    side = "src" if placement == "ingress" else "dst"
    ends = (ipaddress.ip_address(addresses[peer]) for peer in emulator.peers)
    return tuple(
        [
            "match",
            "ip6" if isinstance(end, ipaddress.IPv6Address) else "ip",
            side,
            f"{end}/{end.max_prefixlen}",
        ]
        for end in ends
    )
