# What the network itself does under each profile; it marks cells, and never makes them stale.


# update(): see measure.smk.
rule calibrate:
    output:
        record=ensure(
            update(paths.calibration(NAME, "{placement}", paths.CALIBRATED, "{key}")),
            non_empty=True,
        ),
    log:
        paths.log(NAME, "calibrate", "{placement}", paths.CALIBRATED, "{key}"),
    priority: lambda wildcards: SETUP.plan.priority[calibration(wildcards)]
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: settings_of(calibration(w), w),
    message:
        "calibrate {wildcards.profile}, round {wildcards.round}"
    script:
        "../scripts/calibrate.py"
