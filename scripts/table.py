"""Write one table as CSV and LaTeX."""

from pathlib import Path

from meshbench.figures.base import Context, tables
from meshbench.figures.render import render
from meshbench.logs import job

with job(snakemake.log[0]):
    name = snakemake.wildcards.name
    render(
        name,
        dict(zip(tables(name), map(Path, snakemake.input.tables), strict=True)),
        Context.from_dict(snakemake.params.context),
        {kind: Path(path) for kind, path in snakemake.output.items()},
        Path("unused"),
    )
