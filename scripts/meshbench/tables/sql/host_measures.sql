-- Host measures: every whole-run value of every host, one row per metric, whatever the benchmark.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, host, mode, direction, metric.
-- Columns:
--   value, unit        as registered for the metric; null unless status is ok
--   status, reason     of the value
--   marks              of the cell's links; engine, shared_cpu: as theirs
WITH cell AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        list_sort(list_distinct(flatten(list(marks)))) AS marks,
        any_value(engine) AS engine, bool_or(shared_cpu) AS shared_cpu
    FROM links
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, host,
    mode, direction, metric, unit, CASE WHEN status = 'ok' THEN value END AS value,
    CASE WHEN status = 'ok' AND value IS NULL THEN 'tool_failed' ELSE status END AS status,
    CASE WHEN status = 'ok' AND value IS NULL THEN 'the tool did not report it' ELSE reason END AS reason,
    marks, engine, shared_cpu
FROM samples
JOIN cell USING (campaign, round, vpn, tuning, profile, placement, benchmark)
WHERE host IS NOT NULL AND t_s IS NULL AND stream IS NULL AND benchmark <> 'calibration'
ORDER BY ALL;
