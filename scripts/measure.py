"""Measure one cell and write its record."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.workflow.jobs.measured",
    apart=True,
    settings=snakemake.params.settings,
    output=Path(snakemake.output.record),
)
