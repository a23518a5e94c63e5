# What the network itself does under each profile; it marks cells, and never makes them stale.
CALIBRATION = f"{RESULTS}/calibration/{CAMPAIGN.file.placement}"
CALIBRATED = [
    f"{CALIBRATION}/{step.profile}/{step.round}.json" for step in PLAN.calibrations
]


rule calibrate:
    output:
        record=ensure(f"{CALIBRATION}/{{profile}}/{{round}}.json", non_empty=True),
    log:
        f"{LOGS}/calibrate/{{profile}}/{{round}}.log",
    priority: lambda wildcards: PLAN.priority[calibration(wildcards)]
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: settings.calibrate(CAMPAIGN, calibration(w)).text(),
    message:
        "calibrate {wildcards.profile}, round {wildcards.round}"
    script:
        "../scripts/calibrate.py"
