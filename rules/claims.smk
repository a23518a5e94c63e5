# The numbers of a text checked against the tables; included where the config names `claims`.


rule claims:
    input:
        text=CAMPAIGN.claims.text,
        queries=CAMPAIGN.claims.queries or [],
        samples=INPUTS.samples,
        links=INPUTS.links,
        findings=paths.findings(NAME),
    output:
        csv=paths.verdicts(NAME),
        html=paths.verdicts_page(NAME),
    log:
        paths.log(NAME, "claims"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("checks.verdicts", "checks.pages", files=CHECK_FILES),
    message:
        "claims of {input.text}"
    script:
        "../scripts/claims.py"
