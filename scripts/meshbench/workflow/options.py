"""Checking what only drivers and benchmarks know: whether they exist, and their options."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshbench import benchmarks, vpns
from meshbench.config import validation
from meshbench.config.models import Campaign
from meshbench.config.sources import Source, locate
from meshbench.figures import base as figures
from meshbench.util.errors import ConfigError, Problem


def check(campaign: Campaign, sources: Sequence[Source], folder: Any) -> None:
    """Raise ConfigError with every driver, benchmark and option that nobody knows."""
    problems: list[Problem] = []
    systems = {} if campaign.published else campaign.systems
    for name, system in systems.items():
        source = Source.read(folder / "vpns" / f"{name}.yaml")
        known = system.driver in vpns.names()
        model = vpns.load(system.driver).options_class if known else None
        problems += _check(
            [source], ("driver",), ("options",), system.driver, vpns.names(), model, system.options
        )
    chosen = {} if campaign.published else campaign.file.benchmarks
    for name, options in chosen.items():
        model = benchmarks.load(name).options_class if name in benchmarks.names() else None
        at = ("benchmarks", name)
        problems += _check(list(sources), at, at, name, benchmarks.names(), model, options or {})
    if campaign.file.figures != "suitable":
        for name in campaign.file.figures:
            if name not in figures.names():
                problems.append(_unknown(list(sources), ("figures",), name, figures.names()))
    if problems:
        raise ConfigError(problems)


def _check(
    sources: list[Source],
    name_at: tuple[str, ...],
    options_at: tuple[str, ...],
    name: str,
    known: Iterable[str],
    model: Any,
    options: Mapping[str, Any],
) -> list[Problem]:
    if model is None:
        return [_unknown(sources, name_at, name, known)]
    try:
        validation.check(model, options, sources, options_at)
    except ConfigError as error:
        return list(error.problems)
    return []


def _unknown(
    sources: list[Source], at: tuple[str, ...], name: str, known: Iterable[str]
) -> Problem:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
    file, line = locate(sources, at, name)
    return Problem(file, ".".join(at), f"there is no '{name}'; {hint}", line)
