-- title: Scaling beyond what the counting rule allows
-- sentence: The sum over simultaneous links exceeds the single-link rate by more than counting can explain: half the number of links where both directions share the links, the number of links at most.
-- severity: warning
WITH single AS (
    SELECT campaign, round, vpn, tuning, profile, mode, regexp_extract(benchmark, '@.*$') AS variant,
        avg(value) AS one
    FROM whole
    WHERE (benchmark = 'tcp' OR starts_with(benchmark, 'tcp@')) AND metric = 'send_rate' AND direction = 'forward' AND status = 'ok'
    GROUP BY ALL
),
together AS (
    SELECT campaign, round, vpn, tuning, profile, mode, benchmark,
        regexp_extract(benchmark, '@.*$') AS variant, sum(value) AS total, count(*) AS n
    FROM whole
    WHERE benchmark LIKE 'tcp_parallel%' AND metric = 'send_rate' AND direction = 'forward' AND status = 'ok'
    GROUP BY ALL
),
factors AS (
    SELECT *, total / one AS factor, CASE WHEN mode = 'bidir' THEN n / 2.0 ELSE n END AS allowed
    FROM single JOIN together USING (campaign, round, vpn, tuning, profile, mode, variant)
),
bare AS (
    SELECT campaign, round, tuning, profile, mode, variant, factor AS bare_factor
    FROM factors WHERE vpn = 'internal'
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark,
    factor AS value, allowed AS reference,
    printf('%s x = %s / %s; counting allows %s x where one stream fills the link, %d x at most. So a single stream did not fill what the link can carry, or the two tests met different conditions',
        plain(factor), mbit(total), mbit(one), plain(allowed), n) AS says
FROM factors LEFT JOIN bare USING (campaign, round, tuning, profile, mode, variant)
WHERE factor > 1.03 * n
    OR (factor > 1.05 * allowed AND bare_factor <= 1.05 * allowed AND vpn <> 'internal')
