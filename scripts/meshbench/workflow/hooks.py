"""One invocation of the workflow: the campaign it is about, how it begins and how it ends."""

import argparse
import asyncio
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench import benchmarks, vpns
from meshbench.analysis import tables_of
from meshbench.config import load as configuration
from meshbench.config import paths, plan
from meshbench.config.models import Campaign
from meshbench.config.sources import COMMAND_LINE, Source, locate, setting, sources_of
from meshbench.config.testbeds import LabTestbed, SshTestbed
from meshbench.figures import catalogue
from meshbench.figures.contract import SELF_TOLD, Context, Headline, Plan
from meshbench.importers.vpn_runner import headlines
from meshbench.importers.vpn_runner.index import Kind
from meshbench.results.records import now
from meshbench.util.errors import ConfigError, MeshbenchError, Problem
from meshbench.util.hints import close_matches
from meshbench.workflow import private, progress, space
from meshbench.workflow.settings import Setup

log = logging.getLogger(__name__)

MEASURING_RULES = {"bracket", "calibrate", "measure"}
TESTBED_RULES = {"deploy", *MEASURING_RULES}
"""Those that use it."""
_BEFORE_OTHERS = {"wave"}
"""Those after which more that use it may follow."""
CONFIG = Path("config")
STARTED = "MESHBENCH_STARTED"
SAID = "MESHBENCH_SAID"
MANNER = "MESHBENCH_MANNER"
_FEW = 5
"""So many files that were not imported are named at the end of a run."""


def settle(folder: Path) -> None:
    """Make Snakemake work in a folder of any name; ends the process where that cannot be.

    It starts Python for a job by an unquoted path, so that one which bash would split is made
    relative to where jobs run; and it takes braces in a script's path for wildcards.
    """
    problem = ""
    if {"{", "}"} & set(str(folder)):
        problem = f"{folder} has braces in its name, which Snakemake takes for wildcards"
    if shlex.quote(sys.executable) != sys.executable:
        sys.executable = os.path.relpath(sys.executable)
        if shlex.quote(sys.executable) != sys.executable:
            problem = problem or f"{sys.executable} has characters in its name that bash would read"
    if problem:
        sys.stderr.write(f"{problem}: move it to another folder, and run make setup there\n")
        sys.exit(1)


def load(
    merged: Mapping[str, Any], files: Sequence[Path], words: Sequence[str] | None = None
) -> Campaign:
    """The campaign of this invocation; ends the process with a clear text when it is not usable.

    `words` are those of the command line, if not of this process.
    """
    try:
        here = Path.cwd()
        relative = [f.relative_to(here) if f.is_relative_to(here) else f for f in files]
        sources = sources_of(merged, relative, sys.argv if words is None else words)
        campaign = configuration.load_campaign(merged, sources, CONFIG, vpns, benchmarks)
        _check_figures(campaign, sources)
        _check_files(campaign, relative)
    except ConfigError as error:
        sys.stderr.write(f"The configuration cannot be used:\n{error}\n")
        sys.exit(1)
    sys.stderr.write(private.rescue(campaign.name))
    return campaign


def _check_figures(campaign: Campaign, sources: list[Source]) -> None:
    """Raise ConfigError for every figure that the configuration asks for and nobody can draw."""
    chosen = () if campaign.file.figures == "suitable" else campaign.file.figures
    generic = [catalogue.of_benchmark(name).name for name in campaign.file.benchmarks]
    names = (*catalogue.names(), *generic)
    problems = []
    for name in chosen:
        if name not in names:
            file, line = locate(sources, ("figures",), name)
            message = f"there is no '{name}'; {close_matches(name, sorted(names))}"
            problems.append(Problem(file, "figures", message, line))
    if problems:
        raise ConfigError(problems)


def _check_files(campaign: Campaign, files: Sequence[Path]) -> None:
    """Raise ConfigError for every file that the configuration names and that is not there."""
    problems = []
    if isinstance(campaign.testbed, SshTestbed):
        # Not at the top: asyncssh takes 0.25 s, and other testbeds do not need it here.
        from meshbench.testbed import credentials  # noqa: PLC0415

        place = f"config/testbeds/{campaign.file.testbed}.yaml"
        faults = credentials.problems(campaign.testbed.hosts)
        problems = [Problem(place, key, words) for key, words in faults]
    source = str(files[-1]) if files else COMMAND_LINE
    problems += [
        Problem(source, "published", f"there is no {path}")
        for path in campaign.published
        if not Path(path).exists()
    ]
    problems += [
        Problem(source, "compare", f"{side} has no tables (there is no {missing[0]}): run it first")
        for side in campaign.file.compare
        if (missing := [path for path in tables_of(side).values() if not path.is_file()])
    ]
    claims = campaign.claims
    problems += [
        Problem(source, f"claims.{key}", f"there is no file {path}; for none: --config claims=none")
        for key, path in (claims.model_dump().items() if claims else ())
        if path and not Path(path).is_file()
    ]
    if problems:
        raise ConfigError(problems)


def context(campaign: Campaign) -> dict[str, Any]:
    """What figures must know of the plan, as plain data."""
    file = campaign.file
    return Context(
        campaign=campaign.name,
        vpns=tuple(file.vpns),
        tunings=tuple(file.tunings),
        profiles=tuple(file.profiles),
        benchmarks=tuple(name for name in file.benchmarks if name not in SELF_TOLD),
        rounds=campaign.rounds,
        links=campaign.links,
        testbed=campaign.kind,
        placement=campaign.placements[0],
        placements=campaign.placements,
        engine=file.engine,
        headlines=tuple(_headlines(campaign)),
    ).to_dict()


def design(campaign: Campaign) -> dict[str, Any]:
    """What the analysis must know of the plan, as plain data (`analysis.rounds.Design`)."""
    file, planned = campaign.file, not campaign.published
    systems = [(vpn, tuning) for vpn in file.vpns for tuning in file.tunings]
    return {
        "systems": [list(system) for system in systems] if planned else [],
        "controls": plan.controls(campaign) if planned else {},
        "tunings": list(file.tunings),
        "settings": {name: campaign.tunings[name].settings for name in file.tunings if planned},
        "placements": list(campaign.placements) if planned else [],
        "rounds": campaign.rounds if planned else 0,
        "links": len(campaign.links) if planned else 0,
        "hosts": len(campaign.hosts) if planned else 0,
        "marked": file.analysis.marked == "in",
        "equivalent_percent": file.analysis.equivalent_percent,
        "resamples": file.analysis.resamples,
        "seed": file.seed,
    }


def _headlines(campaign: Campaign) -> Iterator[Headline]:
    for name, chosen in campaign.benchmarks.items():
        of_benchmark = (
            headlines.of(Kind(name))
            if campaign.published
            else benchmarks.load(chosen.kind)(chosen.options).headlines()
        )
        for headline in of_benchmark:
            yield Headline(
                name, headline.metric.name, headline.mode, headline.direction, headline.of
            )


def figures(campaign: Campaign) -> tuple[str, ...]:
    """The figures that the campaign asks for."""
    chosen = campaign.file.figures
    if chosen != "suitable":
        return chosen
    file = campaign.file
    if campaign.published:
        return catalogue.suitable(Plan(tuple(file.benchmarks)))
    return catalogue.suitable(
        Plan(
            (*campaign.benchmarks, "calibration"),
            file.vpns,
            file.tunings,
            campaign.rounds,
            campaign.placements,
            controls=any(plan.controls(campaign).values()),
        )
    )


def start(setup: Setup, workflow: Any) -> None:
    """Before the first job: is everything there that the planned jobs will need?"""
    # Not at the top: a run that has nothing to do must not wait for them (asyncssh: 0.25 s).
    from meshbench.impairment import kernel  # noqa: PLC0415
    from meshbench.runner.session import check_own, lab_of  # noqa: PLC0415
    from meshbench.testbed.lab import machine  # noqa: PLC0415
    from meshbench.workflow import workers  # noqa: PLC0415

    if workflow.local_exec:
        workers.allow()
        # As without --max-jobs-per-timespan, whose default looks at all waiting jobs again every second, once
        # for each job that has ended: a core's worth beside the last round's measurements.
        workflow.scheduler.job_rate_limiter = None
    os.environ[STARTED] = now().isoformat()
    os.environ[SAID] = said(workflow.overwrite_configfiles, workflow.config_settings.config)
    os.environ[MANNER] = manner(sys.argv[1:])
    jobs = list(workflow.dag.needrun_jobs())
    # Not a signal: its handler could wait for a lock that the scheduler itself holds.
    progress.begin(_expected(setup, jobs, workflow), workflow.scheduler.exit_gracefully)
    needed = [job.rule.name for job in jobs]
    _refuse(space.before(sum(name in MEASURING_RULES for name in needed)))
    if (TESTBED_RULES | _BEFORE_OTHERS).isdisjoint(needed):
        return
    campaign = setup.campaign
    impairs = any(profile.impairs for profile in campaign.profiles.values())
    try:
        if isinstance(campaign.testbed, LabTestbed):
            machine.check(lab_of(campaign.file.testbed, campaign.testbed).definition)
            if (note := asyncio.run(kernel.check(campaign.file.engine))) and impairs:
                sys.stderr.write(f"{note}\n")
        # On a cluster it is the jobs' machine that must reach the hosts; each job asks them itself.
        elif isinstance(campaign.testbed, SshTestbed) and workflow.local_exec:
            for placement in campaign.placements if impairs else (None,):
                asyncio.run(check_own(campaign.testbed, placement))
    except MeshbenchError as error:
        _refuse(str(error))


def _refuse(reason: str | None) -> None:
    """End the process where there is a reason: raised, it would be under Snakemake's traceback."""
    if reason:
        sys.stderr.write(f"{reason}\n")
        sys.exit(1)


def imported(report: Path) -> str:
    """What came of an import, in lines: how much was read, notes, and the files that could not be."""
    if not report.is_file():
        return ""
    summary = json.loads(report.read_text(encoding="utf-8"))
    head = (
        f"{summary['imported']} of {summary['files']} files imported, {summary['ignored']} ignored"
    )
    aside = [
        f"  {path}: {why}"
        for path, why in summary["not imported"].items()
        if why.startswith("set aside")
    ]
    shown = aside[:_FEW]
    if more := len(aside) - len(shown):
        shown.append(f"  … and {more} more, see {report}")
    return "\n".join([head, *summary.get("notes", []), *shown, ""])


def said(files: Iterable[Path | str], settings: Mapping[str, Any]) -> str:
    """The words that choose this campaign on a command line, for repeating them."""
    words = [setting(key, value) for key, value in settings.items()]
    return shlex.join(
        [
            *(word for file in files for word in ("--configfile", str(file))),
            *(["--config", *words] if words else []),
        ]
    )


def manner(words: Sequence[str]) -> str:
    """How a command line of Snakemake's has jobs run, for repeating it: its profile, or one core."""
    from meshbench.workflow import summary  # noqa: PLC0415

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--workflow-profile")
    profile = parser.parse_known_args(words)[0].workflow_profile
    return shlex.join(["--workflow-profile", profile]) if profile else summary.ONE_CORE


def _expected(setup: Setup, jobs: list[Any], workflow: Any) -> dict[int, float]:
    from meshbench.workflow import estimate, summary  # noqa: PLC0415

    if setup.campaign.published:
        return {workflow.dag.jobid(job): progress.FAST_JOB_S for job in jobs if job.output}
    by_path = {
        str(setup.records[step]): seconds
        for step, seconds in estimate.durations(setup, summary.compared(setup)).items()
    }
    by_path |= {
        str(paths.package(setup.campaign.name, name)): seconds + progress.FAST_JOB_S
        for name, seconds in estimate.unbuilt(setup).items()
    }
    by_path |= {
        str(paths.program(setup.campaign.name, kind)): seconds + progress.FAST_JOB_S
        for kind, seconds in estimate.unbuilt_programs(setup).items()
    }
    return {
        workflow.dag.jobid(job): by_path.get(str(job.output[0]), progress.FAST_JOB_S)
        for job in jobs
        if job.output
    }


def end(setup: Setup) -> None:
    """After the last job: take the lab down unless it is to be kept, and say what came out."""
    from meshbench.runner.session import lab_of  # noqa: PLC0415
    from meshbench.workflow import summary  # noqa: PLC0415

    campaign = setup.campaign
    if isinstance(campaign.testbed, LabTestbed):
        lab = lab_of(campaign.file.testbed, campaign.testbed)
        if lab.running() is not None and not lab.kept:
            asyncio.run(lab.down())
    if campaign.published:
        sys.stderr.write(imported(paths.imported(campaign.name)))
        sys.stderr.write(f"figures: {paths.FIGURES / campaign.name}/\n")
    else:
        summary.show(
            setup,
            os.environ.get(STARTED),
            os.environ.get(SAID, ""),
            os.environ.get(MANNER, summary.ONE_CORE),
        )
