"""Measure one cell and write its record."""

import asyncio
from pathlib import Path

from meshbench import measure, paths, records
from meshbench.logs import job
from meshbench.settings import MeasureJob

with job(snakemake.log[0]):
    settings = MeasureJob.of(snakemake.params.settings)
    record = asyncio.run(measure.measure(settings, paths.secrets(settings.where.campaign)))
    records.write(record, Path(snakemake.output.record))
