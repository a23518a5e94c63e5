"""How long a campaign takes, learnt from earlier records where there are any."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from statistics import median

from rich.markup import escape

from meshbench.benchmarks.tools import line_probe
from meshbench.config import plan
from meshbench.config.plan import Bracketed, Step
from meshbench.packages import store
from meshbench.packages.supply import Supply
from meshbench.results.records import BARE, Cell
from meshbench.util import terminal
from meshbench.workflow import summary
from meshbench.workflow.settings import Setup
from meshbench.workflow.summary import Done
from meshbench.workflow.waves import Waves

CELL_OVERHEAD_S = 2.0
SWITCH_S = 1.5
FIGURES_S = 40.0
BUILD_S = {"go": 90.0, "cargo": 600.0, "release": 20.0}
"""By source, about how long two cores take to have a package; another source is only copied."""


def expected_s(setup: Setup, step: Cell | Bracketed) -> float:
    """How long a cell, or the bare link around a round, should take by its benchmark's options alone."""
    benchmark, links = setup.benchmarks[step.benchmark], setup.campaign.links
    return len(benchmark.groups(links)) * benchmark.duration_s() + CELL_OVERHEAD_S


def learnt(cells: list[Done]) -> dict[tuple[str, str, str], float]:
    """Median seconds of the records that are not stale by (vpn, profile, benchmark)."""
    seen = defaultdict(list)
    for done in cells:
        if done.record and not done.stale:
            took = (done.record.ended - done.record.started).total_seconds()
            seen[done.cell.vpn, done.cell.profile, done.cell.benchmark].append(took + 1.0)
    return {key: median(times) for key, times in seen.items()}


def durations(setup: Setup, cells: list[Done]) -> dict[Step, float]:
    """Seconds expected for every step of the plan."""
    medians = learnt(cells)
    measured: list[Cell | Bracketed] = [*setup.plan.cells, *setup.plan.brackets]
    by_step: dict[Step, float] = {
        step: medians.get(_like(step), expected_s(setup, step)) for step in measured
    }
    calibration = setup.campaign.file.calibration.duration_s + CELL_OVERHEAD_S
    return by_step | {
        step: calibration + _filling_s(setup, step.profile) for step in setup.plan.calibrations
    }


def _like(step: Cell | Bracketed) -> tuple[str, str, str]:
    """A cell's system, profile and benchmark: the bare link around a round takes as long as its cell."""
    vpn = step.vpn if isinstance(step, Cell) else BARE
    return vpn, step.profile, step.benchmark


def _filling_s(setup: Setup, profile: str) -> float:
    """At most, of the bottlenecks that a calibration fills one after the other."""
    if not setup.campaign.profiles[profile].rated:
        return 0.0
    return 2 * len(setup.campaign.links) * (line_probe.FILLING_S + line_probe.DURATION_S)


def show(setup: Setup) -> None:
    """Print the plan: each cell in its order, whether and why it is measured, and the time."""
    campaign, cells = setup.campaign, summary.compared(setup)
    times = durations(setup, cells)
    have = {done.cell: done for done in cells}
    several = len(campaign.placements) > 1
    columns = ("#", "round", "vpn", "tuning", "profile", "benchmark", "about", "state")
    title = f"campaign {campaign.name} on testbed {campaign.file.testbed}"
    table = terminal.table(title, columns, ("#", "about"))
    for number, (cell, done) in enumerate(have.items(), start=1):
        profile = f"{cell.profile}, {cell.placement}" if several else cell.profile
        words = (cell.vpn, cell.tuning, profile, cell.benchmark)
        table.add_row(
            str(number), str(cell.round), *words, f"{times[cell]:.0f} s", escape(state(done))
        )
    console = terminal.console(sys.stdout)
    console.print(table)
    console.print(_total(setup, have, times), markup=False)
    for line in _adaptive(setup):
        console.print(line, markup=False)
    if lacking := {**unbuilt(setup), **unbuilt_programs(setup)}:
        about = timedelta(seconds=round(sum(lacking.values())))
        names = ", ".join(lacking)
        console.print(f"to be built or fetched before: {names}; about {about}", markup=False)


def unbuilt(setup: Setup) -> dict[str, float]:
    """The systems whose packages are not in the cache, with the seconds that having them takes."""
    return _lacking({name: driver.supplies for name, driver in setup.drivers.items()})


def unbuilt_programs(setup: Setup) -> dict[str, float]:
    """The same of benchmarks that bring programs along, by their own names."""
    return _lacking({kind: benchmark.supplies for kind, benchmark in setup.instruments.items()})


def _lacking(supplies: Mapping[str, Sequence[Supply]]) -> dict[str, float]:
    lacking = {name: [s for s in some if not store.has(s)] for name, some in supplies.items()}
    return {
        name: sum(BUILD_S.get(supply.package.source, 0.0) for supply in some)
        for name, some in lacking.items()
        if some
    }


def state(done: Done) -> str:
    if done.stale:
        return f"stale: {'; '.join(done.stale)}"
    if done.record is None:
        return "to measure"
    return "reused" if done.status == "ok" else f"reused ({done.status})"


def _total(setup: Setup, have: Mapping[Cell, Done], times: Mapping[Step, float]) -> str:
    missing = [cell for cell, done in have.items() if done.record is None or done.stale]
    network = summary.unmeasured(setup)
    steps: list[Step] = [*missing, *network]
    wait_s = sum(times[step] for step in steps) + plan.switches(missing) * SWITCH_S
    learnt_from = sum(done.record is not None and not done.stale for done in have.values())
    basis = (
        f"learnt from {learnt_from} records" if learnt_from else "from the benchmarks' durations"
    )
    about = timedelta(seconds=round(wait_s + FIGURES_S if steps else 0))
    span = str(about)
    if more := _more(setup):
        more_s = sum(times[step] for step in more)
        more_s += plan.switches(step for step in more if isinstance(step, Cell)) * SWITCH_S
        span += f" to {timedelta(seconds=round(wait_s + more_s + FIGURES_S))}"
    return (
        f"{len(missing)} of {len(have)} cells and {_counted(setup, network)} to measure, "
        f"{len(have) - len(missing)} cells reused; about {span} ({basis})."
    )


def _counted(setup: Setup, network: Sequence[Step]) -> str:
    around = sum(isinstance(step, Bracketed) for step in network)
    suffix = f" and {around} of the bare link around rounds" if setup.plan.brackets else ""
    return f"{len(network) - around} calibrations{suffix}"


def _more(setup: Setup) -> list[Step]:
    """What has no record and may come to be measured, in its order."""
    waves = Waves(setup)
    maybe = waves.open(waves.on_disk())
    steps = (*setup.plan.cells, *setup.plan.network)
    return [step for step in steps if step in maybe and not setup.records[step].exists()]


def _adaptive(setup: Setup) -> Iterator[str]:
    """When systems are measured again, and which are not any more, where the rounds are adaptive."""
    rule = setup.campaign.adaptive
    if rule is None:
        return
    yield (
        f"rounds: at most {rule.most}; after round {rule.first}, and each further one, a system stops under a "
        f"profile whose headlines' intervals are within ±{rule.until:g} %; up to {len(_more(setup))} more cells "
        "and calibrations"
    )
    if rule.least < rule.first:
        yield f"least: {rule.least} acts as {rule.first}: an interval needs {rule.first} rounds"
    for decision in Waves(setup).stopped():
        named = (decision.vpn, decision.tuning, decision.placement, decision.profile)
        yield f"stopped after {decision.rounds} rounds: {' '.join(named)}: {decision.why}"
