"""Install one system on all hosts and write what was installed."""

import asyncio
from pathlib import Path

from meshbench import deploy, paths, records
from meshbench.logs import job
from meshbench.settings import DeployJob

with job(snakemake.log[0]):
    settings = DeployJob.of(snakemake.params.settings)
    done = asyncio.run(deploy.deploy(settings, paths.secrets(settings.where.campaign)))
    records.write(done, Path(snakemake.output.facts))
