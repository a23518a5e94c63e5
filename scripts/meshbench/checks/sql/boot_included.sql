-- title: A connection time that includes another host's boot
-- sentence: More than half of the time until a peer answered through the VPN was spent before the VPN was even asked, waiting for the peers' hosts.
-- severity: error
WITH waits AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, source,
        max(value) FILTER (metric IN ('host_wait', 'first_phase_wait')) AS wait,
        count(*) FILTER (metric = 'first_phase_wait') > 0 AS through
    -- Hosts are up when a VPN is set up for the first time: there is no boot to wait for.
    FROM whole
    -- Our own reboots tell each stage apart, and no other host boots meanwhile.
    ANTI JOIN (SELECT DISTINCT campaign, benchmark FROM whole WHERE metric = 'reboot_first_packet')
        USING (campaign, benchmark)
    WHERE benchmark <> 'bootstrap' GROUP BY ALL
),
times AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, source, min(value) AS took
    FROM whole WHERE metric = 'connect_time' GROUP BY ALL
),
joined AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark,
        avg(took) AS took, avg(wait) AS wait, count(*) AS n, bool_or(through) AS through,
        -- A host that answered the first request was not booting.
        count(*) FILTER (wait >= 0.5 * took AND wait >= 1) AS n_half
    FROM times JOIN waits USING (campaign, round, vpn, tuning, profile, benchmark, source)
    WHERE wait IS NOT NULL GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, 'connect_time' AS metric,
    took AS value, wait AS reference,
    printf('%s s on average, of which %s s before the VPN was asked, on %d of %d hosts more than half%s',
        plain(took), plain(wait), n_half, n,
        CASE WHEN through THEN '; the VPN''s own share cannot be told, as that wait went through it too'
            ELSE printf('; the VPN added %s s', plain(took - wait)) END) AS says
FROM joined WHERE n_half > 0
