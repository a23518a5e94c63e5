-- Intervals: what TCP's sender saw over time, forward direction.
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, t_s.
-- Columns:
--   t_s                since the stream's start (s)
--   tcp_rtt_ms         smoothed RTT at the interval's end (ms)
--   cwnd_bytes         congestion window at the interval's end (byte)
--   send_rate_bps      of the interval (bit/s)
--   engine, shared_cpu, record: of the link
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, t_s,
    max(value) FILTER (metric = 'tcp_rtt') AS tcp_rtt_ms,
    max(value) FILTER (metric = 'cwnd') AS cwnd_bytes,
    max(value) FILTER (metric = 'send_rate') AS send_rate_bps,
    any_value(engine) AS engine, any_value(shared_cpu) AS shared_cpu,
    any_value(samples.record) AS record
FROM samples
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE
    t_s IS NOT NULL AND direction = 'forward' AND starts_with(benchmark, 'tcp')
    AND metric IN ('tcp_rtt', 'cwnd', 'send_rate') AND links.status = 'ok'
GROUP BY ALL
ORDER BY ALL;
