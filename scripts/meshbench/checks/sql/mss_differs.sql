-- title: An MSS that differs between links
-- sentence: A system's TCP segments are of another size on one link than on its others, so the path MTU was not discovered alike.
-- severity: warning
WITH usual AS (
    SELECT campaign, vpn, tuning, mode(value) AS usual, count(*) AS n
    FROM whole WHERE metric = 'mss' GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, metric,
    value, usual AS reference,
    printf('MSS %.0f; %.0f is usual on the %d links of this system', value, usual, n) AS says
FROM whole JOIN usual USING (campaign, vpn, tuning)
WHERE metric = 'mss' AND value <> usual
