# Sanity rules over the tables.
CHECK_FILES = tuple(
    path for path in (Path(paths.__file__).parents[1] / "checks").rglob("*.sql")
)


rule checks:
    input:
        samples=INPUTS.samples,
        links=INPUTS.links,
    output:
        findings=paths.findings(NAME),
        html=paths.findings_page(NAME),
    log:
        paths.log(NAME, "checks"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("checks.rules", "checks.pages", files=CHECK_FILES),
    message:
        "sanity rules"
    script:
        "../scripts/checks.py"
