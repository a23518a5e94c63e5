-- title: Put together from several sessions
-- sentence: What is presented as one round was measured on several days, or by several versions of the code.
-- severity: warning
WITH days AS (
    SELECT
        campaign, round, tuning,
        min(started) AS first, max(started) AS last,
        count(DISTINCT date_trunc('day', started)) AS n_days,
        count(DISTINCT vpn) AS n_vpns
    FROM links WHERE started IS NOT NULL GROUP BY ALL
),
within_vpn AS (
    SELECT campaign, round, vpn, tuning, min(started) AS first, max(started) AS last
    FROM links WHERE started IS NOT NULL GROUP BY ALL
),
versions AS (
    SELECT campaign, round, tuning, count(DISTINCT code_version) AS n, string_agg(DISTINCT code_version, ', ') AS which
    FROM links WHERE code_version IS NOT NULL GROUP BY ALL
),
first_phase AS (
    SELECT
        campaign, round, tuning, benchmark,
        string_agg(DISTINCT vpn, ', ' ORDER BY vpn) FILTER (metric = 'host_wait') AS without,
        string_agg(DISTINCT vpn, ', ' ORDER BY vpn) FILTER (metric = 'first_phase_wait') AS through
    FROM whole GROUP BY ALL
)
SELECT
    campaign, round, NULL AS vpn, tuning, NULL AS benchmark,
    epoch(last - first) / 86400 AS value, 1.0 AS reference,
    printf('one round of %d systems, measured on %d days from %s to %s', n_vpns, n_days,
        strftime(first, '%Y-%m-%d %H:%M'), strftime(last, '%Y-%m-%d %H:%M')) AS says
FROM days WHERE last - first > INTERVAL 36 HOUR
UNION ALL BY NAME
SELECT
    campaign, round, vpn, tuning, epoch(last - first) / 86400 AS value, 1.0 AS reference,
    printf('parts of this system were measured %s days apart, from %s to %s', plain(value),
        strftime(first, '%Y-%m-%d %H:%M'), strftime(last, '%Y-%m-%d %H:%M')) AS says
FROM within_vpn WHERE last - first > INTERVAL 24 HOUR
UNION ALL BY NAME
SELECT campaign, round, tuning, n AS value, 1.0 AS reference, printf('code versions %s', which) AS says
FROM versions WHERE n > 1
UNION ALL BY NAME
SELECT
    campaign, round, tuning, benchmark,
    printf('two methods in one round: the first phase avoids the VPN for %s, and goes through it for %s',
        without, through) AS says
FROM first_phase WHERE without IS NOT NULL AND through IS NOT NULL
