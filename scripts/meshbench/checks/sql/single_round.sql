-- title: Measured once
-- sentence: A benchmark was run in one round only, so that nothing tells a difference between systems from one between moments.
-- severity: warning
SELECT
    campaign, tuning, benchmark, 1.0 AS value, 3.0 AS reference,
    printf('one round, %d links of %d systems under %d profiles', count(DISTINCT (source, target)),
        count(DISTINCT vpn), count(DISTINCT profile)) AS says
FROM links
WHERE source <> '*'
GROUP BY campaign, tuning, benchmark
HAVING count(DISTINCT round) = 1
