"""Run the sanity rules over a campaign's tables."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.checks.files.findings",
    samples=[Path(path) for path in snakemake.input.samples],
    links=[Path(path) for path in snakemake.input.links],
    out=Path(snakemake.output.findings),
    page=Path(snakemake.output.html),
)
