# Installing and pinning a system on all hosts: facts that never become false.
DEPLOYED = expand(f"{RESULTS}/deploy/{{vpn}}.json", vpn=CAMPAIGN.file.vpns)


rule deploy:
    output:
        facts=ensure(f"{RESULTS}/deploy/{{vpn}}.json", non_empty=True),
    log:
        f"{LOGS}/deploy/{{vpn}}.log",
    priority: len(PLAN.priority) + 1
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    params:
        settings=lambda w: settings.deploy(CAMPAIGN, w.vpn).text(),
    message:
        "deploy {wildcards.vpn}"
    script:
        "../scripts/deploy.py"
