# Figures and printed tables, each from the tables it names.
from meshbench.figures import base as figures

CHARTS = [
    name for name in figures.names() if figures.formats(name) == figures.CHART_FORMATS
]
PRINTED = [name for name in figures.names() if name not in CHARTS]
DRAWN_WITH = digests.libraries("altair", "vl-convert-python")


rule bundle:
    output:
        bundle=paths.bundle(NAME),
    log:
        paths.log(NAME, "bundle"),
    conda:
        ENVIRONMENT
    params:
        libraries=DRAWN_WITH,
    message:
        "the figures' shared JavaScript"
    script:
        "../scripts/bundle.py"


rule figure:
    input:
        tables=lambda w: [
            paths.table(NAME, table) for table in figures.tables(w.figure)
        ],
        cells=paths.table(NAME, "cells"),
        findings=paths.findings(NAME),
        runs=INPUTS.runs,
    output:
        svg=paths.figure(NAME, "{figure}", "svg"),
        png=paths.figure(NAME, "{figure}", "png"),
        pdf=paths.figure(NAME, "{figure}", "pdf"),
        html=paths.figure(NAME, "{figure}", "html"),
    log:
        paths.log(NAME, "figure", "{figure}"),
    wildcard_constraints:
        figure="|".join(CHARTS),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.digest(f"figures.{w.figure}", "figures.render"),
        context=hooks.context(CAMPAIGN),
        bundle=str(paths.bundle(NAME)),
        libraries=DRAWN_WITH,
    message:
        "figure {wildcards.figure}"
    script:
        "../scripts/figure.py"


rule table:
    input:
        tables=lambda w: [paths.table(NAME, table) for table in figures.tables(w.name)],
        cells=paths.table(NAME, "cells"),
        findings=paths.findings(NAME),
        runs=INPUTS.runs,
    output:
        csv=paths.figure(NAME, "{name}", "csv"),
        tex=paths.figure(NAME, "{name}", "tex"),
    log:
        paths.log(NAME, "table", "{name}"),
    wildcard_constraints:
        name="|".join(PRINTED),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.digest(f"figures.{w.name}", "figures.render"),
        context=hooks.context(CAMPAIGN),
    message:
        "table {wildcards.name}"
    script:
        "../scripts/table.py"
