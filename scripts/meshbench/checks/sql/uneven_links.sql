-- title: Links that differ too much for one mean
-- sentence: The best link of a cell carried more than twice what the worst living one did, so that their mean describes none of them.
-- severity: warning
WITH cell AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, metric,
        min(value) AS low, max(value) AS high, avg(value) AS mean, count(*) AS n
    FROM carried WHERE direction = 'forward' AND value > 0
    GROUP BY campaign, round, vpn, tuning, profile, benchmark, metric, mode
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, metric, high / low AS value, 2.0 AS reference,
    printf('%s to %s over %d links; the mean is %s', mbit(low), mbit(high), n, mbit(mean)) AS says
FROM cell WHERE n > 1 AND high > 2 * low AND high < 50 * low
