# After a round: which systems are measured again. Included where the rounds are adaptive.


# Not the digest of the code: a refactoring must not measure anything again.
checkpoint wave:
    input:
        records=lambda w: WAVES.of(INPUTS.cells, decisions(int(w.round)), int(w.round)),
        calibrations=lambda w: WAVES.of(
            INPUTS.calibrated, decisions(int(w.round)), int(w.round)
        ),
        brackets=lambda w: WAVES.of(
            INPUTS.bracketed, decisions(int(w.round)), int(w.round)
        ),
        before=lambda w: last_decisions(int(w.round)),
    output:
        decisions=paths.wave(NAME, "{round}", "{key}"),
    log:
        paths.log(NAME, "wave", "{round}", "{key}"),
    priority: len(SETUP.plan.priority) + 2
    conda:
        ENVIRONMENT
    params:
        how=WAVES.how,
    message:
        "who has rounds enough after round {wildcards.round}"
    script:
        "../scripts/decide.py"
