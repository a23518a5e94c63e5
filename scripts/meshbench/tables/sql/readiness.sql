-- Readiness: how long a VPN that was started took until it passed traffic.
-- Grain: campaign, round, vpn, placement, source, target, tuning, profile, benchmark; the last three of
-- the cell that started it, which is on an unimpaired network whatever the profile. Where a VPN did not
-- come up in a round, one row per pair of the hosts of its cells, with those three null.
-- Columns:
--   ready_s            from starting the VPN to the pair's first reply (s); pairs are tried in turn
--   direct_s           until its daemon was first seen to say 'direct' (s); null: it never did
--   status, reason     of ready_s
--   record             of the cell that started it; of a VPN that did not come up, the first one
WITH starts AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        max(value) FILTER (metric = 'ready_time') AS ready_s,
        max(value) FILTER (metric = 'direct_time') AS direct_s,
        min(status) FILTER (metric = 'ready_time') AS status,
        min(reason) FILTER (metric = 'ready_time') AS reason,
        min(record) AS record
    FROM samples
    WHERE metric IN ('ready_time', 'direct_time')
    GROUP BY ALL
),
-- A silent pair of a start that other pairs were ready in is a fact of that start.
came_up AS (
    SELECT DISTINCT campaign, round, vpn, tuning, profile, placement, benchmark
    FROM starts WHERE ready_s IS NOT NULL
),
never AS (
    SELECT
        campaign, round, vpn, NULL AS tuning, NULL AS profile, placement, NULL AS benchmark,
        source, target, NULL::DOUBLE AS ready_s, NULL::DOUBLE AS direct_s,
        min(status) AS status, min(reason) AS reason, min(record) AS record
    FROM starts
    ANTI JOIN came_up USING (campaign, round, vpn, placement)
    GROUP BY ALL
)
SELECT starts.*
FROM starts
SEMI JOIN came_up USING (campaign, round, vpn, tuning, profile, placement, benchmark)
UNION ALL BY NAME
SELECT * FROM never
ORDER BY campaign, round, vpn, source, target, benchmark, profile;
