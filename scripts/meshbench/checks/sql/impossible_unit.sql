-- title: Units that cannot be
-- sentence: A number contradicts its unit: a share outside 0 to 1, a rate and RTT that need a window many times the one there was, or a stated delay whose double is not what the RTT gained.
-- severity: error
WITH shares AS (
    SELECT * FROM samples
    WHERE value IS NOT NULL AND (value < 0 OR value > 1.000001)
        AND metric IN ('ping_loss', 'udp_loss', 'retransmit_rate', 'rist_quality', 'netem_loss', 'netem_reorder')
),
looks AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, source, target, coalesce(mode, '') AS mode, direction,
        count(*) AS n
    FROM samples WHERE metric = 'cwnd' AND t_s IS NOT NULL GROUP BY ALL
),
-- A window that was looked at only a few times may have been any size in between.
windows AS (
    SELECT s.campaign, s.round, s.vpn, s.tuning, s.profile, s.benchmark, s.source, s.target,
        s.value AS rate, r.value AS rtt_ms, c.value AS window_bytes,
        s.value / 8 * r.value / 1000 AS needed
    FROM whole AS s
    JOIN whole AS r USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction)
    JOIN whole AS c USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction)
    LEFT JOIN looks USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction)
    WHERE coalesce(looks.n, 5) >= 5 AND s.metric = 'send_rate' AND r.metric = 'tcp_rtt_mean' AND c.metric = 'cwnd_max'
        AND s.direction = 'forward'
),
rtts AS (
    SELECT campaign, round, tuning, profile, avg(value) AS rtt_ms
    FROM whole WHERE metric = 'rtt_avg' AND vpn = 'internal' AND status = 'ok' GROUP BY ALL
),
stated AS (
    SELECT campaign, profile, max(value) AS stated_ms
    FROM whole WHERE metric = 'netem_delay_stated' GROUP BY ALL
),
gained AS (
    SELECT r.campaign, r.round, r.tuning, r.profile, stated_ms, r.rtt_ms - b.rtt_ms AS gained_ms
    FROM rtts AS r JOIN rtts AS b USING (campaign, round, tuning)
    JOIN stated ON stated.campaign = r.campaign AND stated.profile = r.profile
    WHERE b.profile = 'baseline' AND stated_ms > 0
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, metric, value, 1.0 AS reference,
    printf('%s is %s, and is a share', metric, plain(value)) AS says
FROM shares
UNION ALL BY NAME
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, 'tcp_rtt_mean' AS metric,
    needed AS value, window_bytes AS reference,
    printf('%s at an RTT of %s ms would need %s kB in flight; the largest window was %s kB',
        mbit(rate), plain(rtt_ms), plain(needed / 1000), plain(window_bytes / 1000)) AS says
FROM windows WHERE needed > 20 * window_bytes
UNION ALL BY NAME
SELECT
    campaign, round, 'internal' AS vpn, tuning, profile, 'netem_delay_stated' AS metric,
    stated_ms AS value, gained_ms AS reference,
    printf('the file states %s ms of delay; two hosts that each add it give %s ms, and the RTT gained %s ms: the number is the sum of both ends',
        plain(stated_ms), plain(2 * stated_ms), plain(gained_ms)) AS says
FROM gained WHERE gained_ms < 0.75 * 2 * stated_ms
