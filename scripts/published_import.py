"""Import published runs into the same tables as measured ones."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.importers.vpn_runner.job.convert",
    sources=[Path(path) for path in snakemake.params.sources],
    campaign=snakemake.params.campaign,
    systems=snakemake.params.systems,
    profiles=snakemake.params.profiles,
    folder=Path(snakemake.params.folder),
)
