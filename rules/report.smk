# One page with everything that came out of a campaign.


rule report:
    input:
        pictures=[path for path in INPUTS.figures if path.suffix in {".svg", ".csv"}],
        tables=[paths.table(NAME, name) for name in tables.names()] + list(ANALYSED),
        findings=paths.findings_page(NAME),
        claims=INPUTS.verdicts_page,
        facts=INPUTS.facts,
        runs=INPUTS.runs,
        decided=lambda w: last_decisions(),
        imported=INPUTS.imported,
    output:
        report=paths.report(NAME),
    log:
        paths.log(NAME, "report"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("report.page"),
        context=hooks.context(CAMPAIGN),
        names=hooks.figures(CAMPAIGN),
    message:
        "report"
    script:
        "../scripts/report.py"
