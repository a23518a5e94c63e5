"""Write one table as CSV and LaTeX."""

from pathlib import Path

from meshbench.figures import catalogue
from meshbench.figures.contract import Context
from meshbench.workflow import workers

name = snakemake.wildcards.name
facts = Path(snakemake.input.runs) if snakemake.input.get("runs") else None
decided = Path(snakemake.input.decided) if snakemake.input.get("decided") else None
workers.run(
    snakemake.log[0],
    "meshbench.figures.drawing.render.render",
    name=name,
    tables=dict(zip(catalogue.get(name).tables, map(Path, snakemake.input.tables), strict=True)),
    context=Context.from_dict(snakemake.params.context).told(facts).ended(decided),
    outputs={kind: Path(path) for kind, path in snakemake.output.items()},
    bundle=Path("unused"),
    findings=Path(snakemake.input.findings),
    cells=Path(snakemake.input.cells),
)
