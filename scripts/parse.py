"""Turn the records of one benchmark and VPN into tidy rows."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.tables.parse.parse",
    raw=[Path(path) for path in snakemake.input.raw],
    samples=Path(snakemake.output.samples),
    links=Path(snakemake.output.links),
    events=Path(snakemake.output.events),
)
