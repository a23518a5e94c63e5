-- title: A tunnel faster than the bare link
-- sentence: A system does better than the bare link of the same cell by more than 5 %, which a tunnel over that link cannot; something other than the tunnel differs.
-- severity: error
WITH headline AS (
    SELECT whole.*, better
    FROM whole JOIN metrics USING (metric)
    WHERE status = 'ok' AND direction = 'forward'
        AND metric IN ('send_rate', 'udp_goodput', 'quic_goodput', 'copy_time', 'rtt_avg', 'rtt_min')
),
means AS (
    SELECT
        campaign, round, vpn, tuning, profile, benchmark, mode, metric, unit, better,
        avg(value) AS mean, count(*) AS n, sum(value) AS total, min(value) AS least, max(value) AS most
    FROM headline GROUP BY ALL
),
pairs AS (
    SELECT
        v.*, b.mean AS bare, b.n AS bare_n, b.least AS bare_least,
        v.benchmark LIKE '%parallel%' AS summed,
        CASE WHEN summed THEN v.total ELSE v.mean END AS mine,
        CASE WHEN summed THEN b.total ELSE b.mean END AS its
    FROM means AS v JOIN means AS b
        ON v.campaign = b.campaign AND v.round = b.round AND v.tuning = b.tuning
        AND v.profile = b.profile AND v.benchmark = b.benchmark AND v.metric = b.metric
        AND v.mode IS NOT DISTINCT FROM b.mode
    WHERE b.vpn = 'internal' AND v.vpn <> 'internal'
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, metric,
    mine AS value, its AS reference,
    printf('%s %s %s (over %d links) against %s (over %d) of the bare link: %s x; per link %s x',
        CASE WHEN summed THEN 'sum of' ELSE 'mean' END, metric, told(mine, unit), n, told(its, unit), bare_n,
        plain(CASE better WHEN 'higher' THEN mine / its ELSE its / mine END),
        plain(CASE better WHEN 'higher' THEN mean / bare ELSE bare / mean END)) AS says
FROM pairs
-- The smallest RTT of a jittery path is chance: only where no link of the system is above any bare one.
WHERE (better = 'higher' AND mine > 1.05 * its)
    OR (better = 'lower' AND its > 1.05 * mine AND (metric <> 'rtt_min' OR most < bare_least))
