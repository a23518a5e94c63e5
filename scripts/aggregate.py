"""Make one table from the samples and links."""

from pathlib import Path

from meshbench.tables.aggregate import needs
from meshbench.workflow import workers

name = snakemake.wildcards.table
workers.run(
    snakemake.log[0],
    "meshbench.tables.aggregate.aggregate",
    name=name,
    samples=[Path(path) for path in snakemake.input.samples],
    links=[Path(path) for path in snakemake.input.links],
    calibration_samples=[Path(path) for path in snakemake.input.calibration_samples],
    calibration_links=[Path(path) for path in snakemake.input.calibration_links],
    bracket_samples=[Path(path) for path in snakemake.input.bracket_samples],
    bracket_links=[Path(path) for path in snakemake.input.bracket_links],
    out=Path(snakemake.output.table),
    tables=dict(zip(needs(name), map(Path, snakemake.input.tables), strict=True)),
)
