-- Measures: every whole-run value of every link, one row per metric, whatever the benchmark.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction,
-- metric. A link that gave no value has a row all the same for each headline of its benchmark.
-- Columns:
--   value, unit        as registered for the metric; null unless status is ok
--   status, reason     of the value
--   marks, engine, shared_cpu, record: of the link
-- Of a VPN's start there is the table readiness.
-- What belongs to no link (source '*') and the values of single streams, runs and intervals are left out.
WITH whole AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode, direction, metric, unit,
        max(value) FILTER (status = 'ok') AS value,
        worst_status(status) AS status,
        any_value(reason) AS reason
    FROM samples
    WHERE t_s IS NULL AND stream IS NULL AND source <> '*'
        AND metric NOT IN ('ready_time', 'direct_time')
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    mode, direction, metric, unit, value, whole.status, whole.reason,
    marks, engine, shared_cpu, links.record
FROM whole
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
ORDER BY ALL;
