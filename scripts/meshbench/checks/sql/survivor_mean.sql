-- title: Mean over the survivors
-- sentence: Some links of a cell failed, so that a mean over the others speaks of the survivors only.
-- severity: warning
SELECT
    campaign, round, vpn, tuning, profile, benchmark,
    n_ok AS value, n_of AS reference,
    printf('a mean rests on %d of %d links: %s', n_ok, n_of, coalesce(reasons, 'no record')) AS says
FROM cells
WHERE n_ok < n_of AND n_ok > 0 AND benchmark NOT LIKE '%parallel%'
