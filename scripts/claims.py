"""Check the numbers of a text against a campaign's tables."""

from pathlib import Path

from meshbench.workflow import workers

workers.run(
    snakemake.log[0],
    "meshbench.checks.files.claims",
    text=Path(snakemake.input.text),
    queries=Path(snakemake.input.queries) if snakemake.input.get("queries") else None,
    samples=[Path(path) for path in snakemake.input.samples],
    links=[Path(path) for path in snakemake.input.links],
    findings=Path(snakemake.input.findings),
    table=Path(snakemake.output.csv),
    page=Path(snakemake.output.html),
)
