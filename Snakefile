"""meshbench: deploy, impair, measure, parse, aggregate, draw."""

from snakemake.utils import min_version

min_version("9.22")

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"


if CAMPAIGN.published:

    include: "rules/published.smk"

else:

    include: "rules/packages.smk"
    include: "rules/deploy.smk"
    include: "rules/impair.smk"
    include: "rules/measure.smk"
    include: "rules/parse.smk"

    if CAMPAIGN.bracket:

        include: "rules/bracket.smk"

    if CAMPAIGN.adaptive:

        include: "rules/waves.smk"


include: "rules/aggregate.smk"
include: "rules/analyse.smk"
include: "rules/checks.smk"


if CAMPAIGN.claims:

    include: "rules/claims.smk"


if CAMPAIGN.file.compare:

    include: "rules/comparison.smk"


include: "rules/figures.smk"
include: "rules/report.smk"


rule figures_all:
    name:
        "figures/all"
    default_target: True
    input:
        lambda w: decided(INPUTS.measured),
        paths.findings(NAME),
        INPUTS.verdicts,
        INPUTS.figures,
        INPUTS.compared,
        paths.bundle(NAME),
        paths.report(NAME),


onstart:
    hooks.start(SETUP, workflow)


onsuccess:
    hooks.end(SETUP)


onerror:
    hooks.end(SETUP)
