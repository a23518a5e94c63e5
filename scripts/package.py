"""Build or fetch one system's programs and write what they are."""

import asyncio
from pathlib import Path

from meshbench import records
from meshbench.logs import job as logged
from meshbench.packages import job
from meshbench.settings import PackageJob

with logged(snakemake.log[0]):
    done = asyncio.run(job.obtain(PackageJob.of(snakemake.params.settings)))
    records.write(done, Path(snakemake.output.facts))
