-- title: Measured under different time limits
-- sentence: A system took longer than the limit at which others were cut off, or was itself cut off at another limit.
-- severity: error
WITH limits AS (
    SELECT campaign, benchmark, min(limit_s) AS least, count(*) AS n_cut
    FROM links WHERE status = 'timeout' AND limit_s IS NOT NULL GROUP BY ALL
)
SELECT
    l.campaign, l.round, l.vpn, l.tuning, l.profile, l.benchmark, l.source, l.target,
    coalesce(CASE WHEN l.status = 'timeout' THEN l.limit_s END, l.duration_s) AS value,
    least AS reference,
    CASE WHEN l.status = 'timeout'
        THEN printf('cut off at %s s; others already at %s s', plain(l.limit_s), plain(least))
        ELSE printf('ended well after %s s in one attempt; %d links of this benchmark were cut off at %s s',
            plain(l.duration_s), n_cut, plain(least))
    END AS says
FROM links AS l JOIN limits USING (campaign, benchmark)
WHERE (l.status = 'timeout' AND l.limit_s > least)
    OR (l.status = 'ok' AND l.attempts = 1 AND l.duration_s > 1.05 * least
        AND coalesce(l.limit_s > least, true) AND l.benchmark NOT LIKE '%parallel%')
