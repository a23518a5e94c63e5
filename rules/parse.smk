# Tidy rows, one job per benchmark and VPN.
MEASURED = [*PACKAGED, *DEPLOYED, *CALIBRATED, *RECORDS]
FACTS = DEPLOYED
IMPORTED = []
RUNS = []
TIDY = "benchmark={benchmark}/vpn={vpn}.parquet"
TIDY_PAIRS = [(b, v) for b in CAMPAIGN.file.benchmarks for v in CAMPAIGN.file.vpns]
TIDY_FILES = [TIDY.format(benchmark=b, vpn=v) for b, v in TIDY_PAIRS]
TIDY_FILES.append(TIDY.format(benchmark="calibration", vpn="internal"))
SAMPLES = [f"{RESULTS}/samples/{file}" for file in TIDY_FILES]
LINKS = [f"{RESULTS}/links/{file}" for file in TIDY_FILES]


rule parse:
    input:
        raw=records_of,
    output:
        samples=f"{RESULTS}/samples/{TIDY}",
        links=f"{RESULTS}/links/{TIDY}",
    log:
        f"{LOGS}/parse/{{benchmark}}/{{vpn}}.log",
    conda:
        ENVIRONMENT
    params:
        code=lambda w: digests.digest("tables.parse", f"benchmarks.{w.benchmark}"),
    message:
        "parse {wildcards.benchmark} of {wildcards.vpn}"
    script:
        "../scripts/parse.py"


rule parse_calibration:
    input:
        raw=CALIBRATED,
    output:
        samples=f"{RESULTS}/samples/benchmark=calibration/vpn=internal.parquet",
        links=f"{RESULTS}/links/benchmark=calibration/vpn=internal.parquet",
    log:
        f"{LOGS}/parse_calibration.log",
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("tables.parse"),
    message:
        "parse the calibration"
    script:
        "../scripts/parse_calibration.py"
