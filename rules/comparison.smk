# The campaign against others; included where the config names them in `compare`.


rule comparison:
    input:
        mine=[paths.table(NAME, name) for name in analysis.NEEDS],
        others=[
            table
            for side in CAMPAIGN.file.compare
            for table in analysis.tables_of(side).values()
        ],
    output:
        html=paths.comparison(NAME, "html"),
        csv=paths.comparison(NAME, "csv"),
        markdown=paths.comparison(NAME, "md"),
        latex=paths.comparison(NAME, "tex"),
    log:
        paths.log(NAME, "comparison"),
    conda:
        ENVIRONMENT
    params:
        code=digests.digest("report.comparing", files=ANALYSIS_FILES),
        sides=[*CAMPAIGN.file.compare, str(paths.RESULTS / NAME)],
        marked=CAMPAIGN.file.analysis.marked == "in",
        equivalent_percent=CAMPAIGN.file.analysis.equivalent_percent,
    message:
        "comparison with {params.sides}"
    script:
        "../scripts/comparison.py"
