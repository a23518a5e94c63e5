"""Write the JavaScript that every figure's page shares."""

from pathlib import Path

from meshbench.figures.render import write_bundle
from meshbench.logs import job

with job(snakemake.log[0]):
    write_bundle(Path(snakemake.output.bundle))
