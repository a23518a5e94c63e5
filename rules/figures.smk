# Figures and printed tables, each from the tables it names.
from meshbench.figures import catalogue

FIGURE = f"figures/{NAME}/{{figure}}"
SHOWN = [catalogue.get(name) for name in hooks.figures(CAMPAIGN)]
KNOWN = {figure.name: figure for figure in (*catalogue.every(), *SHOWN)}
CHARTS = [name for name, figure in KNOWN.items() if "svg" in figure.formats]
PRINTED = [name for name, figure in KNOWN.items() if "csv" in figure.formats]
FIGURES = [
    f"figures/{NAME}/{figure.name}.{kind}"
    for figure in SHOWN
    for kind in figure.formats
]
DRAWN_WITH = digests.libraries("altair", "vl-convert-python")
BUNDLE = f"figures/{NAME}/assets/vega.js"


def drawn_by(name):
    """The digest of the code that makes a figure, and what is declared of it."""
    figure = KNOWN[name]
    code = digests.digest(f"figures.{figure.module}", "figures.drawing.render")
    return f"{code} {figure}"


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
        tables=lambda w: expand(TABLE, table=KNOWN[w.figure].tables),
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
        figure=one_of(CHARTS),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: drawn_by(w.figure),
        context=hooks.context(CAMPAIGN),
        bundle=BUNDLE,
        libraries=DRAWN_WITH,
    message:
        "figure {wildcards.figure}"
    script:
        "../scripts/figure.py"


rule table:
    input:
        tables=lambda w: expand(TABLE, table=KNOWN[w.name].tables),
        findings=FINDINGS,
        runs=RUNS,
    output:
        csv=f"figures/{NAME}/{{name}}.csv",
        tex=f"figures/{NAME}/{{name}}.tex",
    log:
        f"{LOGS}/table/{{name}}.log",
    wildcard_constraints:
        name=one_of(PRINTED),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: drawn_by(w.name),
        context=hooks.context(CAMPAIGN),
    message:
        "table {wildcards.name}"
    script:
        "../scripts/table.py"
