"""What must not be compared, what is compared relative to the bare link, and what a reader must know."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshbench.analysis.sides import Cell, Conditions, Side
from meshbench.util import flat

LEFT_OUT, RELATIVE, TOLD = "left out", "relative to the bare link", "compared all the same"
_MACHINE = ("testbed", "kernel", "cpu_model")
_HARMLESS = "baseline"


@dataclass(frozen=True)
class Mismatch:
    """What is not the same on two sides.

    Attributes:
        what: e.g. 'profile low'.
        base, other: in words, of either side.
        effect: `LEFT_OUT`, `RELATIVE` or `TOLD`.
    """

    what: str
    base: str
    other: str
    effect: str


@dataclass(frozen=True)
class Basis:
    """How two sides are compared.

    Attributes:
        paired: round by round: the rounds were the same, or met the same weather as far as their seed
            tells; None where no record tells it.
        relative: each value over that of its own campaign's bare link in the same round.
        profiles, benchmarks: that are left out.
    """

    paired: bool | None
    relative: bool
    profiles: frozenset[str]
    benchmarks: frozenset[str]
    mismatches: tuple[Mismatch, ...]


def basis(base: Side, other: Side, *, anyway: bool = False) -> Basis:
    """How another side may be compared with a first one.

    Args:
        base: what it is compared with.
        other: the other one.
        anyway: whether profiles and benchmarks of one name that are not the same count as such.
    """
    same = base.folder.resolve() == other.folder.resolve()
    pairs = list(_pairs(base, other))
    mismatches = [] if same else [*_machines(pairs), *_campaigns(base, other)]
    impairment = [*_profiles(pairs), *_engines(pairs)]
    if base.profile:
        # Two profiles are named to be compared.
        impairment = [(key, Mismatch(m.what, m.base, m.other, TOLD)) for key, m in impairment]
    conditions = [*impairment, *_benchmarks(pairs)]
    if anyway:
        conditions = [(key, Mismatch(m.what, m.base, m.other, TOLD)) for key, m in conditions]
    left = {key for key, m in conditions if m.effect == LEFT_OUT}
    relative = any(mismatch.effect == RELATIVE for mismatch in mismatches)
    return Basis(
        paired=same or (None if None in {base.seed, other.seed} else base.seed == other.seed),
        relative=relative,
        profiles=frozenset(name for kind, name in left if kind == "profile"),
        benchmarks=frozenset(name for kind, name in left if kind == "benchmark"),
        mismatches=_ordered(
            [*(m for _, m in conditions), *mismatches, *_missing(base, other), *_systems(pairs)]
        ),
    )


_ORDER = (LEFT_OUT, RELATIVE, TOLD)


def _ordered(mismatches: Iterable[Mismatch]) -> tuple[Mismatch, ...]:
    """Each once, the gravest first."""
    return tuple(
        sorted(dict.fromkeys(mismatches), key=lambda mismatch: _ORDER.index(mismatch.effect))
    )


Pair = tuple[Cell, Conditions, Conditions]
Found = tuple[tuple[str, str], Mismatch]


def _pairs(base: Side, other: Side) -> Iterator[Pair]:
    """The conditions of what both sides have; of single systems that of the one with the other's."""
    for cell, conditions in base.conditions.items():
        vpn, tuning, profile, benchmark = cell
        if not base.has(vpn, profile):
            continue
        wanted = (other.system or vpn, tuning, other.profile or profile, benchmark)
        if (there := other.conditions.get(wanted)) is not None:
            yield cell, conditions, there


def _profiles(pairs: Iterable[Pair]) -> Iterator[Found]:
    for (_, _, profile, _), base, other in pairs:
        if changed := _changes(base.settings.get("profile"), other.settings.get("profile")):
            yield ("profile", profile), Mismatch(f"profile {profile}", *changed, LEFT_OUT)


def _benchmarks(pairs: Iterable[Pair]) -> Iterator[Found]:
    for (_, _, _, benchmark), base, other in pairs:
        for part, changed in (
            ("options", _changes(base.settings.get("options"), other.settings.get("options"))),
            ("method", _changes(*(_method(c, "benchmark_method") for c in (base, other)))),
            ("links", _changes(*(_links(c) for c in (base, other)))),
        ):
            if changed:
                mismatch = Mismatch(f"{part} of benchmark {benchmark}", *changed, LEFT_OUT)
                yield ("benchmark", benchmark), mismatch


def _method(conditions: Conditions, name: str) -> dict[str, Any] | None:
    version = conditions.methods.get(name)
    return None if version is None else {"version": version}


def _links(conditions: Conditions) -> dict[str, Any] | None:
    where = conditions.settings.get("where")
    return {"links": where["links"]} if where else None


def _engines(pairs: Iterable[Pair]) -> Iterator[Found]:
    for (_, _, profile, _), base, other in pairs:
        engines = (base.told["engine"], other.told["engine"])
        if profile != _HARMLESS and all(engines) and engines[0] != engines[1]:
            words = (str(engines[0]), str(engines[1]))
            mismatch = Mismatch(f"impairment of {profile} by", *words, LEFT_OUT)
            yield ("profile", profile), mismatch


def _machines(pairs: Iterable[Pair]) -> Iterator[Mismatch]:
    for _, base, other in pairs:
        for name in _MACHINE:
            if base.told[name] != other.told[name] and base.told[name] and other.told[name]:
                yield Mismatch(name, str(base.told[name]), str(other.told[name]), RELATIVE)


def _campaigns(base: Side, other: Side) -> Iterator[Mismatch]:
    if base.seed is None or base.seed != other.seed:
        yield Mismatch("weather", _seed(base), _seed(other), TOLD)


def _seed(side: Side) -> str:
    return "not known" if side.seed is None else f"seed {side.seed}"


def _systems(pairs: Iterable[Pair]) -> Iterator[Mismatch]:
    """What is mostly the point of comparing: versions and options; and the tools."""
    for (vpn, _, _, benchmark), base, other in pairs:
        versions = (_told(base, "vpn_version"), _told(other, "vpn_version"))
        if versions[0] != versions[1]:
            yield Mismatch(f"version of {vpn}", *versions, TOLD)
        if changed := _changes(base.settings.get("system"), other.settings.get("system")):
            yield Mismatch(f"set-up of {vpn}", *changed, TOLD)
        if changed := _changes(*(_method(c, "vpn_method") for c in (base, other))):
            yield Mismatch(f"method of {vpn}", *changed, TOLD)
        for name, label in (("congestion_control", "congestion control"), ("tool", "tool")):
            if base.told[name] != other.told[name]:
                mismatch = (_told(base, name), _told(other, name))
                yield Mismatch(f"{label} of {benchmark}", *mismatch, TOLD)


def _told(conditions: Conditions, name: str) -> str:
    return str(conditions.told[name] or "not told")


def _missing(base: Side, other: Side) -> Iterator[Mismatch]:
    names: tuple[tuple[str, Callable[[Side], set[str]]], ...] = (
        ("system", lambda side: set() if side.system else {cell[0] for cell in side.conditions}),
        ("tuning", lambda side: {cell[1] for cell in side.conditions}),
        ("profile", lambda side: set() if side.profile else {cell[2] for cell in side.conditions}),
        ("benchmark", lambda side: {cell[3] for cell in side.conditions}),
        ("placement", lambda side: set(side.rounds.column("placement"))),
    )
    for kind, having in names:
        in_base, in_other = having(base), having(other)
        for name in sorted(in_base ^ in_other):
            words = ("there", "missing") if name in in_base else ("missing", "there")
            yield Mismatch(f"{kind} {name}", *words, LEFT_OUT)


def _changes(base: Any, other: Any) -> tuple[str, str] | None:
    """In what two mappings differ, in words of either; None where nothing does or one is not known."""
    if not isinstance(base, Mapping) or not isinstance(other, Mapping):
        return None
    first, second = dict(flat.leaves(base)), dict(flat.leaves(other))
    changed = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    if not changed:
        return None
    return _words(first, changed), _words(second, changed)


def _words(settings: Mapping[str, Any], keys: Iterable[str]) -> str:
    return ", ".join(
        f"{key} {_plain(settings[key])}" if key in settings else f"no {key}" for key in keys
    )


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
