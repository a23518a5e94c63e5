# Figures and printed tables, each from the tables it names.
from meshbench.figures import contract as figures

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


BUNDLE = f"figures/{NAME}/assets/vega.js"


rule bundle:
    output:
        bundle=BUNDLE,
    log:
        f"{LOGS}/bundle.log",
    conda:
        ENVIRONMENT
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
        code=lambda w: digests.digest(
            figures.dotted(w.figure).removeprefix("meshbench."),
            "figures.drawing.render",
        ),
        context=hooks.context(CAMPAIGN),
        bundle=BUNDLE,
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
        code=lambda w: digests.digest(
            figures.dotted(w.name).removeprefix("meshbench."), "figures.drawing.render"
        ),
        context=hooks.context(CAMPAIGN),
    message:
        "table {wildcards.name}"
    script:
        "../scripts/table.py"
