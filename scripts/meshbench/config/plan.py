"""From a campaign to its cells and the order in which each round measures them (pure)."""

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Literal

from meshbench.config.models import Campaign
from meshbench.config.profile import Profile
from meshbench.results.records import Cell


@dataclass(frozen=True, order=True)
class Calibrated:
    """One calibration: the network itself under one profile in one round, impaired in one place."""

    profile: str
    round: int
    placement: str = "ingress"

    @property
    def path(self) -> str:
        """The folder of its records, below that of its placement."""
        return f"{self.profile}/{self.round}"


Side = Literal["before", "after"]


@dataclass(frozen=True, order=True)
class Bracketed:
    """One measurement of the bare link before or after the cells of a round."""

    side: Side
    profile: str
    benchmark: str
    round: int
    placement: str = "ingress"

    @property
    def path(self) -> str:
        """The folder of its records, below those of its side and placement."""
        return f"{self.profile}/{self.benchmark}/{self.round}"


Step = Cell | Calibrated | Bracketed


@dataclass(frozen=True)
class Plan:
    """Every cell of a campaign, in measuring order, and what of the network falls among them."""

    cells: tuple[Cell, ...]
    calibrations: tuple[Calibrated, ...]
    brackets: tuple[Bracketed, ...]
    priority: Mapping[Step, int]

    @property
    def network(self) -> tuple[Calibrated | Bracketed, ...]:
        """What is measured beside the cells."""
        return (*self.calibrations, *self.brackets)


def seeded(seed: int, *words: object) -> int:
    """A 63-bit number that depends on the seed and the words only, on every machine alike."""
    text = "\x1f".join(str(word) for word in (seed, *words))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def rotated(names: Sequence[str], seed: int, round_: int) -> list[str]:
    """A seeded order of names in which, over len(names) rounds, each takes every position once.

    Rows of a Williams square where one exists (even lengths), so that no system always follows
    the same other one; plain rotations of a shuffled list otherwise. Rounds beyond one square
    start a freshly shuffled one.
    """
    size = len(names)
    square, row = divmod(round_ - 1, size)
    shuffled = list(names)
    random.Random(seeded(seed, "order", square)).shuffle(shuffled)  # noqa: S311
    if size % 2:
        return [shuffled[(row + column) % size] for column in range(size)]
    zigzag = [
        0,
        *(
            step
            for pair in zip(range(1, size), range(size - 1, 0, -1), strict=True)
            for step in pair
        ),
    ]
    return [shuffled[(row + zigzag[column]) % size] for column in range(size)]


def order(campaign: Campaign, round_: int) -> list[Cell]:
    """The cells of one round: VPN by VPN, so that each comes up once; within a VPN tuning by
    tuning, placement by placement and profile by profile, so that each is applied once. All four
    orders are seeded.
    """
    file = campaign.file
    tunings = rotated(file.tunings, seeded(file.seed, "tuning"), round_)
    placements = rotated(campaign.placements, seeded(file.seed, "placement"), round_)
    profiles = rotated(file.profiles, seeded(file.seed, "profile"), round_)
    return [
        Cell(
            vpn=vpn, tuning=tuning, profile=profile, benchmark=benchmark, round=round_,
            placement=placement,
        )
        for vpn in rotated(file.vpns, file.seed, round_)
        for tuning, placement, profile, benchmark in product(
            tunings, placements, profiles, file.benchmarks
        )
    ]  # fmt: skip


def plan(campaign: Campaign) -> Plan:
    """All rounds that there may be, one after the other; a round is calibrated before its first cell.

    Where the campaign has brackets, they are next to its cells on either side.
    """
    steps: list[Step] = []
    rounds = range(1, campaign.rounds + 1)
    for round_ in rounds:
        cells = order(campaign, round_)
        places = dict.fromkeys((c.placement, c.profile) for c in cells)
        steps += [Calibrated(profile, round_, placement) for placement, profile in places]
        steps += [*_bare(campaign, "before", round_, places), *cells]
        steps += _bare(campaign, "after", round_, places)
    return Plan(
        cells=tuple(step for step in steps if isinstance(step, Cell)),
        calibrations=tuple(step for step in steps if isinstance(step, Calibrated)),
        brackets=tuple(step for step in steps if isinstance(step, Bracketed)),
        priority={step: len(steps) - index for index, step in enumerate(steps)},
    )


def _bare(
    campaign: Campaign, side: Side, round_: int, places: Iterable[tuple[str, str]]
) -> list[Bracketed]:
    return [
        Bracketed(side, profile, benchmark, round_, placement)
        for (placement, profile), benchmark in product(places, campaign.bracket)
    ]


def switches(cells: Iterable[Cell]) -> int:
    """How often the VPN changes when the cells are measured in this order."""
    names = [cell.vpn for cell in cells]
    return sum(a != b for a, b in pairwise(names))


def controls(campaign: Campaign) -> dict[str, list[list[str]]]:
    """Pairs of which one knows how they compare, each with its reference last.

    Returns:
        `systems`, one under two names; `profiles`, a variant and what it is one of (`low@loss`, `low`);
        and `changed`, each variant and the parameters in which it is another (`loss_percent`).
    """
    vpns, profiles = campaign.file.vpns, campaign.file.profiles
    variants = [
        [name, stem]
        for name in profiles
        if (stem := name.partition("@")[0]) != name and stem in profiles
    ]
    return {
        "systems": [
            [again, vpn]
            for vpn, again in combinations(vpns, 2)
            if campaign.systems[vpn] == campaign.systems[again]
        ],
        "profiles": variants,
        "changed": [
            [name, *_changed(campaign.profiles[name], campaign.profiles[stem])]
            for name, stem in variants
        ],
    }


def _changed(profile: Profile, other: Profile) -> list[str]:
    parameters, other_parameters = profile.model_dump(), other.model_dump()
    return sorted(
        key
        for key in parameters.keys() | other_parameters.keys()
        if parameters.get(key) != other_parameters.get(key)
    )


def weather(campaign_seed: int, round_: int, profile: str, host: str) -> int:
    """The emulator's seed: every VPN of a round meets the same weather, and rounds differ.

    Variants of a profile (`low@loss`) meet that of the profile, so that only what they change differs.
    """
    return seeded(campaign_seed, "weather", round_, profile.partition("@")[0], host)
