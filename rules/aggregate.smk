# Tables: one SQL file each.
from meshbench.tables import aggregate as tables


rule aggregate:
    input:
        samples=INPUTS.samples,
        links=INPUTS.links,
        calibration_samples=INPUTS.calibration_samples,
        calibration_links=INPUTS.calibration_links,
        bracket_samples=INPUTS.bracket_samples,
        bracket_links=INPUTS.bracket_links,
        tables=lambda w: [paths.table(NAME, name) for name in tables.needs(w.table)],
    output:
        table=paths.table(NAME, "{table}"),
    log:
        paths.log(NAME, "aggregate", "{table}"),
    wildcard_constraints:
        table="|".join(tables.names()),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.digest(
            "tables.aggregate", files=(tables.source(w.table),)
        ),
    message:
        "table {wildcards.table}"
    script:
        "../scripts/aggregate.py"
