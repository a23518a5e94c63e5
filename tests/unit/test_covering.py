"""The part of the conformance matrix that `make lab` runs leaves no kind of case out."""

import itertools
from typing import Any

import pytest

from meshbench import benchmarks, vpns
from tests.lab import support, test_reboot
from tests.lab.test_conformance_benchmarks import (
    HOWS,
    KERNEL,
    MEASURED,
    TUNNELS,
    UNANSWERED,
    USER_SPACE,
)
from tests.lab.test_conformance_tools import CASES, FAULTS

NAMES = benchmarks.names()
TOOLS = {tool for name in NAMES for tool in benchmarks.load(name).tools}


def values(cases: list[Any]) -> set[tuple[Any, ...]]:
    return {tuple(case.values) for case in cases}


def data_path(driver: str) -> str:
    return vpns.load(driver).card.data_path.partition(" ")[0].strip(";,")


@pytest.mark.parametrize(("kind", "where"), [(KERNEL, "kernel"), (USER_SPACE, "user")])
def test_every_benchmark_is_measured_over_both_kinds_of_tunnel(kind: str, where: str) -> None:
    assert data_path(TUNNELS[kind].driver) == where
    measured = {case.values[0] for case in MEASURED if case.values[1] is TUNNELS[kind]}
    if data_path(test_reboot.VPN) == where:
        measured.add("reboot")
    assert measured == set(NAMES)


def test_every_benchmark_meets_silence_and_every_kind_of_it_some() -> None:
    assert {name for name, how in UNANSWERED if how == "dropped"} == set(NAMES)
    usual = set(NAMES) - set(support.LENGTHY)
    assert set(itertools.product(usual, HOWS)) <= set(UNANSWERED)


def test_every_tool_is_broken_in_every_way() -> None:
    broken = {(tool, how) for _, tool, how in values(CASES)}
    assert broken == set(itertools.product(TOOLS, FAULTS))


def test_every_benchmark_meets_each_of_its_tools_broken() -> None:
    uses = {(name, tool) for name in NAMES for tool in benchmarks.load(name).tools}
    assert {(name, tool) for name, tool, _ in values(CASES)} == uses


def test_the_lengthy_ones_are_in_a_part_of_the_cases_only() -> None:
    assert set(support.LENGTHY) <= set(NAMES)
    whole = len(FAULTS) * sum(len(benchmarks.load(name).tools) for name in support.LENGTHY)
    chosen = [case for case in values(CASES) if case[0] in support.LENGTHY]
    assert support.FULL or len(chosen) == whole // len(FAULTS)
