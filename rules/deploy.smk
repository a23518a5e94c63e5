# Installing and pinning a system on all hosts: facts that never become false.
DEPLOYED = expand(f"{RESULTS}/deploy/{{vpn}}.json", vpn=CAMPAIGN.file.vpns)


rule deploy:
    output:
        facts=ensure(f"{RESULTS}/deploy/{{vpn}}.json", non_empty=True),
    params:
        settings=lambda w: settings.deploy(CAMPAIGN, w.vpn).text(),
    log:
        f"{LOGS}/deploy/{{vpn}}.log",
    conda:
        ENVIRONMENT
    resources:
        testbed=1,
    priority: len(PLAN.priority) + 1
    retries: 1
    message:
        "deploy {wildcards.vpn}"
    script:
        "../scripts/deploy.py"
