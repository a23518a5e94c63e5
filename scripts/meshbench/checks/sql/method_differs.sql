-- title: Rounds measured by different methods
-- sentence: A system's rounds were not measured alike, in what its first phase asked, how long and with how many streams or under which limit it was tested: a mean over them mixes two quantities.
-- severity: error
WITH methods AS (
    SELECT DISTINCT campaign, vpn, tuning, benchmark, round, 'first phase' AS what,
        CASE metric WHEN 'host_wait' THEN 'without the VPN' ELSE 'through the VPN' END AS how
    FROM whole WHERE metric IN ('host_wait', 'first_phase_wait')
    UNION ALL BY NAME
    SELECT DISTINCT campaign, vpn, tuning, benchmark, round, replace(metric, '_', ' ') AS what,
        printf('%g', value) || CASE unit WHEN '1' THEN '' ELSE ' ' || unit END AS how
    FROM whole WHERE metric IN ('test_duration', 'streams', 'rate_target')
    UNION ALL BY NAME
    SELECT DISTINCT campaign, vpn, tuning, benchmark, round, 'direction' AS what,
        CASE mode WHEN 'bidir' THEN 'both at once' ELSE 'one at a time' END AS how
    FROM whole WHERE metric = 'test_duration' AND mode <> ''
    UNION ALL BY NAME
    SELECT DISTINCT campaign, vpn, tuning, benchmark, round, 'time limit' AS what,
        printf('%g s', limit_s) AS how
    FROM links WHERE status = 'timeout' AND limit_s IS NOT NULL
),
by_round AS (
    SELECT campaign, vpn, tuning, benchmark, what, round, string_agg(DISTINCT how, ' and ' ORDER BY how) AS how
    FROM methods GROUP BY ALL
)
SELECT
    campaign, vpn, tuning, benchmark, count(DISTINCT how) AS value, 1.0 AS reference,
    printf('%s differs: %s', what, string_agg(printf('%s in round %d', how, round), ', ' ORDER BY round)) AS says
FROM by_round
GROUP BY campaign, vpn, tuning, benchmark, what
HAVING count(DISTINCT how) > 1
