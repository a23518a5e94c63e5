# The bare link before and after the cells of every round. Included where the campaign asks for it.


# update(): see measure.smk.
rule bracket:
    output:
        record=ensure(
            update(
                paths.bracket(NAME, "{side}", "{placement}", paths.BRACKETED, "{key}")
            ),
            non_empty=True,
        ),
    log:
        paths.log(NAME, "bracket", "{side}", "{placement}", paths.BRACKETED, "{key}"),
    priority: lambda wildcards: SETUP.plan.priority[around(wildcards)]
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: settings_of(around(w), w),
    message:
        "bracket {wildcards.side} round {wildcards.round}, {wildcards.profile} {wildcards.benchmark}"
    script:
        "../scripts/measure.py"


rule parse_bracket:
    input:
        raw=lambda w: decided(INPUTS.bracketed),
    output:
        samples=paths.bracket_samples(NAME),
        links=paths.bracket_links(NAME),
    log:
        paths.log(NAME, "parse_bracket"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest(
            "tables.parse",
            *(
                f"benchmarks.{CAMPAIGN.benchmarks[name].kind}"
                for name in CAMPAIGN.bracket
            ),
        ),
    message:
        "parse the bare link around rounds"
    script:
        "../scripts/parse_calibration.py"
