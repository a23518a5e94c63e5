"""What a configuration may say, and nothing else: every key, its type, its unit and its limits.

A campaign is one YAML file. Profiles, tunings, testbeds and systems are files of their own in the
folders beside it, named like the value that refers to them. Unknown keys are refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializeAsAny,
    StringConstraints,
    Tag,
    TypeAdapter,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from meshbench.config.packages import Package
from meshbench.config.profile import LinkName, NonNegative, Percent, Placement, Profile
from meshbench.config.strict import Name, Strict, refuse_duplicates
from meshbench.config.testbeds import FakeTestbed, LabTestbed, SshTestbed, Testbed, host_names

Feature = Literal["gso", "gro", "tso", "rx-udp-gro-forwarding"]
"""An offload as ``ethtool -K`` calls it."""


class Offloads(Strict):
    """Which offloads of a host's interfaces are on; one that is not named stays as it is."""

    data: dict[Feature, bool] = {}
    """Of the interface that the measured traffic leaves the host by."""
    tunnel: dict[Feature, bool] = {}
    """Of the VPN's interface; the bare link has none, and nothing is set there."""

    def over(self, base: "Offloads") -> "Offloads":
        """These, and of the others those of a base."""
        return Offloads(data=base.data | self.data, tunnel=base.tunnel | self.tunnel)


class Tuning(Strict):
    """Kernel settings that a tuning makes on every host; the empty one leaves each kernel its own."""

    base: Annotated[Name | None, Field(exclude=True)] = None
    """The tuning whose settings this one changes or adds to; when loaded, they are all here."""
    sysctls: dict[Annotated[str, StringConstraints(pattern=r"^net\.[a-z0-9_.]+$")], int | str] = {}
    ethtool: Annotated[Offloads, Field(exclude_if=lambda offloads: offloads == Offloads())] = (
        Offloads()
    )

    def over(self, base: "Tuning") -> "Tuning":
        """These settings, and of the others those of a base."""
        return Tuning(sysctls=base.sysctls | self.sysctls, ethtool=self.ethtool.over(base.ethtool))

    @property
    def settings(self) -> dict[str, str]:
        """Every setting by one name, as tables and records have it: values are words apart by one space."""
        sysctls = {key: " ".join(str(value).split()) for key, value in self.sysctls.items()}
        sides = (("data", self.ethtool.data), ("tunnel", self.ethtool.tunnel))
        return sysctls | {
            f"ethtool.{side}.{feature}": "on" if on else "off"
            for side, features in sides
            for feature, on in features.items()
        }


class SystemFile(Strict):
    """A system under test: a driver and the options that differ from the VPN's own defaults."""

    driver: Name
    options: dict[str, Any] = {}
    package: Package | None = None
    """Where the programs come from, if not from where the driver says."""


class BenchmarkFile(Strict):
    """A benchmark under a name of its own, with the options that differ from its defaults."""

    benchmark: Name
    options: dict[str, Any] = {}


class System(Strict):
    """A system under test with every option of its driver, in the driver's own model."""

    driver: str
    options: SerializeAsAny[Strict]
    package: Package | None = None


class Instrument(Strict):
    """What a campaign calls by one name: a benchmark with every option, in its own model."""

    kind: str
    """The benchmark's own name."""
    options: SerializeAsAny[Strict]


class Calibration(Strict):
    """How the network itself is measured, and how far it may be from what was asked for."""

    duration_s: Annotated[float, Field(gt=0)] = 4
    interval_ms: Annotated[float, Field(ge=0.1)] = 2
    delay_tolerance_ms: NonNegative = 0.5
    delay_tolerance_percent: Percent = 10
    loss_tolerance_percent: Percent = 10

    def near_ms(self, expected_ms: float) -> float:
        """How far a mean delay may be from the expected one."""
        return max(self.delay_tolerance_ms, self.delay_tolerance_percent / 100 * expected_ms)


def _no_truth(value: Any) -> Any:
    # YAML reads `yes` as true, and Python counts true as 1.
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _percent(value: Any) -> Any:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("percent", "must be a percentage, such as 5%")
    return float(match[1])


INTERVAL_ROUNDS = 6
"""So many rounds can carry a 95 % interval of the median (`analysis.order.LEAST_ROUNDS`)."""
BRACKETED = ("ping", "tcp")
"""Kinds of benchmarks whose first one of a campaign is measured on the bare link around every round."""
Count = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=999)]


class Adaptive(Strict):
    """As many rounds as a system needs under a profile.

    Attributes:
        least: rounds that all of them get.
        most: rounds that none exceeds.
        until: as soon as the interval of every benchmark's first headline is no wider than its value
            ± so many percent, the system is not measured again under that profile.
    """

    least: Count = 3
    most: Count
    until: Annotated[float, BeforeValidator(_percent, str), Field(gt=0, lt=100)]

    @property
    def first(self) -> int:
        """The round after which it is first looked whether that is so."""
        return max(self.least, INTERVAL_ROUNDS)

    @model_validator(mode="after")
    def _can_end_early(self) -> Self:
        if self.most < self.least:
            raise PydanticCustomError(
                "most",
                "must be at least {least}, as least is",
                {"key": "most", "least": self.least},
            )
        if self.most <= self.first:
            raise PydanticCustomError(
                "nothing_to_save",
                "an interval needs {few} rounds, so that none of {most} can be saved: let most be "
                "above {first}, or say rounds: {most}",
                {"key": "most", "most": self.most, "first": self.first, "few": INTERVAL_ROUNDS},
            )
        return self


def _kind_of_rounds(value: Any) -> str:
    return "adaptive" if isinstance(value, Mapping | Adaptive) else "number"


class Analysis(Strict):
    """How what was measured is judged.

    Attributes:
        marked: whether values of marked cells count; the difference it makes is in the tables.
        equivalent_percent: two systems whose ratio is known to lie this near to 1 are equivalent.
        resamples: how often rounds are drawn to see how sure a rank is.
    """

    marked: Literal["in", "out"] = "in"
    equivalent_percent: Annotated[float, Field(gt=0, lt=100)] = 5
    resamples: Annotated[int, Field(ge=1000, le=1_000_000)] = 10_000


class Claims(Strict):
    """A text whose numbers are checked against the campaign's tables.

    Attributes:
        text: CSV or YAML, one row per number.
        queries: YAML with a query per row, where the text's own rows have none.
    """

    text: Annotated[str, Field(min_length=1)]
    queries: Annotated[str, Field(min_length=1)] | None = None


STOCK = "stock"
"""The tuning that others build on: nearly what a kernel does by itself."""


class CampaignFile(Strict):
    """One experiment; its results live under results/<campaign>/ and figures/<campaign>/."""

    campaign: Name
    testbed: Name = "lab"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    rounds: Annotated[
        Annotated[Count, Tag("number")] | Annotated[Adaptive, Tag("adaptive")],
        Discriminator(_kind_of_rounds),
    ] = 2
    vpns: Annotated[tuple[Name, ...], Field(min_length=1)]
    tunings: Annotated[tuple[Name, ...], Field(min_length=1)] = (STOCK,)
    profiles: Annotated[tuple[Name, ...], Field(min_length=1)]
    benchmarks: Annotated[dict[Name, dict[str, Any] | None], Field(min_length=1)]
    links: Literal["ring", "all"] | tuple[LinkName, ...] = "ring"
    placement: Placement = "ingress"
    placements: tuple[Placement, ...] = ()
    """Where packets are impaired, when it is several places one after the other in every round; the
    first one is what figures of one place show, and what others are compared with.
    """
    engine: Literal["auto", "netem", "linkem"] = "auto"
    calibration: Calibration = Calibration()
    bracket: bool = False
    """Whether the bare link is measured before and after the cells of every round."""
    analysis: Analysis = Analysis()
    compare: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Other campaigns, or folders of their results, that this one is compared with."""
    figures: Literal["suitable"] | tuple[Name, ...] = "suitable"
    published: str | tuple[str, ...] | None = None
    claims: Claims | str | None = None

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for key in ("vpns", "tunings", "profiles", "placements"):
            refuse_duplicates(getattr(self, key), key.removesuffix("s"), key)
        if self.campaign in self.compare:
            raise PydanticCustomError(
                "itself",
                "a campaign cannot be compared with itself; two systems of one can: "
                "python -m meshbench compare {name}:one {name}:other",
                {"key": "compare", "name": self.campaign},
            )
        if self.placements and self._says_another_placement:
            raise PydanticCustomError(
                "placement",
                "'{name}' is none of the placements: say one key of the two",
                {"key": "placement", "name": self.placement},
            )
        if "packages" in self.vpns:
            raise PydanticCustomError(
                "reserved",
                "a system cannot be called 'packages': its folder on the hosts is",
                {"key": "vpns"},
            )
        if "calibration" in self.benchmarks:
            raise PydanticCustomError(
                "reserved",
                "every campaign measures the calibration by itself; see the key 'calibration'",
                {"key": "benchmarks"},
            )
        return self

    @property
    def _says_another_placement(self) -> bool:
        return "placement" in self.model_fields_set and self.placement not in self.placements


@dataclass(frozen=True)
class Campaign:
    """A campaign file with everything it names loaded, checked and completed with defaults."""

    file: CampaignFile
    testbed: LabTestbed | SshTestbed | FakeTestbed
    systems: Mapping[str, System]
    benchmarks: Mapping[str, Instrument]
    profiles: Mapping[str, Profile]
    tunings: Mapping[str, Tuning]

    @property
    def name(self) -> str:
        return self.file.campaign

    @property
    def hosts(self) -> tuple[str, ...]:
        return host_names(self.testbed)

    @property
    def kind(self) -> str:
        """Where the numbers come from: the testbed's kind, or 'published' when they are imported."""
        return "published" if self.file.published else self.testbed.kind

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Where packets are impaired; the first one is what figures of one place show."""
        return self.file.placements or (self.file.placement,)

    @property
    def bracket(self) -> tuple[str, ...]:
        """The benchmarks by which the bare link is measured before and after every round's cells."""
        if not self.file.bracket:
            return ()
        kinds = [instrument.kind for instrument in self.benchmarks.values()]
        firsts = {kinds.index(kind) for kind in BRACKETED if kind in kinds}
        return tuple(name for place, name in enumerate(self.benchmarks) if place in firsts)

    @property
    def adaptive(self) -> Adaptive | None:
        """When a system has rounds enough; None where all have the same number."""
        rounds = self.file.rounds
        return rounds if isinstance(rounds, Adaptive) else None

    @property
    def rounds(self) -> int:
        """How many there are at the most."""
        rounds = self.file.rounds
        return rounds.most if isinstance(rounds, Adaptive) else rounds

    @property
    def published(self) -> tuple[str, ...]:
        """Folders and archives of imported data; none for a campaign that is measured."""
        paths = self.file.published
        return (paths,) if isinstance(paths, str) else paths or ()

    @property
    def claims(self) -> Claims | None:
        """The text to check, if any: a file's name alone has its queries in its own rows."""
        claims = self.file.claims
        if isinstance(claims, str):
            return None if claims in {"none", "null"} else Claims(text=claims)
        return claims

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Ordered pairs (source, target); the ring is the thesis's choice."""
        hosts = self.hosts
        match self.file.links:
            case "ring":
                return tuple(zip(hosts, (*hosts[1:], hosts[0]), strict=True))
            case "all":
                return tuple((a, b) for a in hosts for b in hosts if a != b)
            case chosen:
                return tuple((a, b) for a, _, b in (link.partition("->") for link in chosen))


def schemas() -> dict[str, str]:
    """The JSON schemas of every kind of configuration file, generated from the models."""
    kinds: dict[str, Any] = {
        "campaign": CampaignFile,
        "profile": Profile,
        "tuning": Tuning,
        "system": SystemFile,
        "benchmark": BenchmarkFile,
        "testbed": Testbed,
    }
    return {
        f"{name}.schema.json": json.dumps(TypeAdapter(model).json_schema(), indent=2) + "\n"
        for name, model in kinds.items()
    }
