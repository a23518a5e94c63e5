-- title: Another number of flows at the same time
-- sentence: Sessions over all links at the same time do not have the flows that one stream in each direction makes: two on each link where both directions run at once, one otherwise.
-- severity: error
WITH flows AS (
    SELECT
        g.campaign, g.round, g.vpn, g.tuning, g.profile, g.benchmark, g.mode,
        CASE WHEN g.mode = 'bidir' THEN '' ELSE g.direction END AS at_once,
        count(DISTINCT (g.source, g.target)) AS n_sessions,
        sum(s.value) AS n_flows
    FROM whole AS g
    JOIN whole AS s USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode)
    WHERE g.benchmark LIKE 'tcp_parallel%' AND g.metric = 'goodput' AND g.status = 'ok' AND s.metric = 'streams'
        AND (g.mode = 'bidir' OR s.direction = g.direction)
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark,
    n_flows AS value, n_sessions * CASE mode WHEN 'bidir' THEN 2 ELSE 1 END AS reference,
    printf('%d sessions have %.0f flows at the same time', n_sessions, n_flows) AS says
FROM flows
WHERE value <> reference
