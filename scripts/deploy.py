"""Install one system on all hosts and write what was installed."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.workflow.jobs.installed",
    apart=True,
    settings=snakemake.params.settings,
    output=Path(snakemake.output.facts),
)
