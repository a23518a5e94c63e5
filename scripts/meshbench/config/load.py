"""A campaign and everything that it names, checked and completed with every default."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from meshbench.config.models import (
    BRACKETED,
    BenchmarkFile,
    Campaign,
    CampaignFile,
    Instrument,
    System,
    SystemFile,
    Tuning,
)
from meshbench.config.profile import Profile
from meshbench.config.sources import Source, locate
from meshbench.config.strict import Strict
from meshbench.config.testbeds import FakeTestbed, SshTestbed, Testbed
from meshbench.config.validation import check
from meshbench.util.errors import ConfigError, Problem
from meshbench.util.hints import close_matches

Loaded = TypeVar("Loaded")
Key = tuple[str, ...]
_NAMING_HOSTS = ("hosts", "second_addresses")
"""The options of benchmarks that list hosts, or have values by host."""


class Kinds(Protocol):
    """The drivers or the benchmarks there are, and the model of each one's options."""

    def names(self) -> tuple[str, ...]: ...

    def options(self, name: str) -> type[Strict]: ...


class Benchmarks(Kinds, Protocol):
    """The benchmarks there are."""

    def reboots(self, name: str) -> bool: ...


def load_campaign(
    config: Mapping[str, Any],
    sources: list[Source],
    folder: Path,
    drivers: Kinds,
    benchmarks: Benchmarks,
) -> Campaign:
    """Check a merged configuration and load every file it names.

    Args:
        config: what Snakemake merged from the config files and the command line.
        sources: the config files and the command line, for naming file and line in errors.
        folder: the folder with profiles/, tunings/, testbeds/, vpns/ and benchmarks/.
        drivers: of VPNs.
        benchmarks: those that a campaign may ask for.

    Raises:
        ConfigError: with every problem found.
    """
    file: CampaignFile = check(CampaignFile, dict(config), sources)
    loader = _Loader(file, sources, folder, drivers, benchmarks)
    # Somebody else measured imported data: it needs no driver and no testbed here.
    imported = bool(file.published)
    system = _imported_system if imported else loader.system
    instrument = _imported_instrument if imported else loader.instrument
    testbeds = () if imported else (file.testbed,)
    systems = loader.every(file.vpns, system)
    profiles = loader.every(file.profiles, loader.named("profiles", Profile))
    tunings = loader.every(file.tunings, loader.tuning)
    hosts = loader.every(testbeds, loader.named("testbeds", Testbed, "testbed"))
    instruments = loader.every(file.benchmarks, instrument)
    if loader.problems:
        raise ConfigError(list(dict.fromkeys(loader.problems)))
    testbed = hosts.get(file.testbed, FakeTestbed(kind="fake"))
    campaign = Campaign(file, testbed, systems, instruments, profiles, tunings)
    _check_links(campaign, sources)
    if not imported:
        _check_bracket(campaign, sources)
        _check_hosts(campaign, sources)
        _check_reboots(campaign, folder, benchmarks)
        _check_profiles(campaign, folder)
    return campaign


@dataclass
class _Loader:
    """Loads named things one by one, and keeps what is wrong with them."""

    file: CampaignFile
    sources: list[Source]
    folder: Path
    drivers: Kinds
    benchmarks: Benchmarks
    problems: list[Problem] = field(default_factory=list)

    def every(self, names: Iterable[str], load: Callable[[str], Loaded]) -> dict[str, Loaded]:
        """By name, what could be loaded."""
        loaded = {}
        for name in names:
            try:
                loaded[name] = load(name)
            except ConfigError as error:
                self.problems += error.problems
        return loaded

    def named(self, kind: str, model: Any, key: str | None = None) -> Callable[[str], Any]:
        """What loads the files of a folder, which the campaign names under a key."""
        at = (key or kind,)
        return lambda name: load_named(
            self.folder / kind, name, model, locate(self.sources, at, name)
        )

    def tuning(self, name: str) -> Tuning:
        """With the settings of its base; a base has none itself, so there is no circle."""
        own: Tuning = self.named("tunings", Tuning)(name)
        if own.base is None:
            return own
        folder = self.folder / "tunings"
        place = str(_path(folder, name))
        base: Tuning = load_named(folder, own.base, Tuning, (place, None))
        if base.base is not None:
            message = (
                f"'{own.base}' has a base itself ('{base.base}'): name that, or copy its settings"
            )
            raise ConfigError([Problem(place, "base", message)])
        return own.over(base)

    def system(self, name: str) -> System:
        file: SystemFile = self.named("vpns", SystemFile)(name)
        source = Source.read(_path(self.folder / "vpns", name))
        model = _options(self.drivers, file.driver, [source], ("driver",))
        options = check(model, file.options, [source], ("options",))
        return System(driver=file.driver, options=options, package=file.package)

    def instrument(self, name: str) -> Instrument:
        """A benchmark by its file or as the campaign says it; by default what stands before '@'."""
        at, options = ("benchmarks", name), dict(self.file.benchmarks[name] or {})
        path = _path(self.folder / "benchmarks", name)
        if path.exists():
            if options:
                message = f"{path} has its options; say these there, or under another name here"
                raise _error(self.sources, at, message)
            return self._instrument_file(path)
        where = (*at, "benchmark") if "benchmark" in options else at
        kind = options.pop("benchmark", name.partition("@")[0])
        model = _options(self.benchmarks, kind, self.sources, where)
        return Instrument(kind=kind, options=check(model, options, self.sources, at))

    def _instrument_file(self, path: Path) -> Instrument:
        source = Source.read(path)
        file: BenchmarkFile = check(BenchmarkFile, source.data, [source])
        model = _options(self.benchmarks, file.benchmark, [source], ("benchmark",))
        options = check(model, file.options, [source], ("options",))
        return Instrument(kind=file.benchmark, options=options)


def _imported_system(name: str) -> System:
    return System(driver=name, options=Strict())


def _imported_instrument(name: str) -> Instrument:
    return Instrument(kind=name, options=Strict())


def _options(kinds: Kinds, name: Any, sources: list[Source], at: Key) -> type[Strict]:
    """The options of a driver or benchmark. Raises ConfigError at the place that named it."""
    if name in kinds.names():
        return kinds.options(name)
    raise _error(
        sources,
        at,
        f"there is no '{name}'; {close_matches(str(name), sorted(kinds.names()))}",
        name,
    )


def _error(sources: list[Source], at: Key, message: str, item: str | None = None) -> ConfigError:
    file, line = locate(sources, at, item)
    return ConfigError([Problem(file, ".".join(at), message, line)])


def _check_links(campaign: Campaign, sources: list[Source]) -> None:
    hosts = campaign.hosts
    for source, target in campaign.links:
        if source == target or source not in hosts or target not in hosts:
            message = f"'{source}->{target}' is not a pair of two of the hosts {', '.join(hosts)}"
            raise _error(sources, ("links",), message)


def _check_bracket(campaign: Campaign, sources: list[Source]) -> None:
    """There is something to measure the bare link by."""
    if campaign.file.bracket and not campaign.bracket:
        message = (
            f"the bare link is measured around each round by {' and '.join(BRACKETED)}, and the campaign "
            "has neither: add one to its benchmarks, or leave bracket out"
        )
        raise _error(sources, ("bracket",), message)


def _check_hosts(campaign: Campaign, sources: list[Source]) -> None:
    """The hosts that a benchmark's options name are the testbed's."""
    for name, instrument in campaign.benchmarks.items():
        for option in _NAMING_HOSTS:
            named = getattr(instrument.options, option, None)
            if not isinstance(named, tuple | Mapping):
                continue
            if unknown := sorted({*named} - {*campaign.hosts}):
                hosts = ", ".join(campaign.hosts)
                message = f"{', '.join(unknown)} is no host of the testbed, which has {hosts}"
                raise _error(sources, ("benchmarks", name, option), message)


def _check_reboots(campaign: Campaign, folder: Path, benchmarks: Benchmarks) -> None:
    """Hosts of one's own are rebooted only where their file says that they may be."""
    if not isinstance(campaign.testbed, SshTestbed):
        return
    source = Source.read(_path(folder / "testbeds", campaign.file.testbed))
    problems = []
    for name, instrument in campaign.benchmarks.items():
        if not benchmarks.reboots(instrument.kind):
            continue
        named = getattr(instrument.options, "hosts", None)
        chosen = named if isinstance(named, tuple) else campaign.hosts
        for index, host in enumerate(campaign.testbed.hosts):
            if host.name in chosen and not host.allow_reboot:
                key = ("hosts", index, "allow_reboot")
                message = (
                    f"the benchmark '{name}' reboots {host.name}, which is not allowed: write "
                    "allow_reboot: true there if it may be rebooted and comes back by itself, or "
                    "leave the benchmark out"
                )
                file, line = locate([source], key)
                problems.append(Problem(file, ".".join(map(str, key)), message, line))
    if problems:
        raise ConfigError(problems)


def _check_profiles(campaign: Campaign, folder: Path) -> None:
    """Raises ConfigError for hosts that the testbed has not, and rates that its line cannot carry."""
    problems = [
        Problem(str(source.path), ".".join(at), message, locate([source], at)[1])
        for name, profile in campaign.profiles.items()
        for source in [Source.read(_path(folder / "profiles", name))]
        for at, message in _unfit(profile, campaign)
    ]
    if problems:
        raise ConfigError(problems)


def _unfit(profile: Profile, campaign: Campaign) -> Iterator[tuple[Key, str]]:
    hosts, testbed = campaign.hosts, campaign.testbed
    there = f"testbed '{campaign.file.testbed}' has {', '.join(hosts)}"
    for host in profile.hosts:
        if host not in hosts:
            yield ("hosts", host), f"no such host: {there}; name one of these, or take it away"
    for link in profile.links:
        if not set(link.split("->")) <= set(hosts):
            yield ("links", link), f"not two hosts: {there}; name two of these, or take it away"
    line_bps = getattr(testbed, "data_rate_bps", "none")
    for at, rate_mbit in _rates(profile):
        if isinstance(line_bps, int) and rate_mbit > line_bps / 1e6:
            message = (
                f"{rate_mbit:g} Mbit/s is more than the testbed's own line of {line_bps / 1e6:g}: "
                f"lower it, or raise data_rate_bps of testbed '{campaign.file.testbed}'"
            )
            yield at, message


def _rates(profile: Profile) -> Iterator[tuple[Key, float]]:
    overrides = {("hosts", name): override for name, override in profile.hosts.items()}
    overrides |= {("links", name): override for name, override in profile.links.items()}
    rates = {(): profile.rate_mbit} | {at: override.rate_mbit for at, override in overrides.items()}
    for at, rate_mbit in rates.items():
        if rate_mbit is not None:
            yield (*at, "rate_mbit"), rate_mbit


def load_named(folder: Path, name: str, model: Any, place: tuple[str, int | None]) -> Any:
    """Load ``folder/name.yaml`` as a model; an unknown name is an error at the place that said it."""
    path = _path(folder, name)
    if not path.exists():
        hint = close_matches(name, sorted(file.stem for file in folder.glob("*.yaml")))
        raise ConfigError([Problem(place[0], name, f"there is no {path}; {hint}", place[1])])
    source = Source.read(path)
    return check(model, source.data, [source])


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.yaml"
