# What may be said of the values: intervals, effects and ranks, computed from the tables.
from meshbench import analysis

ANALYSED = tuple(paths.table(NAME, name) for name in analysis.TABLES)
ANALYSIS_FILES = tuple(Path(analysis.__file__).parent.rglob("*.sql"))


rule analyse:
    input:
        samples=INPUTS.samples,
        links=INPUTS.links,
        events=INPUTS.events,
        tables=[
            paths.table(NAME, name) for name in (*analysis.NEEDS, analysis.OVER_TIME)
        ],
        decided=lambda w: last_decisions(),
    output:
        tables=ANALYSED,
    log:
        paths.log(NAME, "analyse"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("analysis.step", files=ANALYSIS_FILES),
        design=hooks.design(CAMPAIGN) | WAVES.design,
        libraries=digests.libraries("numpy", "scipy"),
    message:
        "intervals, effects and ranks"
    script:
        "../scripts/analyse.py"
