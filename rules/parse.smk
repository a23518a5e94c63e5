# Tidy rows, one job per benchmark and VPN.


rule parse:
    input:
        raw=lambda w: decided(INPUTS.records[w.benchmark, w.vpn]),
    output:
        samples=paths.samples(NAME, "{benchmark}", "{vpn}"),
        links=paths.links(NAME, "{benchmark}", "{vpn}"),
        events=paths.events(NAME, "{benchmark}", "{vpn}"),
    log:
        paths.log(NAME, "parse", "{benchmark}", "{vpn}"),
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.digest(
            "tables.parse", f"benchmarks.{CAMPAIGN.benchmarks[w.benchmark].kind}"
        ),
    message:
        "parse {wildcards.benchmark} of {wildcards.vpn}"
    script:
        "../scripts/parse.py"


rule parse_calibration:
    input:
        raw=lambda w: decided(INPUTS.calibrated),
    output:
        samples=paths.calibration_samples(NAME),
        links=paths.calibration_links(NAME),
    log:
        paths.log(NAME, "parse_calibration"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("tables.parse"),
    message:
        "parse the calibration"
    script:
        "../scripts/parse_calibration.py"
