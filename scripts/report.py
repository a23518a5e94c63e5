"""Write the campaign's report."""

from pathlib import Path

from meshbench.figures.contract import Context
from meshbench.report.page import Sources
from meshbench.workflow import workers

tables = [Path(path) for path in snakemake.input.tables]
optional = {
    name: Path(snakemake.input[name]) if snakemake.input.get(name) else None
    for name in ("claims", "imported")
}
facts = Path(snakemake.input.runs) if snakemake.input.get("runs") else None
decided = Path(snakemake.input.decided) if snakemake.input.get("decided") else None
workers.run(
    snakemake.log[0],
    "meshbench.report.page.write",
    sources=Sources(
        figures=Path(snakemake.output.report).parent,
        names=snakemake.params.names,
        tables={path.stem: path for path in tables},
        findings=Path(snakemake.input.findings),
        facts=[Path(path) for path in snakemake.input.facts],
        **optional,
    ),
    context=Context.from_dict(snakemake.params.context).told(facts).ended(decided),
    out=Path(snakemake.output.report),
)
