-- title: A lost run told as packet loss
-- sentence: One whole run of several got no reply at all while the others lost next to nothing: an outage, not a loss rate.
-- severity: warning
WITH runs AS (
    SELECT
        campaign, round, vpn, tuning, profile, benchmark, source, target, metric,
        count(*) AS n, count(*) FILTER (value >= 0.999) AS lost, avg(value) AS mean,
        max(value) FILTER (value < 0.999) AS worst_other
    FROM samples
    WHERE metric = 'ping_loss' AND stream IS NOT NULL AND t_s IS NULL AND value IS NOT NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, metric,
    mean AS value, worst_other AS reference,
    printf('%s loss is %d of %d runs without any reply; the others lost at most %s',
        percent(mean), lost, n, percent(worst_other)) AS says
FROM runs
WHERE lost > 0 AND lost < n AND worst_other < 0.1
