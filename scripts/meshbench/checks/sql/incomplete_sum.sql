-- title: Sum over missing links
-- sentence: Links were loaded at the same time and not all of them gave a result, so that their sum is not the total and cannot be compared with complete ones.
-- severity: error
WITH sums AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, sum(value) AS total
    FROM whole
    WHERE metric = 'send_rate' AND direction = 'forward' AND status = 'ok'
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark,
    total AS value, total / n_ok AS reference,
    printf('the sum of %s covers %d of %d links (%s per link): %s',
        mbit(coalesce(total, 0)), n_ok, n_of, mbit(total / nullif(n_ok, 0)),
        coalesce(reasons, 'no record')) AS says
FROM cells LEFT JOIN sums USING (campaign, round, vpn, tuning, profile, benchmark)
WHERE benchmark LIKE '%parallel%' AND n_ok < n_of
