"""Import published runs into the same tables as measured ones."""

import logging
from pathlib import Path

from meshbench.logs import job
from meshbench.published import importer, report

with job(snakemake.log[0]):
    sources = [Path(path) for path in snakemake.params.sources]
    found = importer.import_runs(sources, snakemake.params.campaign)
    importer.save(
        found,
        Path(snakemake.params.folder),
        benchmarks=snakemake.params.benchmarks,
        vpns=snakemake.params.vpns,
    )
    report.save(found.entries, Path(snakemake.output.report).parent)
    for line in report.lines(found.entries):
        logging.getLogger("meshbench.published").info(line)
