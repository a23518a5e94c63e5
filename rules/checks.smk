# Sanity rules over the tables, and the numbers of a text checked against them.
FINDINGS = f"{RESULTS}/checks/findings.parquet"
CHECK_FILES = tuple(path for path in (Path(code.__file__).parent / "checks").rglob("*.sql"))
# A text of one's own: `python -m meshbench.checks claims <campaign> <file>`.
CLAIMS_TEXT = "../shared/data/thesis-claims.csv"
CLAIMS_QUERIES = "config/claims/thesis.yaml"


rule checks:
    input:
        samples=SAMPLES,
        links=LINKS,
    output:
        findings=FINDINGS,
        html=f"{RESULTS}/checks/findings.html",
    log:
        f"{LOGS}/checks.log",
    conda:
        ENVIRONMENT
    params:
        code=code.digest("checks.rules", "checks.pages", files=CHECK_FILES),
    message:
        "sanity rules"
    script:
        "../scripts/checks.py"


rule claims:
    input:
        text=CLAIMS_TEXT,
        queries=CLAIMS_QUERIES,
        samples=SAMPLES,
        links=LINKS,
        findings=FINDINGS,
    output:
        csv=f"{RESULTS}/checks/claims.csv",
        html=f"{RESULTS}/checks/claims.html",
    log:
        f"{LOGS}/claims.log",
    conda:
        ENVIRONMENT
    params:
        code=code.digest("checks.verdicts", "checks.pages", files=CHECK_FILES),
    message:
        "claims of {input.text}"
    script:
        "../scripts/claims.py"
