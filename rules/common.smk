# The campaign, and where everything of it is.
import gc
import os
import re
import sys
import uuid
from pathlib import Path

from meshbench.workflow import digests, hooks
from meshbench.workflow.inputs import Inputs
from meshbench.workflow.settings import Setup
from meshbench.workflow.waves import Waves
from meshbench.util import files
from meshbench.util.errors import MeshbenchError
from meshbench.config import paths, plan

# Planning makes a million objects and hardly any garbage: looking for it costs a tenth of the time.
gc.set_threshold(200_000, 50, 50)

hooks.settle(Path(workflow.basedir))
CAMPAIGN = hooks.load(config, [Path(file) for file in workflow.configfiles])
SETUP = Setup(CAMPAIGN)
INPUTS = Inputs.of(SETUP)
WAVES = Waves(SETUP)
NAME = CAMPAIGN.name
ENVIRONMENT = "../environment.yml"

os.environ.setdefault("MESHBENCH_RUN", uuid.uuid4().hex)
os.environ.update(MESHBENCH_BENCHMARKS=" ".join(SETUP.kinds))
# One job at a time on the testbed, also when the user gives --resources of their own.
workflow.global_resources.setdefault("testbed", 1)


def one_of(names):
    """A wildcard's constraint: names may hold what a pattern has a meaning for."""
    return "|".join(map(re.escape, names))


wildcard_constraints:
    vpn=one_of(CAMPAIGN.file.vpns),
    tuning=one_of(CAMPAIGN.file.tunings),
    profile=one_of(CAMPAIGN.file.profiles),
    benchmark=one_of(CAMPAIGN.file.benchmarks),
    placement=one_of(CAMPAIGN.placements),
    side="before|after",
    round=r"\d+",
    key="[0-9a-f]{12}",


def decisions(before=None):
    """The files that say who goes on after a round, as far as they are made; each one that is made
    has Snakemake ask again.
    """
    return WAVES.decided(
        lambda *of: Path(checkpoints.wave.get(round=of[0], key=of[1]).output[0]), before
    )


def last_decisions(before=None):
    """The last one of these, or nothing: it says of all systems where they ended."""
    files = decisions(before)
    return files[-1] if files else []


def decided(files):
    """Of these files those of rounds that are decided on."""
    return WAVES.of(files, decisions())


def calibration(wildcards):
    """The step of the plan that a calibration's path stands for."""
    return plan.Calibrated(wildcards.profile, int(wildcards.round), wildcards.placement)


def around(wildcards):
    """The same of the bare link before or after a round."""
    return plan.Bracketed(
        wildcards.side,
        wildcards.profile,
        wildcards.benchmark,
        int(wildcards.round),
        wildcards.placement,
    )


def cell(wildcards):
    """The cell that a record's path stands for."""
    words = dict(wildcards.items())
    return SETUP.cell(words.pop("key"), words)


def settings_of(step, wildcards):
    """The settings that make a record; ends the process where the campaign's make another one."""
    try:
        return SETUP.text(step, wildcards.key)
    except MeshbenchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
