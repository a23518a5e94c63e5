"""What the rules on the testbed do: settings in, one file out."""

import asyncio
from pathlib import Path

from meshbench import deploy, measure, paths, records
from meshbench.benchmarks.iperf3 import key_pair
from meshbench.settings import DeployJob, MeasureJob, packages

# What takes long is done once, by loading all drivers and benchmarks and making iperf3's keys: a job
# is a child of the process that loaded this module.
packages()
key_pair()


def installed(settings: str, output: Path) -> None:
    """Install one system on all hosts and write what was installed (`deploy.Deployment`)."""
    job = DeployJob.of(settings)
    done = asyncio.run(deploy.deploy(job, paths.secrets(job.where.campaign)))
    records.write(done, output)


def measured(settings: str, output: Path) -> None:
    """Measure one cell, or the network itself, and write its record (`records.Record`)."""
    job = MeasureJob.of(settings)
    record = asyncio.run(measure.measure(job, paths.secrets(job.where.campaign)))
    records.write(record, output)
