"""Measure the network itself under one profile."""

from pathlib import Path

from meshbench import warm

warm.run(
    snakemake.log[0],
    "meshbench.jobs.measured",
    apart=True,
    settings=snakemake.params.settings,
    output=Path(snakemake.output.record),
)
