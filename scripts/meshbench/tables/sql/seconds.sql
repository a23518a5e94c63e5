-- Seconds: what TCP carried over time, of every benchmark that emits goodput by interval.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction, t_s.
-- Columns:
--   t_s                since the stream's start (s)
--   rate_bps           of the interval (bit/s): goodput; the send rate where a direction's receiver kept none
--   counted_at         which end counted it: 'receiver' or 'sender'
--   status             of the link: what a run that did not end well had carried until then is here too
--   engine, shared_cpu, record: of the link
WITH rates AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction,
        metric, t_s, value,
        bool_or(metric = 'goodput') OVER (
            PARTITION BY campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction
        ) AS received
    FROM samples
    WHERE t_s IS NOT NULL AND stream IS NULL AND metric IN ('goodput', 'send_rate') AND value IS NOT NULL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction, t_s,
    any_value(value) AS rate_bps,
    CASE WHEN received THEN 'receiver' ELSE 'sender' END AS counted_at,
    any_value(links.status) AS status, any_value(engine) AS engine,
    any_value(shared_cpu) AS shared_cpu, any_value(links.record) AS record
FROM rates
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE metric = CASE WHEN received THEN 'goodput' ELSE 'send_rate' END
GROUP BY ALL
ORDER BY ALL;
