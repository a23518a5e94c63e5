-- Throughput: what each link carried, of every benchmark that emits goodput.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction.
-- A link that gave no value has a row all the same.
-- Columns:
--   goodput_bps        whole run, at the receiver (bit/s); null unless status is ok
--   send_rate_bps      whole run, at the sender (bit/s); null unless status is ok
--   interval_min_bps, interval_max_bps, n_intervals: of the intervals' goodput (bit/s)
--   status, reason     of the goodput
--   marks, engine, shared_cpu, record: of the link
-- Values of single streams are left out: the totals are the rows without a stream.
WITH goodput AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode, direction,
        max(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NULL) AS goodput_bps,
        max(value) FILTER (status = 'ok' AND metric = 'send_rate' AND t_s IS NULL) AS send_rate_bps,
        min(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NOT NULL) AS interval_min_bps,
        max(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NOT NULL) AS interval_max_bps,
        count(value) FILTER (status = 'ok' AND metric = 'goodput' AND t_s IS NOT NULL) AS n_intervals,
        any_value(status) FILTER (metric = 'goodput' AND t_s IS NULL) AS status,
        any_value(reason) FILTER (metric = 'goodput' AND t_s IS NULL) AS reason
    FROM samples
    WHERE metric IN ('goodput', 'send_rate') AND stream IS NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction,
    goodput_bps, send_rate_bps, interval_min_bps, interval_max_bps, n_intervals,
    goodput.status, goodput.reason, marks, engine, shared_cpu, links.record
FROM goodput
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
ORDER BY ALL;
