-- Throughput: what each link carried, of every benchmark that emits goodput.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction.
-- A link that gave no value has a row all the same, once for each mode and direction that the
-- campaign has elsewhere for its benchmark (once with both null where it has none).
-- Columns:
--   goodput_bps        whole run, at the receiver (bit/s); null unless status is ok
--   send_rate_bps      whole run, at the sender (bit/s); null unless status is ok
--   interval_min_bps, interval_max_bps, n_intervals: of the intervals' goodput (bit/s)
--   status, reason     of the value; 'tool_failed' where an ok link has none
--   marks, engine, shared_cpu: of the link
-- Values of single streams are left out: the totals are the rows without a stream.
WITH goodput AS (
    SELECT * FROM samples
    WHERE metric IN ('goodput', 'send_rate') AND stream IS NULL
),
variants AS (
    SELECT DISTINCT campaign, benchmark, mode, direction FROM goodput
),
wanted AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        variants.mode, variants.direction,
        links.status AS link_status, links.reason AS link_reason, marks, engine, shared_cpu
    FROM links
    LEFT JOIN variants USING (campaign, benchmark)
    -- Where nothing at all was measured, only the name tells what would have been.
    WHERE variants.direction IS NOT NULL OR starts_with(benchmark, 'tcp')
),
measured AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode, direction,
        max(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NULL) AS goodput_bps,
        max(value) FILTER (status = 'ok' AND metric = 'send_rate' AND t_s IS NULL) AS send_rate_bps,
        min(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NOT NULL) AS interval_min_bps,
        max(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NOT NULL) AS interval_max_bps,
        count(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NOT NULL) AS n_intervals,
        min(status) FILTER (status <> 'ok') AS sample_status,
        min(reason) FILTER (status <> 'ok') AS sample_reason
    FROM goodput
    GROUP BY ALL
)
SELECT
    wanted.campaign, wanted.round, wanted.vpn, wanted.tuning, wanted.profile, wanted.placement,
    wanted.benchmark, wanted.source, wanted.target, wanted.mode, wanted.direction,
    goodput_bps, send_rate_bps, interval_min_bps, interval_max_bps,
    coalesce(n_intervals, 0) AS n_intervals,
    CASE
        WHEN goodput_bps IS NOT NULL THEN 'ok'
        WHEN link_status <> 'ok' THEN link_status
        ELSE coalesce(sample_status, 'tool_failed')
    END AS status,
    CASE
        WHEN goodput_bps IS NOT NULL THEN NULL
        WHEN link_status <> 'ok' THEN link_reason
        WHEN sample_status IS NOT NULL THEN sample_reason
        ELSE 'the tool reported no goodput'
    END AS reason,
    marks, engine, shared_cpu
FROM wanted
LEFT JOIN measured ON
    measured.campaign = wanted.campaign
    AND measured.round = wanted.round
    AND measured.vpn = wanted.vpn
    AND measured.tuning = wanted.tuning
    AND measured.profile = wanted.profile
    AND measured.placement = wanted.placement
    AND measured.benchmark = wanted.benchmark
    AND measured.source = wanted.source
    AND measured.target = wanted.target
    AND measured.mode IS NOT DISTINCT FROM wanted.mode
    AND measured.direction = wanted.direction
ORDER BY ALL;
