-- Nix progress: how much of each copy from a binary cache had come by when.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, timed, copy, t_s.
-- A copy that was cut off, or failed, ends with what had come by then.
-- Columns:
--   timed              whether the copy is one of those that were timed, not a warm-up
--   copy               its number among those, from 0
--   t_s                since the copy's start (s)
--   done_bytes         TCP payload that the client's kernel had received (byte)
--   done_paths         store paths that were whole in the copy's target
--   closure_bytes      of the whole closure's archives (byte); done_bytes ends above it, as it has HTTP's heads
--   status, reason, limit_s, marks, engine, shared_cpu, record: of the link
WITH points AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode IS DISTINCT FROM 'warm_up' AS timed, stream AS copy, t_s,
        max(value) FILTER (metric = 'bytes_done') AS done_bytes,
        max(value) FILTER (metric = 'paths_done') AS done_paths
    FROM samples
    WHERE metric IN ('bytes_done', 'paths_done') AND t_s IS NOT NULL
    GROUP BY ALL
),
closures AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        max(value) AS closure_bytes
    FROM samples
    WHERE metric = 'closure_bytes'
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    timed, copy, t_s, done_bytes, done_paths, closure_bytes,
    links.status, links.reason, limit_s, marks, engine, shared_cpu, links.record
FROM points
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
LEFT JOIN closures USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
ORDER BY ALL;
