# What the network itself does under each profile; it marks cells, and never makes them stale.
CALIBRATION = f"{RESULTS}/calibration/{CAMPAIGN.file.placement}"
CALIBRATED = [f"{CALIBRATION}/{step.profile}/{step.round}.json" for step in PLAN.calibrations]


def calibration(wildcards):
    """The step of the plan that a calibration's path stands for."""
    return plan.Calibrated(wildcards.profile, int(wildcards.round))


rule calibrate:
    output:
        record=ensure(f"{CALIBRATION}/{{profile}}/{{round}}.json", non_empty=True),
    params:
        settings=lambda w: settings.calibrate(CAMPAIGN, calibration(w)).text(),
    log:
        f"{LOGS}/calibrate/{{profile}}/{{round}}.log",
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    priority: lambda wildcards: PLAN.priority[calibration(wildcards)]
    retries: 1
    message:
        "calibrate {wildcards.profile}, round {wildcards.round}"
    script:
        "../scripts/calibrate.py"
