# The thesis's data instead of a testbed's: the same samples and links as measured campaigns have.
# Included in place of deploy, impair, measure and parse where the config names `published`.
PUBLISHED = list(CAMPAIGN.published)
MEASURED = []
RUNS = f"{RESULTS}/published/facts.json"
FACTS = [RUNS]
IMPORTED = f"{RESULTS}/published/import.json"
SAMPLES = [f"{RESULTS}/samples/all.parquet"]
LINKS = [f"{RESULTS}/links/all.parquet"]


rule published_import:
    input:
        sources=PUBLISHED,
    output:
        samples=SAMPLES,
        links=LINKS,
        report=IMPORTED,
        files=f"{RESULTS}/published/import.parquet",
        facts=RUNS,
    log:
        f"{LOGS}/published_import.log",
    conda:
        ENVIRONMENT
    params:
        sources=PUBLISHED,
        campaign=NAME,
        systems=list(CAMPAIGN.file.vpns),
        profiles=list(CAMPAIGN.file.profiles),
        folder=RESULTS,
        contents=[files.fingerprint(Path(source)) for source in PUBLISHED],
        code=digests.digest("importers.vpn_runner.job"),
    message:
        "import {params.sources}"
    script:
        "../scripts/published_import.py"
