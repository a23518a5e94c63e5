"""Run the sanity rules over a campaign's tables."""

from pathlib import Path

from meshbench.checks import pages, rules
from meshbench.files import atomic
from meshbench.logs import job
from meshbench.tables import schema

with job(snakemake.log[0]):
    findings = rules.run(
        [Path(path) for path in snakemake.input.samples],
        [Path(path) for path in snakemake.input.links],
    )
    schema.write(findings, Path(snakemake.output.findings))
    with atomic(Path(snakemake.output.html)) as temporary:
        temporary.write_text(pages.findings_html(findings), encoding="utf-8")
