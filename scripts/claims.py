"""Check the numbers of a text against a campaign's tables."""

from pathlib import Path

import pyarrow.parquet as pq

from meshbench.checks import claims, pages, verdicts
from meshbench.files import atomic
from meshbench.logs import job

with job(snakemake.log[0]):
    judged = verdicts.judge(
        claims.read(Path(snakemake.input.text), Path(snakemake.input.queries)),
        [Path(path) for path in snakemake.input.samples],
        [Path(path) for path in snakemake.input.links],
        pq.read_table(snakemake.input.findings, partitioning=None),
    )
    for path, text in (
        (snakemake.output.csv, pages.claims_csv(judged)),
        (snakemake.output.html, pages.claims_html(judged)),
    ):
        with atomic(Path(path)) as temporary:
            temporary.write_text(text, encoding="utf-8")
