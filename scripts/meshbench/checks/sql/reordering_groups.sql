-- title: Reordering far above the profile's, for some systems only
-- sentence: TCP saw more than five times the configured reordering, or over 10 points more, through some systems while others stayed below half of that: the profile does not mean the same network for all of them.
-- severity: error
WITH shares AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark,
        avg(r.value * m.value / s.value) AS share
    FROM whole AS r
    JOIN whole AS s USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction)
    JOIN whole AS m USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction)
    WHERE r.metric = 'reordering_seen' AND s.metric = 'sent' AND m.metric = 'mss'
        AND s.value > 100 * m.value AND benchmark = 'tcp'
    GROUP BY ALL
),
nominal AS (
    SELECT campaign, profile, max(value) AS nominal FROM whole WHERE metric = 'netem_reorder' GROUP BY ALL
),
rates AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, avg(value) AS rate
    FROM carried WHERE direction = 'forward' AND benchmark = 'tcp' GROUP BY ALL
),
told AS (
    SELECT *, greatest(0.05, least(5 * coalesce(nominal, 0), coalesce(nominal, 0) + 0.1)) AS threshold,
        share > threshold AS high, share < threshold / 2 AS low
    FROM shares JOIN rates USING (campaign, round, vpn, tuning, profile, benchmark)
    LEFT JOIN nominal USING (campaign, profile)
)
SELECT
    campaign, round, tuning, profile, benchmark, 'reordering_seen' AS metric,
    avg(share) FILTER (high) AS value, max(nominal) AS reference,
    printf('configured %s; %s; but %s',
        coalesce(percent(max(nominal)), 'unknown'),
        string_agg(printf('%s %s (%s)', vpn, percent(share), mbit(rate)), ', ' ORDER BY share DESC) FILTER (high),
        string_agg(printf('%s %s (%s)', vpn, percent(share), mbit(rate)), ', ' ORDER BY share DESC) FILTER (low)) AS says
FROM told
GROUP BY campaign, round, tuning, profile, benchmark
HAVING count(*) FILTER (high) > 0 AND count(*) FILTER (low) > 0
