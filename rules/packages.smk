# Programs that do not come from Debian, built or fetched into the cache outside results.


# Nobody's input: a measurement obtains what is missing itself (see measure.smk), a cache that was
# emptied is no reason to measure again. All testbeds' places, because building takes the CPU that
# a lab measures with.
rule package:
    output:
        facts=ensure(paths.package(NAME, "{vpn}"), non_empty=True),
    log:
        paths.log(NAME, "packages", "{vpn}"),
    priority: len(SETUP.plan.priority) + 2
    conda:
        ENVIRONMENT
    resources:
        testbed=workflow.global_resources["testbed"].value,
    params:
        settings=lambda w: SETUP.package(w.vpn).text(),
    message:
        "package {wildcards.vpn}"
    script:
        "../scripts/package.py"


rule program:
    output:
        facts=ensure(paths.program(NAME, "{kind}"), non_empty=True),
    log:
        paths.log(NAME, "packages", "benchmarks", "{kind}"),
    wildcard_constraints:
        kind=one_of(said.kind for said in CAMPAIGN.benchmarks.values()),
    priority: len(SETUP.plan.priority) + 2
    conda:
        ENVIRONMENT
    resources:
        testbed=workflow.global_resources["testbed"].value,
    params:
        settings=lambda w: SETUP.program(w.kind).text(),
    message:
        "programs of the benchmark {wildcards.kind}"
    script:
        "../scripts/program.py"
