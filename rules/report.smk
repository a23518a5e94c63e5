# One page with everything that came out of a campaign.
STYLE = Path(paths.__file__).parents[1] / "report" / "style.css"
REPORT = f"figures/{NAME}/report.html"


rule report:
    input:
        pictures=[path for path in FIGURES if path.endswith((".svg", ".csv"))],
        tables=expand(TABLE, table=tables.names()),
        findings=FINDINGS_PAGE,
        claims=VERDICTS_PAGE,
        facts=FACTS,
        runs=RUNS,
        imported=IMPORTED,
    output:
        report=REPORT,
    log:
        f"{LOGS}/report.log",
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("report.page", files=(STYLE,)),
        context=hooks.context(CAMPAIGN),
        names=hooks.figures(CAMPAIGN),
    message:
        "report"
    script:
        "../scripts/report.py"
