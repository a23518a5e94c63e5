"""What the rules on the testbed do: settings in, one file out."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from meshbench import benchmarks
from meshbench.benchmarks.tools.iperf3 import key_pair
from meshbench.config import paths
from meshbench.results import records
from meshbench.runner import deploy, measure
from meshbench.runner.jobs import DeployJob, MeasureJob
from meshbench.runner.needs import debian_packages
from meshbench.workflow import workers

# What takes long is done once, by loading all drivers and benchmarks and making iperf3's keys: a job
# is a child of the process that loaded this module.
debian_packages(benchmarks.names())
key_pair()


def installed(settings: str, output: Path) -> None:
    """Install one system on all hosts and write what was installed (`deploy.Deployment`)."""
    job = DeployJob.of(settings)
    done = asyncio.run(deploy.deploy(job, paths.secrets(job.campaign)))
    records.write(done, output)


def measured(settings: str, output: Path) -> None:
    """Measure one cell, or the network itself, and write its record (`records.Record`).

    A record that is there already, because the cell is measured again on purpose, is kept aside.
    """
    job = MeasureJob.of(settings)
    record = asyncio.run(measure.measure(job, paths.secrets(job.where.campaign)))
    if record.spent and (idle_s := os.environ.get(workers.IDLE)):
        record.spent.workflow_s = float(idle_s)
    if output.exists():
        records.keep(output, paths.kept(output, _started(output)))
    records.write(record, output)


def _started(path: Path) -> datetime:
    try:
        return records.read(path).started
    except ValueError:  # of another schema; its numbers are worth keeping all the same
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
