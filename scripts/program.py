"""Build or fetch the programs that one benchmark brings along and write what they are."""

import asyncio
from pathlib import Path

from meshbench.results import records
from meshbench.runner.jobs import ProgramJob
from meshbench.workflow import obtain
from meshbench.workflow.logs import job as logged

with logged(snakemake.log[0]):
    done = asyncio.run(obtain.of_benchmark(ProgramJob.of(snakemake.params.settings)))
    records.write(done, Path(snakemake.output.facts))
