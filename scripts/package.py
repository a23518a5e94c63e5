"""Build or fetch one system's programs and write what they are."""

import asyncio
from pathlib import Path

from meshbench.results import records
from meshbench.runner.jobs import PackageJob
from meshbench.workflow import obtain
from meshbench.workflow.logs import job as logged

with logged(snakemake.log[0]):
    done = asyncio.run(obtain.of_system(PackageJob.of(snakemake.params.settings)))
    records.write(done, Path(snakemake.output.facts))
