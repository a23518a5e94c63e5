# Sanity rules over the tables.
FINDINGS = f"{RESULTS}/checks/findings.parquet"
FINDINGS_PAGE = f"{RESULTS}/checks/findings.html"
# Overwritten where the config names `claims`.
VERDICTS = []
VERDICTS_PAGE = []
CHECK_FILES = tuple(
    path for path in (Path(paths.__file__).parents[1] / "checks").rglob("*.sql")
)


rule checks:
    input:
        samples=SAMPLES,
        links=LINKS,
    output:
        findings=FINDINGS,
        html=FINDINGS_PAGE,
    log:
        f"{LOGS}/checks.log",
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("checks.rules", "checks.pages", files=CHECK_FILES),
    message:
        "sanity rules"
    script:
        "../scripts/checks.py"
