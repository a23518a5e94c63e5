-- Latency: round-trip times and loss of each link, of every benchmark that sends echo requests.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target.
-- A link that gave no value has a row all the same.
-- Columns:
--   n_sent, n_received   echo requests and replies (count), whatever the status: they are facts
--   loss                 share of requests without a reply, both directions together (0..1)
--   rtt_min_ms, rtt_avg_ms, rtt_max_ms, rtt_mdev_ms: the tool's own summary (ms)
--   rtt_p50_ms, rtt_p90_ms, rtt_p95_ms, rtt_p99_ms: of the single replies, linearly interpolated
--                        (ms); null where they were not kept
--   rtt_ipdv_ms          mean difference between neighbours (RFC 3393), of round trips (ms)
--   rtt_pdv_ms           95th percentile above the smallest RTT (RFC 5481), of round trips (ms)
--   n_lost_runs          runs of ping without any reply: outages (count)
--   loss_apart           share of requests without a reply in the other runs (0..1)
--   n_loss_period        most requests in turn without a reply (RFC 3357; count)
--   status, reason       of the mean RTT; RTTs are null unless status is ok
--   marks, engine, shared_cpu, record: of the link
WITH pings AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        max(value) FILTER (metric = 'ping_sent') AS n_sent,
        max(value) FILTER (metric = 'ping_received') AS n_received,
        max(value) FILTER (metric = 'ping_loss') AS loss,
        max(value) FILTER (metric = 'ping_lost_runs') AS n_lost_runs,
        max(value) FILTER (metric = 'ping_loss_apart') AS loss_apart,
        max(value) FILTER (metric = 'ping_loss_period') AS n_loss_period,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_min') AS rtt_min_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_avg') AS rtt_avg_ms,
        quantile_cont(value, 0.50) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p50_ms,
        quantile_cont(value, 0.90) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p90_ms,
        quantile_cont(value, 0.95) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p95_ms,
        quantile_cont(value, 0.99) FILTER (status = 'ok' AND metric = 'rtt') AS rtt_p99_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_max') AS rtt_max_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_mdev') AS rtt_mdev_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_ipdv') AS rtt_ipdv_ms,
        max(value) FILTER (status = 'ok' AND metric = 'rtt_pdv') AS rtt_pdv_ms,
        any_value(status) FILTER (metric = 'rtt_avg') AS status,
        any_value(reason) FILTER (metric = 'rtt_avg') AS reason
    FROM samples
    WHERE
        metric IN (
            'rtt', 'rtt_min', 'rtt_avg', 'rtt_max', 'rtt_mdev', 'rtt_ipdv', 'rtt_pdv',
            'ping_sent', 'ping_received', 'ping_loss', 'ping_lost_runs', 'ping_loss_apart',
            'ping_loss_period'
        )
        AND stream IS NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    n_sent::BIGINT AS n_sent, n_received::BIGINT AS n_received, loss,
    try_cast(n_lost_runs AS BIGINT) AS n_lost_runs, loss_apart,
    try_cast(n_loss_period AS BIGINT) AS n_loss_period,
    rtt_min_ms, rtt_avg_ms, rtt_p50_ms, rtt_p90_ms, rtt_p95_ms, rtt_p99_ms, rtt_max_ms, rtt_mdev_ms,
    rtt_ipdv_ms, rtt_pdv_ms,
    pings.status, pings.reason, marks, engine, shared_cpu, links.record
FROM pings
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE pings.status IS NOT NULL
ORDER BY campaign, round, vpn, tuning, profile, placement, benchmark, source, target;
