"""Make one table from the samples and links."""

from pathlib import Path

from meshbench.logs import job
from meshbench.tables.aggregate import aggregate, needs

with job(snakemake.log[0]):
    name = snakemake.wildcards.table
    aggregate(
        name,
        [Path(path) for path in snakemake.input.samples],
        [Path(path) for path in snakemake.input.links],
        Path(snakemake.output.table),
        dict(zip(needs(name), map(Path, snakemake.input.tables), strict=True)),
    )
