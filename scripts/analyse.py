"""Compute what may be said of the values: intervals, effects and ranks."""

from pathlib import Path

from meshbench.workflow import workers

decided = Path(snakemake.input.decided) if snakemake.input.get("decided") else None
workers.run(
    snakemake.log[0],
    "meshbench.analysis.step.analyse",
    samples=[Path(path) for path in snakemake.input.samples],
    links=[Path(path) for path in snakemake.input.links],
    events=[Path(path) for path in snakemake.input.events],
    tables={Path(path).stem: Path(path) for path in snakemake.input.tables},
    design=snakemake.params.design,
    decided=decided,
    out={Path(path).stem: Path(path) for path in snakemake.output.tables},
)
