# One record per cell and settings.


# Not even an ancient() input: Snakemake 9.27 does not look at the params of a job whose ancient
# input is remade in the same run, so a changed option would be measured only by the run after it.
# A measurement installs what is missing itself; deploying comes first by its priority.
# update(): a record that is measured again stays where it is until there is a new one, and is put
# back should the job fail.
rule measure:
    output:
        record=ensure(update(paths.record(NAME, paths.CELL, "{key}")), non_empty=True),
    log:
        paths.log(NAME, "measure", paths.CELL, "{key}"),
    priority: lambda wildcards: SETUP.plan.priority[cell(wildcards)]
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: settings_of(cell(w), w),
    message:
        "measure {wildcards.vpn} {wildcards.profile} {wildcards.benchmark}, round {wildcards.round}"
    script:
        "../scripts/measure.py"
