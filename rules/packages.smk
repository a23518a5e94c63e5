# Programs that do not come from Debian, built or fetched into the cache outside results.
PACKAGED = expand(f"{RESULTS}/packages/{{vpn}}.json", vpn=settings.packaged(CAMPAIGN))


# Nobody's input: a measurement obtains what is missing itself (see measure.smk), a cache that was
# emptied is no reason to measure again. All testbeds' places, because building takes the CPU that
# a lab measures with.
rule package:
    output:
        facts=ensure(f"{RESULTS}/packages/{{vpn}}.json", non_empty=True),
    log:
        f"{LOGS}/packages/{{vpn}}.log",
    priority: len(PLAN.priority) + 2
    conda:
        ENVIRONMENT
    resources:
        testbed=workflow.global_resources["testbed"].value,
    params:
        settings=lambda w: settings.package(CAMPAIGN, w.vpn).text(),
    message:
        "package {wildcards.vpn}"
    script:
        "../scripts/package.py"
