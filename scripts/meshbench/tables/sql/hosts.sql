-- Hosts: every whole-run value of every host, one row per metric, whatever the benchmark or collector.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, host, metric, mode, direction.
-- A host that gave no value has a row all the same for each headline of the benchmark.
-- Columns:
--   value, unit        as registered for the metric; null unless status is ok
--   status, reason     of the value
--   marks, engine, shared_cpu, record: of the cell
WITH cells AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        any_value(marks) AS marks, any_value(engine) AS engine,
        any_value(shared_cpu) AS shared_cpu
    FROM links
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, host, metric, mode, direction,
    unit, CASE WHEN status = 'ok' THEN value END AS value, status, reason,
    marks, engine, shared_cpu, record
FROM samples
JOIN cells USING (campaign, round, vpn, tuning, profile, placement, benchmark)
WHERE host IS NOT NULL AND t_s IS NULL AND stream IS NULL
ORDER BY ALL;
