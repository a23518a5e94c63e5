-- Links: what happened on each link of each record.
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target.
-- Columns: as in the schema LINKS; times in UTC, *_s in seconds, *_mtu in bytes; and
--   own_s            of duration_s: not shared with a link of the same cell that began earlier, so
--                    that links measured side by side add up to the cell's time
--   own_measuring_s  the same of measuring_s
WITH cell_times AS (
    SELECT
        *,
        max(epoch(started) + duration_s) OVER (
            PARTITION BY campaign, round, vpn, tuning, profile, placement, benchmark
            ORDER BY started, source, target
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS earlier_end
    FROM links
),
own AS (
    SELECT
        * EXCLUDE (earlier_end),
        duration_s - least(
            duration_s, greatest(0, coalesce(earlier_end - epoch(started), 0))
        ) AS own_s
    FROM cell_times
)
SELECT *, least(measuring_s, own_s) AS own_measuring_s
FROM own
ORDER BY campaign, round, vpn, tuning, profile, placement, benchmark, source, target;
