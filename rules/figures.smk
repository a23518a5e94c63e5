# Figures and printed tables, each from the tables it names.
from meshbench.figures import base as figures

FIGURE = f"figures/{NAME}/{{figure}}"
CHARTS = [
    name for name in figures.names() if figures.formats(name) == figures.CHART_FORMATS
]
PRINTED = [name for name in figures.names() if name not in CHARTS]
FIGURES = [
    f"figures/{NAME}/{name}.{kind}"
    for name in hooks.figures(CAMPAIGN)
    for kind in figures.formats(name)
]


DRAWN_WITH = digests.libraries("altair", "vl-convert-python")
BUNDLE = f"figures/{NAME}/assets/vega.js"


rule bundle:
    output:
        bundle=BUNDLE,
    log:
        f"{LOGS}/bundle.log",
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
        tables=lambda w: expand(TABLE, table=figures.tables(w.figure)),
        findings=FINDINGS,
        runs=RUNS,
    output:
        svg=f"{FIGURE}.svg",
        png=f"{FIGURE}.png",
        pdf=f"{FIGURE}.pdf",
        html=f"{FIGURE}.html",
    log:
        f"{LOGS}/figure/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(CHARTS),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.digest(f"figures.{w.figure}", "figures.render"),
        context=hooks.context(CAMPAIGN),
        bundle=BUNDLE,
        libraries=DRAWN_WITH,
    message:
        "figure {wildcards.figure}"
    script:
        "../scripts/figure.py"


rule table:
    input:
        tables=lambda w: expand(TABLE, table=figures.tables(w.name)),
        findings=FINDINGS,
        runs=RUNS,
    output:
        csv=f"figures/{NAME}/{{name}}.csv",
        tex=f"figures/{NAME}/{{name}}.tex",
    log:
        f"{LOGS}/table/{{name}}.log",
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
