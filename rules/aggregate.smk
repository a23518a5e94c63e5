# Tables: one SQL file each.
from meshbench.tables import aggregate as tables

TABLE = f"{RESULTS}/tables/{{table}}.parquet"


rule aggregate:
    input:
        samples=SAMPLES,
        links=LINKS,
        tables=lambda w: expand(TABLE, table=tables.needs(w.table)),
    output:
        table=TABLE,
    log:
        f"{LOGS}/aggregate/{{table}}.log",
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
