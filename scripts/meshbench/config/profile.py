"""An impairment profile, and what it comes to for each emulator of a testbed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from meshbench.config.strict import Strict

HostName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=12)]
LinkName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*->[a-z][a-z0-9-]*$")]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Placement = Literal["ingress", "egress"]
"""Where packets are impaired: on their way into a host, behind its sender's segmentation, or as they
leave it, as the thesis did.
"""

DEFAULT_QUEUE_MS = 100.0
"""The classic rule of one rate times one round trip (Villamizar and Song 1994), at 100 ms."""
LEAST_QUEUE_BYTES = 1514
"""One full Ethernet frame without its checksum: what an emulator sees of 1,500 bytes of IP."""


def _none(value: Any) -> bool:
    return value is None


# What is not said is not in a cell's settings either: profiles from before these keys hash as they did.
Rate = Annotated[float | None, Field(ge=0.01, le=100_000, allow_inf_nan=False, exclude_if=_none)]
QueueMs = Annotated[float | None, Field(gt=0, le=60_000, allow_inf_nan=False, exclude_if=_none)]
QueuePackets = Annotated[int | None, Field(ge=1, le=1_000_000, exclude_if=_none)]


class LossModel(Strict):
    """Gilbert-Elliott: losses in bursts, with the meaning of ``loss gemodel`` in tc-netem(8).

    Attributes:
        p_percent: chance of a packet to find the link turning from good to bad.
        r_percent: of it turning back; the mean stay in the bad state is 100 / r packets.
        bad_loss_percent: loss in the bad state: tc's 1-h.
        good_loss_percent: loss in the good state: tc's 1-k.
    """

    p_percent: Annotated[float, Field(gt=0, le=100)]
    r_percent: Annotated[float, Field(gt=0, le=100)]
    bad_loss_percent: Percent = 100
    good_loss_percent: Percent = 0


Model = Annotated[LossModel | None, Field(exclude_if=_none)]


class Override(Strict):
    """What is other on one host or link than the rest of the profile says."""

    delay_ms: Annotated[NonNegative | None, Field(exclude_if=_none)] = None
    jitter_ms: Annotated[NonNegative | None, Field(exclude_if=_none)] = None
    jitter_keeps_order: Annotated[bool | None, Field(exclude_if=_none)] = None
    loss_percent: Annotated[Percent | None, Field(exclude_if=_none)] = None
    loss_correlation_percent: Annotated[Percent | None, Field(exclude_if=_none)] = None
    loss_model: Model = None
    reorder_percent: Annotated[Percent | None, Field(exclude_if=_none)] = None
    reorder_correlation_percent: Annotated[Percent | None, Field(exclude_if=_none)] = None
    duplicate_percent: Annotated[Percent | None, Field(exclude_if=_none)] = None
    rate_mbit: Rate = None
    queue_ms: QueueMs = None
    queue_packets: QueuePackets = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.said:
            raise PydanticCustomError("empty", "changes nothing: say what differs, or take it away")
        return self

    @property
    def said(self) -> dict[str, Any]:
        return {key: value for key, value in self if value is not None}


_INSTEAD = {
    "queue_ms": ("queue_packets",),
    "queue_packets": ("queue_ms",),
    "loss_model": ("loss_percent", "loss_correlation_percent"),
    "loss_percent": ("loss_model",),
}
"""What an override's key takes the place of, besides the same key."""


class Profile(Strict):
    """An impairment profile, with the documented meaning of tc-netem(8), per host and direction.

    Attributes:
        jitter_keeps_order: no packet overtakes another, as in netem with a rate of its own.
        loss_model: losses in bursts, instead of loss_percent.
        rate_mbit: a bottleneck behind the delay, in 10^6 bit/s of Ethernet frames.
        queue_ms: what may wait there before it drops, as time at that rate (bytes, tail drop).
        queue_packets: the same as a number of packets.
        hosts: by host, what differs for what its emulator impairs: what it receives, or with
            placement egress what it sends.
        links: by ordered pair, what differs for packets of the first host to the second; they
            have an emulator, and a bottleneck, of their own.
    """

    delay_ms: NonNegative = 0
    jitter_ms: NonNegative = 0
    loss_percent: Percent = 0
    loss_correlation_percent: Percent = 0
    reorder_percent: Percent = 0
    reorder_correlation_percent: Percent = 0
    duplicate_percent: Percent = 0
    jitter_keeps_order: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    loss_model: Model = None
    rate_mbit: Rate = None
    queue_ms: QueueMs = None
    queue_packets: QueuePackets = None
    hosts: Annotated[
        Mapping[HostName, Override], Field(exclude_if=lambda overrides: not overrides)
    ] = {}
    links: Annotated[
        Mapping[LinkName, Override], Field(exclude_if=lambda overrides: not overrides)
    ] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check(self)
        for name in self.hosts:
            _check(self.at(name, None), "hosts", name)
        for link in self.links:
            source, _, target = link.partition("->")
            if source == target:
                raise PydanticCustomError(
                    "itself",
                    "not a link: name two different hosts",
                    {"key": link, "below": ["links"]},
                )
            for host in (source, target):
                _check(self.at(host, link), "links", link)
        return self

    @property
    def impairs(self) -> bool:
        return self != Profile()

    @property
    def rated(self) -> bool:
        """Whether there is a bottleneck anywhere."""
        return any(variant.rate_mbit is not None for variant in self.variants)

    @property
    def rate_bps(self) -> int | None:
        return None if self.rate_mbit is None else round(self.rate_mbit * 1e6)

    @property
    def queue_bytes(self) -> int | None:
        """What may wait at the bottleneck; None where packets are counted, or there is no rate."""
        if self.rate_mbit is None or self.queue_packets is not None:
            return None
        wait_ms = DEFAULT_QUEUE_MS if self.queue_ms is None else self.queue_ms
        return round(self.rate_mbit * 1000 / 8 * wait_ms)

    @property
    def longest_wait_ms(self) -> float:
        """Of a full packet in the bottleneck's full queue."""
        if self.rate_mbit is None:
            return 0.0
        waiting = self.queue_bytes or (self.queue_packets or 0) * LEAST_QUEUE_BYTES
        return waiting * 8 / (self.rate_mbit * 1000)

    @property
    def variants(self) -> "tuple[Profile, ...]":
        """Everything that any emulator may have to do under it."""
        hosts = ["", *self.hosts]
        return tuple(self.at(host, link) for host in hosts for link in (None, *self.links))

    def at(self, host: str, link: str | None) -> "Profile":
        """What an emulator of `host` does, on one link's packets if those have their own values."""
        plain = {key: getattr(self, key) for key in Override.model_fields}
        for override in (self.hosts.get(host), self.links.get(link or "")):
            for key, value in (override.said if override else {}).items():
                plain |= {
                    other: Profile.model_fields[other].default for other in _INSTEAD.get(key, ())
                }
                plain[key] = value
        return Profile.model_construct(**plain, hosts={}, links={})


@dataclass(frozen=True)
class Emulator:
    """What impairs what some peers send to a host (ingress), or a host sends to them (egress).

    Attributes:
        name: the host's, or ``source->target`` where a link has its own values.
    """

    name: str
    host: str
    peers: tuple[str, ...]
    profile: Profile


def emulators(profile: Profile, placement: str, hosts: Sequence[str]) -> list[Emulator]:
    """Every ordered pair of hosts is in exactly one of them."""
    emulators = []
    for host in hosts:
        own = {
            peer: link
            for peer in hosts
            if (link := link_name(host, peer, placement)) in profile.links and peer != host
        }
        shared = tuple(peer for peer in hosts if peer != host and peer not in own)
        if shared or not own:
            emulators.append(Emulator(host, host, shared, profile.at(host, None)))
        for peer, link in own.items():
            emulators.append(Emulator(link, host, (peer,), profile.at(host, link)))
    return emulators


def link_name(host: str, peer: str, placement: str) -> str:
    """The ordered pair whose packets an emulator at `host` sees of `peer`."""
    return f"{peer}->{host}" if placement == "ingress" else f"{host}->{peer}"


def on_link(profile: Profile, placement: str, source: str, target: str) -> Profile:
    """What packets from one host to another meet."""
    host = target if placement == "ingress" else source
    return profile.at(host, f"{source}->{target}")


def _check(profile: Profile, *below: str) -> None:
    """Raise for what cannot be together, at the key that asks for it."""

    def refuse(key: str, words: str) -> None:
        raise PydanticCustomError(
            "profile", "{words}", {"key": key, "below": below, "words": words}
        )

    if profile.reorder_percent and not profile.delay_ms:
        refuse("reorder_percent", "needs a delay_ms above 0: netem reorders by sending early")
    if profile.loss_model and (profile.loss_percent or profile.loss_correlation_percent):
        refuse(
            "loss_model",
            "not together with loss_percent or loss_correlation_percent, as it says all of the "
            "loss: take them away",
        )
    if profile.jitter_keeps_order and not profile.jitter_ms:
        refuse("jitter_keeps_order", "needs a jitter_ms above 0, or take it away")
    if profile.queue_ms is not None and profile.queue_packets is not None:
        refuse("queue_packets", "not together with queue_ms: say the queue once")
    for key in ("queue_ms", "queue_packets"):
        if profile.rate_mbit is None and getattr(profile, key) is not None:
            refuse(key, "needs a rate_mbit: without one nothing waits")
    if profile.queue_bytes is not None and profile.queue_bytes < LEAST_QUEUE_BYTES:
        refuse(
            "queue_ms",
            f"{profile.queue_bytes} bytes at this rate, less than one full frame of "
            f"{LEAST_QUEUE_BYTES}, none of which would pass: raise it, or say queue_packets",
        )
