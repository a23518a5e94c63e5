"""Turn the calibration records into tidy rows."""

from pathlib import Path

from meshbench import parse
from meshbench.logs import job

with job(snakemake.log[0]):
    parse.parse(
        [Path(path) for path in snakemake.input.raw],
        Path(snakemake.output.samples),
        Path(snakemake.output.links),
    )
