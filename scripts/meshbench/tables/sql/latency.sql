-- Latency: round-trip times and loss of each link, of every benchmark that sends echo requests.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target.
-- A link that gave no value has a row all the same.
-- Columns:
--   n_sent, n_received   echo requests and replies (count), whatever the status: they are facts
--   loss                 share of requests without a reply, both directions together (0..1)
--   rtt_min_ms, rtt_avg_ms, rtt_max_ms, rtt_mdev_ms: the tool's own summary (ms)
--   rtt_p50_ms, rtt_p90_ms, rtt_p99_ms: of the single replies, linearly interpolated (ms);
--                        null where they were not kept
--   status, reason       of the mean RTT; RTTs are null unless status is ok
--   marks, engine, shared_cpu, record: of the link
WITH pings AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        max(value) FILTER (metric = 'ping_sent') AS n_sent,
        max(value) FILTER (metric = 'ping_received') AS n_received,
        max(value) FILTER (metric = 'ping_loss') AS loss,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_min') AS rtt_min_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_avg') AS rtt_avg_ms,
        quantile_cont(value, 0.50) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p50_ms,
        quantile_cont(value, 0.90) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p90_ms,
        quantile_cont(value, 0.99) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p99_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_max') AS rtt_max_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_mdev') AS rtt_mdev_ms,
        any_value(status) FILTER (metric = 'rtt_avg') AS status,
        any_value(reason) FILTER (metric = 'rtt_avg') AS reason
    FROM samples
    WHERE
        metric IN (
            'rtt', 'rtt_min', 'rtt_avg', 'rtt_max', 'rtt_mdev',
            'ping_sent', 'ping_received', 'ping_loss'
        )
        AND stream IS NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    n_sent::BIGINT AS n_sent, n_received::BIGINT AS n_received, loss,
    rtt_min_ms, rtt_avg_ms, rtt_p50_ms, rtt_p90_ms, rtt_p99_ms, rtt_max_ms, rtt_mdev_ms,
    pings.status, pings.reason, marks, engine, shared_cpu, links.record
FROM pings
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE pings.status IS NOT NULL
ORDER BY campaign, round, vpn, tuning, profile, placement, benchmark, source, target;
