-- Measures: every whole-run value of every link, one row per metric, whatever the benchmark.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction,
-- metric. A link that gave no value has a row all the same for each headline of its benchmark: a metric
-- of which the campaign has an empty value somewhere, in each mode and direction it has it in.
-- Columns:
--   value, unit        as registered for the metric; null unless status is ok
--   status, reason     of the value; 'tool_failed' where an ok link lacks a headline
--   marks, engine, shared_cpu: of the link
-- Of a VPN's start there is the table readiness.
-- What belongs to no link (source '*') and the values of single streams, runs and intervals are left out.
WITH whole AS (
    SELECT * FROM samples
    WHERE t_s IS NULL AND stream IS NULL AND source <> '*' AND benchmark <> 'calibration'
        AND metric NOT IN ('ready_time', 'direct_time')
),
headlines AS (
    SELECT DISTINCT campaign, benchmark, mode, direction, metric, unit
    FROM whole WHERE value IS NULL
),
there AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode, direction, metric, any_value(unit) AS unit,
        max(value) FILTER (status = 'ok') AS value,
        min(reason) FILTER (status <> 'ok') AS own_reason
    FROM whole
    GROUP BY ALL
),
absent AS (
    SELECT
        links.campaign, round, vpn, tuning, profile, placement, links.benchmark, source, target,
        headlines.mode, headlines.direction, headlines.metric, headlines.unit, NULL::DOUBLE AS value,
        NULL::VARCHAR AS own_reason
    FROM links
    JOIN headlines USING (campaign, benchmark)
    ANTI JOIN there ON
        there.campaign = links.campaign AND there.round = links.round AND there.vpn = links.vpn
        AND there.tuning = links.tuning AND there.profile = links.profile
        AND there.placement = links.placement AND there.benchmark = links.benchmark
        AND there.source = links.source AND there.target = links.target
        AND there.metric = headlines.metric
),
every_one AS (
    SELECT * FROM there
    UNION ALL BY NAME
    SELECT * FROM absent
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    mode, direction, metric, unit, value,
    CASE WHEN value IS NOT NULL THEN 'ok' WHEN status <> 'ok' THEN status ELSE 'tool_failed' END AS status,
    CASE
        WHEN value IS NOT NULL THEN NULL
        WHEN status <> 'ok' THEN reason
        ELSE coalesce(own_reason, 'the tool did not report it')
    END AS reason,
    marks, engine, shared_cpu
FROM every_one
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
ORDER BY ALL;
