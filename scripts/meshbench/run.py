"""One invocation of the workflow: the campaign it is about, how it begins and how it ends."""

import argparse
import asyncio
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from meshbench import config, options, paths, progress
from meshbench.config import Campaign, LabTestbed, SshTestbed
from meshbench.errors import ConfigError, MeshbenchError, Problem
from meshbench.figures.base import SELF_TOLD, Context, suitable
from meshbench.plan import Calibrated
from meshbench.records import now
from meshbench.sources import COMMAND_LINE, sources_of

log = logging.getLogger(__name__)

TESTBED_RULES = {"deploy", "calibrate", "measure"}
CONFIG = Path("config")
STARTED = "MESHBENCH_STARTED"
SAID = "MESHBENCH_SAID"
MANNER = "MESHBENCH_MANNER"
_FEW = 5
"""So many files that were not imported are named at the end of a run."""


def load(merged: Mapping[str, Any], files: Sequence[Path]) -> Campaign:
    """The campaign of this invocation; ends the process with a clear text when it is not usable."""
    try:
        here = Path.cwd()
        relative = [f.relative_to(here) if f.is_relative_to(here) else f for f in files]
        sources = sources_of(merged, relative)
        campaign = config.load_campaign(merged, sources, CONFIG)
        options.check(campaign, sources, CONFIG)
        _check_files(campaign, relative)
    except ConfigError as error:
        sys.stderr.write(f"The configuration cannot be used:\n{error}\n")
        sys.exit(1)
    return campaign


def _check_files(campaign: Campaign, files: Sequence[Path]) -> None:
    """Raise ConfigError for every file that the configuration names and that is not there."""
    place = f"config/testbeds/{campaign.file.testbed}.yaml"
    hosts = campaign.testbed.hosts if isinstance(campaign.testbed, SshTestbed) else ()
    problems = [
        Problem(place, f"hosts.{host.name}.{key}", f"there is no file {path}")
        for host in hosts
        for key, path in (("key_file", host.key_file), ("known_hosts_file", host.known_hosts_file))
        if not path.expanduser().is_file()
    ]
    source = str(files[-1]) if files else COMMAND_LINE
    problems += [
        Problem(source, "published", f"there is no {path}")
        for path in campaign.published
        if not Path(path).exists()
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
        rounds=file.rounds,
        links=campaign.links,
        testbed=campaign.kind,
        placement=file.placement,
        engine=file.engine,
    ).to_dict()


def figures(campaign: Campaign) -> tuple[str, ...]:
    """The figures that the campaign asks for."""
    chosen = campaign.file.figures
    if chosen != "suitable":
        return chosen
    here = () if campaign.published else ("calibration",)
    return suitable((*campaign.file.benchmarks, *here))


def start(campaign: Campaign, workflow: Any) -> None:
    """Before the first job: is everything there that the planned jobs will need?"""
    # Not at the top: a run that has nothing to do must not wait for them (asyncssh: 0.25 s).
    from meshbench import warm  # noqa: PLC0415
    from meshbench.session import lab_of  # noqa: PLC0415
    from meshbench.testbed.lab import machine  # noqa: PLC0415

    if workflow.local_exec:
        warm.allow()
    os.environ[STARTED] = now().isoformat()
    os.environ[SAID] = said(workflow.overwrite_configfiles, workflow.config_settings.config)
    os.environ[MANNER] = manner(sys.argv[1:])
    jobs = list(workflow.dag.needrun_jobs())
    progress.begin(_expected(campaign, jobs, workflow))
    needed = {job.rule.name for job in jobs}
    if isinstance(campaign.testbed, LabTestbed) and needed & TESTBED_RULES:
        lab = lab_of(campaign.file.testbed, campaign.testbed)
        try:
            machine.check(lab.definition)
        except MeshbenchError as error:
            sys.stderr.write(f"{error}\n")
            # Raising here would bury the text under Snakemake's traceback.
            sys.exit(1)


def imported(report: Path) -> str:
    """What came of an import, in lines: how much was read, notes, and the files that could not be."""
    if not report.is_file():
        return ""
    found = json.loads(report.read_text(encoding="utf-8"))
    head = f"{found['imported']} of {found['files']} files imported, {found['ignored']} ignored"
    aside = [
        f"  {path}: {why}"
        for path, why in found["not imported"].items()
        if why.startswith("set aside")
    ]
    shown = aside[:_FEW]
    if more := len(aside) - len(shown):
        shown.append(f"  … and {more} more, see {report}")
    return "\n".join([head, *found.get("notes", []), *shown, ""])


def said(files: Iterable[Path | str], settings: Mapping[str, Any]) -> str:
    """The words that choose this campaign on a command line, for repeating them."""
    words = [f"{key}={_yaml(value)}" for key, value in settings.items()]
    return shlex.join(
        [
            *(word for file in files for word in ("--configfile", str(file))),
            *(["--config", *words] if words else []),
        ]
    )


def manner(words: Sequence[str]) -> str:
    """How a command line of Snakemake's has jobs run, for repeating it: its profile, or one core."""
    from meshbench import summary  # noqa: PLC0415

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--workflow-profile")
    profile = parser.parse_known_args(words)[0].workflow_profile
    return shlex.join(["--workflow-profile", profile]) if profile else summary.ONE_CORE


def _yaml(value: Any) -> str:
    plain = isinstance(value, str) and yaml.safe_load(value) == value
    return value if plain else json.dumps(value)


def _expected(campaign: Campaign, jobs: list[Any], workflow: Any) -> dict[int, float]:
    from meshbench import estimate, summary  # noqa: PLC0415

    if campaign.published:
        return {workflow.dag.jobid(job): progress.FAST_JOB_S for job in jobs if job.output}
    by_path = {
        str(
            paths.calibration(campaign, step)
            if isinstance(step, Calibrated)
            else paths.raw(campaign.name) / step.path
        ): seconds
        for step, seconds in estimate.durations(campaign, summary.read(campaign)).items()
    }
    by_path |= {
        str(paths.package(campaign.name, name)): seconds + progress.FAST_JOB_S
        for name, seconds in estimate.unbuilt(campaign).items()
    }
    return {
        workflow.dag.jobid(job): by_path.get(str(job.output[0]), progress.FAST_JOB_S)
        for job in jobs
        if job.output
    }


def end(campaign: Campaign) -> None:
    """After the last job: take the lab down unless it is to be kept, and say what came out."""
    from meshbench import summary  # noqa: PLC0415
    from meshbench.session import lab_of  # noqa: PLC0415

    if isinstance(campaign.testbed, LabTestbed):
        lab = lab_of(campaign.file.testbed, campaign.testbed)
        if lab.running() is not None and not lab.kept:
            asyncio.run(lab.down())
    if campaign.published:
        sys.stderr.write(imported(paths.imported(campaign.name)))
        sys.stderr.write(f"figures: {paths.FIGURES / campaign.name}/\n")
    else:
        summary.show(
            campaign,
            os.environ.get(STARTED),
            os.environ.get(SAID, ""),
            os.environ.get(MANNER, summary.ONE_CORE),
        )
