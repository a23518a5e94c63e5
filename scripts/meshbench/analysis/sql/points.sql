-- Points: every whole-run value of every link and host, as bounds between which it lies, and the series
-- that they make over the rounds.
-- Sees the tables measures, hosts and links, the view samples, and the tables
--   metrics            metric, better
--   planned            vpn, tuning: what was to be measured; empty of an import
-- Makes the macro middle (of a list) and
--   series             id and its key: campaign, vpn, tuning, profile, placement, benchmark, subject_kind
--                      ('link' or 'host'), metric, mode, direction, unit, better
--   points             id, round, subject (link or host), low, high, status, reason, marked, censored
-- An exact value has low = high. A time that was cut off is at least as long as its limit, or as what was
-- kept of it, and has no high end (infinity). Other rows have nulls: of a rate that was cut off no bound
-- follows, as what came after the limit could have been faster.
-- A median that may be infinite: quantile_cont has none of two infinities.
CREATE OR REPLACE TEMP MACRO middle(l) AS
    (list_sort(l)[(len(l) + 1) // 2] + list_sort(l)[len(l) // 2 + 1]) / 2;

CREATE TEMP TABLE measured AS
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, 'link' AS subject_kind,
    source || '→' || target AS subject, source, target, metric, mode, direction, unit,
    value, status, reason, len(marks) > 0 AS marked
FROM measures
UNION ALL
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, 'host', host, '*', '*',
    metric, mode, direction, unit, value, status, reason, len(marks) > 0
FROM hosts;

CREATE TEMP TABLE series AS
WITH kinds AS (
    SELECT DISTINCT
        campaign, profile, placement, benchmark, subject_kind, metric, mode, direction, unit
    FROM measured
),
keys AS (
    SELECT DISTINCT
        campaign, vpn, tuning, profile, placement, benchmark, subject_kind, metric, mode,
        direction, unit
    FROM measured
    UNION
    SELECT
        campaign, vpn, tuning, profile, placement, benchmark, subject_kind, metric, mode,
        direction, unit
    FROM kinds CROSS JOIN planned
)
SELECT
    row_number() OVER (
        ORDER BY
            campaign, benchmark, subject_kind, metric, mode, direction, profile, placement,
            tuning, vpn, unit
    ) - 1 AS id,
    keys.*,
    coalesce(better, 'neither') AS better
FROM keys
LEFT JOIN metrics USING (metric);

CREATE TEMP TABLE points AS
WITH cut_off AS (
    SELECT
        measured.*,
        coalesce(
            (
                SELECT max(samples.value)
                FROM samples
                WHERE samples.status = 'timeout' AND samples.t_s IS NULL
                    AND samples.stream IS NULL AND samples.campaign = measured.campaign
                    AND samples.round = measured.round AND samples.vpn = measured.vpn
                    AND samples.tuning = measured.tuning AND samples.profile = measured.profile
                    AND samples.placement = measured.placement
                    AND samples.benchmark = measured.benchmark
                    AND samples.source = measured.source AND samples.target = measured.target
                    AND samples.metric = measured.metric
                    AND samples.direction = measured.direction
                    AND samples.mode IS NOT DISTINCT FROM measured.mode
            ),
            CASE WHEN unit = 's' THEN limit_s END
        ) AS bound
    FROM measured
    JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
    WHERE
        measured.status = 'timeout' AND measured.value IS NULL AND unit IN ('s', 'ms')
),
bounded AS (
    SELECT measured.*, NULL AS bound
    FROM measured
    WHERE
        NOT (
            status = 'timeout' AND value IS NULL AND unit IN ('s', 'ms')
            AND subject_kind = 'link'
        )
    UNION ALL
    SELECT * FROM cut_off
)
SELECT
    id, round, subject, status, reason, marked,
    bounded.value IS NULL AND bound IS NOT NULL AND better = 'lower' AS censored,
    CASE
        WHEN isfinite(bounded.value) THEN bounded.value
        WHEN better = 'lower' THEN bound
    END AS low,
    CASE
        WHEN isfinite(bounded.value) THEN bounded.value
        WHEN better = 'lower' AND bound IS NOT NULL THEN 'infinity'::DOUBLE
    END AS high
FROM bounded
JOIN series USING (
    campaign, vpn, tuning, profile, placement, benchmark, subject_kind, metric, direction, unit
)
WHERE series.mode IS NOT DISTINCT FROM bounded.mode;
