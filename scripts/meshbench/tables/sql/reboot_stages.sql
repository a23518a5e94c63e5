-- Reboot stages: when each stage of each reboot was reached on each pair that has the host at an end.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, host, reboot.
-- Times are in s since the host was asked to reboot, by the controller's clock.
-- Columns:
--   host, reboot       which host was rebooted, and for which time (from 1)
--   gone_s             its last reply beside the VPN to any peer
--   started_s          its boot began
--   underlay_s         the pair's first reply beside the VPN after that
--   unit_s             the last of the VPN's units there was active; null: it has none, or one was not
--   first_s, stable_s  the pair's first reply through the VPN, and the first of ten in a row; null: not
--                      within the limit
--   clock_error_s      how far the times that the host itself told (started_s, unit_s) may be off
--   status, reason     of stable_s
--   limit_s, marks, engine, shared_cpu, record: of the link
WITH pairs AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        CASE mode WHEN 'source' THEN source ELSE target END AS host, stream AS reboot,
        max(value) FILTER (metric = 'host_wait') AS wait_s,
        max(value) FILTER (metric = 'reboot_first_packet') AS first_s,
        max(value) FILTER (metric = 'reboot_stable') AS stable_s,
        worst_status(status) AS status,
        any_value(reason) FILTER (status <> 'ok') AS reason
    FROM samples
    WHERE mode IN ('source', 'target') AND stream IS NOT NULL AND source <> '*'
        AND metric IN ('host_wait', 'reboot_first_packet', 'reboot_stable')
    GROUP BY ALL
),
boots AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, host, stream AS reboot,
        max(value) FILTER (metric = 'reboot_gone') AS gone_s,
        max(value) FILTER (metric = 'reboot_started') AS started_s,
        max(value) FILTER (metric = 'reboot_unit') AS unit_s,
        max(value) FILTER (metric = 'reboot_clock_error') AS clock_error_s
    FROM samples
    WHERE host IS NOT NULL AND stream IS NOT NULL AND metric IN
        ('reboot_gone', 'reboot_started', 'reboot_unit', 'reboot_clock_error')
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, host, reboot,
    gone_s, started_s, started_s + wait_s AS underlay_s, unit_s, first_s, stable_s, clock_error_s,
    pairs.status, pairs.reason, limit_s, marks, engine, shared_cpu, links.record
FROM pairs
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
LEFT JOIN boots
    USING (campaign, round, vpn, tuning, profile, placement, benchmark, host, reboot)
ORDER BY ALL;
