# One record per cell.
RAW = f"{RESULTS}/raw/{{vpn}}/{{tuning}}/{{profile}}/{{benchmark}}/{{round}}.json"
RECORDS = [f"{RESULTS}/raw/{cell.path}" for cell in PLAN.cells]


def cell(wildcards):
    """The cell that a record's path stands for."""
    words = dict(wildcards.items())
    return plan.Cell(**{key: words[key] for key in plan.Cell.model_fields})


# Not even an ancient() input: Snakemake 9.27 does not look at the params of a job whose ancient
# input is remade in the same run, so a changed option would be measured only by the run after it.
# A measurement installs what is missing itself; deploying comes first by its priority.
rule measure:
    output:
        record=ensure(RAW, non_empty=True),
    params:
        settings=lambda w: settings.measure(CAMPAIGN, cell(w)).text(),
    log:
        f"{LOGS}/measure/{{vpn}}/{{tuning}}/{{profile}}/{{benchmark}}/{{round}}.log",
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    priority: lambda wildcards: PLAN.priority[cell(wildcards)]
    retries: 1
    message:
        "measure {wildcards.vpn} {wildcards.profile} {wildcards.benchmark}, round {wildcards.round}"
    script:
        "../scripts/measure.py"
