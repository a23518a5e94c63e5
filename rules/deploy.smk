# Installing and pinning a system on all hosts: facts that never become false.


rule deploy:
    output:
        facts=ensure(paths.deployment(NAME, "{vpn}"), non_empty=True),
    log:
        paths.log(NAME, "deploy", "{vpn}"),
    priority: len(SETUP.plan.priority) + 1
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: SETUP.deploy(w.vpn).text(),
    message:
        "deploy {wildcards.vpn}"
    script:
        "../scripts/deploy.py"
