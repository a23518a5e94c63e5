# One record per cell.
RAW = f"{RESULTS}/raw/{{vpn}}/{{tuning}}/{{profile}}/{{benchmark}}/{{round}}.json"
RECORDS = [f"{RESULTS}/raw/{cell.path}" for cell in PLAN.cells]


# Not even an ancient() input: Snakemake 9.27 does not look at the params of a job whose ancient
# input is remade in the same run, so a changed option would be measured only by the run after it.
# A measurement installs what is missing itself; deploying comes first by its priority.
rule measure:
    output:
        record=ensure(RAW, non_empty=True),
    log:
        f"{LOGS}/measure/{{vpn}}/{{tuning}}/{{profile}}/{{benchmark}}/{{round}}.log",
    priority: lambda wildcards: PLAN.priority[cell(wildcards)]
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: settings.measure(CAMPAIGN, cell(w)).text(),
    message:
        "measure {wildcards.vpn} {wildcards.profile} {wildcards.benchmark}, round {wildcards.round}"
    script:
        "../scripts/measure.py"
