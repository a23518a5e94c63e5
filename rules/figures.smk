# Figures and printed tables, each from the tables it names.
from meshbench.figures import catalogue

SHOWN = [catalogue.get(name) for name in hooks.figures(CAMPAIGN)]
KNOWN = {figure.name: figure for figure in (*catalogue.every(), *SHOWN)}
CHARTS = [name for name, figure in KNOWN.items() if "svg" in figure.formats]
PRINTED = [name for name, figure in KNOWN.items() if "csv" in figure.formats]
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
        tables=lambda w: [paths.table(NAME, table) for table in KNOWN[w.figure].tables],
        cells=paths.table(NAME, "cells"),
        findings=paths.findings(NAME),
        runs=INPUTS.runs,
        decided=lambda w: last_decisions(),
    output:
        svg=paths.figure(NAME, "{figure}", "svg"),
        png=paths.figure(NAME, "{figure}", "png"),
        pdf=paths.figure(NAME, "{figure}", "pdf"),
        html=paths.figure(NAME, "{figure}", "html"),
    log:
        paths.log(NAME, "figure", "{figure}"),
    wildcard_constraints:
        figure=one_of(CHARTS),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.of_figure(KNOWN[w.figure]),
        context=hooks.context(CAMPAIGN),
        bundle=str(paths.bundle(NAME)),
        libraries=DRAWN_WITH,
    message:
        "figure {wildcards.figure}"
    script:
        "../scripts/figure.py"


rule table:
    input:
        tables=lambda w: [paths.table(NAME, table) for table in KNOWN[w.name].tables],
        cells=paths.table(NAME, "cells"),
        findings=paths.findings(NAME),
        runs=INPUTS.runs,
        decided=lambda w: last_decisions(),
    output:
        csv=paths.figure(NAME, "{name}", "csv"),
        tex=paths.figure(NAME, "{name}", "tex"),
    log:
        paths.log(NAME, "table", "{name}"),
    wildcard_constraints:
        name=one_of(PRINTED),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.of_figure(KNOWN[w.name]),
        context=hooks.context(CAMPAIGN),
    message:
        "table {wildcards.name}"
    script:
        "../scripts/table.py"
