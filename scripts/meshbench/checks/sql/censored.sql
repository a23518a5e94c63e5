-- title: Censored by a time limit
-- sentence: A measurement was cut off, so that its value is known only to exceed the limit; leaving it out flatters the system.
-- severity: warning
WITH progress AS (
    SELECT
        campaign, round, vpn, tuning, profile, benchmark, source, target,
        max(value) FILTER (metric = 'copies_started') AS copies,
        max(value) FILTER (metric = 'paths_started') AS paths,
        max(value) FILTER (metric = 'paths_wanted') AS wanted
    FROM whole GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target,
    limit_s AS value,
    printf('cut off at %s s', plain(limit_s))
        || coalesce(printf(' in copy %.0f, having begun %.0f of its %.0f paths', copies, paths, wanted), '')
        AS says
FROM links LEFT JOIN progress
    USING (campaign, round, vpn, tuning, profile, benchmark, source, target)
WHERE status = 'timeout'
