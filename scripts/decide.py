"""After a round: decide which systems are measured again."""

from pathlib import Path

from meshbench.workflow import workers

before = Path(snakemake.input.before) if snakemake.input.get("before") else None
workers.run(
    snakemake.log[0],
    "meshbench.analysis.waves.decide",
    records=[Path(path) for path in snakemake.input.records],
    calibrations=[Path(path) for path in snakemake.input.calibrations],
    brackets=[Path(path) for path in snakemake.input.brackets],
    before=before,
    round_=int(snakemake.wildcards.round),
    **snakemake.params.how,
    out=Path(snakemake.output.decisions),
)
