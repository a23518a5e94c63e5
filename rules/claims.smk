# The numbers of a text checked against the tables; included where the config names `claims`.
VERDICTS = f"{RESULTS}/checks/claims.csv"
VERDICTS_PAGE = f"{RESULTS}/checks/claims.html"


rule claims:
    input:
        text=CAMPAIGN.claims.text,
        queries=CAMPAIGN.claims.queries or [],
        samples=SAMPLES,
        links=LINKS,
        findings=FINDINGS,
    output:
        csv=VERDICTS,
        html=VERDICTS_PAGE,
    log:
        f"{LOGS}/claims.log",
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("checks.verdicts", "checks.pages", files=CHECK_FILES),
    message:
        "claims of {input.text}"
    script:
        "../scripts/claims.py"
