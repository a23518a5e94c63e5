"""Write the JavaScript that every figure's page shares."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.figures.drawing.render.write_bundle",
    path=Path(snakemake.output.bundle),
)
