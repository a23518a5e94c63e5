-- title: A stream that stood still
-- sentence: A stream that did deliver something carried nothing for three seconds or longer without a break: its mean is that of a stream which stopped and started.
-- severity: warning
WITH rates AS (
    SELECT *, coalesce(mode, '') AS the_mode,
        lead(t_s) OVER w AS next_s, t_s - lag(t_s) OVER w AS before_s
    FROM samples
    WHERE t_s IS NOT NULL AND stream IS NULL AND value IS NOT NULL AND status = 'ok'
        AND metric IN ('goodput', 'send_rate', 'udp_goodput')
    WINDOW w AS (
        PARTITION BY campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction, metric
        ORDER BY t_s
    )
),
-- Consecutive zeros share the number of the last interval before them that carried something.
numbered AS (
    SELECT *, coalesce(next_s - t_s, before_s, 0) AS length_s,
        count(*) FILTER (value > 0) OVER (
            PARTITION BY campaign, round, vpn, tuning, profile, benchmark, source, target, the_mode, direction, metric
            ORDER BY t_s
        ) AS stretch,
        sum(value) OVER (
            PARTITION BY campaign, round, vpn, tuning, profile, benchmark, source, target, the_mode, direction, metric
        ) AS total
    FROM rates
),
stops AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, source, target, direction, metric,
        stretch, sum(length_s) AS length_s, min(t_s) AS from_s
    FROM numbered WHERE value = 0 AND total > 0
    GROUP BY campaign, round, vpn, tuning, profile, benchmark, source, target, direction, metric, stretch
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, metric,
    max(length_s) AS value, 3.0 AS reference,
    printf('%s of the %s stream stood at zero for %s s from %s s on%s', metric, direction, plain(max(length_s)),
        plain(arg_max(from_s, length_s)),
        CASE WHEN count(*) > 1 THEN printf(', the longest of %d such stops', count(*)) ELSE '' END) AS says
FROM stops
WHERE length_s > 2.9
GROUP BY campaign, round, vpn, tuning, profile, benchmark, source, target, direction, metric
