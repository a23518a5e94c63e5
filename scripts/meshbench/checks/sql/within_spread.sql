-- title: A difference smaller than the spread between links
-- sentence: Two systems that follow each other in a ranking differ by less than the links of either of them do, so their order is not supported.
-- severity: note
WITH headline AS (
    SELECT whole.*, better FROM whole JOIN metrics USING (metric)
    WHERE status = 'ok' AND direction = 'forward' AND vpn <> 'internal'
        AND metric IN ('send_rate', 'udp_goodput', 'quic_goodput', 'copy_time', 'rtt_avg', 'rist_quality')
),
per_vpn AS (
    SELECT campaign, vpn, tuning, profile, benchmark, mode, metric, unit, better,
        avg(value) AS mean, count(*) AS n, max(value) - min(value) AS spread
    FROM headline GROUP BY ALL HAVING count(*) > 1
),
ranked AS (
    SELECT *,
        lead(vpn) OVER w AS next_vpn, lead(mean) OVER w AS next_mean, lead(spread) OVER w AS next_spread
    FROM per_vpn
    WINDOW w AS (
        PARTITION BY campaign, tuning, profile, benchmark, mode, metric
        ORDER BY CASE better WHEN 'higher' THEN -mean ELSE mean END
    )
)
SELECT
    campaign, vpn, tuning, profile, benchmark, metric,
    abs(mean - next_mean) AS value, greatest(spread, next_spread) AS reference,
    printf('%s (%s) before %s (%s): they differ by %s, the links of one of them by %s',
        vpn, told(mean, unit), next_vpn, told(next_mean, unit), told(abs(mean - next_mean), unit),
        told(greatest(spread, next_spread), unit)) AS says
FROM ranked
WHERE next_vpn IS NOT NULL AND abs(mean - next_mean) < greatest(spread, next_spread)
