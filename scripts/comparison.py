"""Compare the campaign with others."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.report.comparing.write",
    names=list(snakemake.params.sides),
    marked=snakemake.params.marked,
    equivalent_percent=snakemake.params.equivalent_percent,
    out={kind: Path(path) for kind, path in snakemake.output.items()},
)
