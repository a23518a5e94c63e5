# The thesis's data instead of a testbed's: the same samples and links as measured campaigns have.
# Included in place of deploy, impair, measure and parse where the config names `published`.


rule published_import:
    input:
        sources=list(CAMPAIGN.published),
    output:
        samples=INPUTS.samples,
        links=INPUTS.links,
        report=paths.imported(NAME),
        files=paths.imported_table(NAME),
        facts=paths.runs(NAME),
    log:
        paths.log(NAME, "published_import"),
    conda:
        ENVIRONMENT
    params:
        sources=list(CAMPAIGN.published),
        campaign=NAME,
        systems=list(CAMPAIGN.file.vpns),
        profiles=list(CAMPAIGN.file.profiles),
        folder=f"{paths.RESULTS / NAME}",
        contents=[files.fingerprint(Path(source)) for source in CAMPAIGN.published],
        code=digests.digest("importers.vpn_runner.job"),
    message:
        "import {params.sources}"
    script:
        "../scripts/published_import.py"
