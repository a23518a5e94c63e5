-- title: The tool failed, not the VPN
-- sentence: Links have no value because the measuring tool broke; that says nothing about the system, and which links remain is chance.
-- severity: warning
SELECT
    campaign, round, vpn, tuning, profile, benchmark,
    count(*) AS value, n_of AS reference,
    printf('%d of %d links: %s', count(*), n_of,
        string_agg(DISTINCT reason, '; ' ORDER BY reason)) AS says
FROM links
JOIN cells USING (campaign, round, vpn, tuning, profile, benchmark)
WHERE status = 'tool_failed'
GROUP BY campaign, round, vpn, tuning, profile, benchmark, n_of
