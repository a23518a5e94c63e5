-- Links: what happened on each link of each record.
-- needs: impairment, brackets
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target.
-- Columns: as in the schema LINKS; times in UTC, *_s in seconds, *_mtu in bytes; and
--   marks            of the record, and whether the calibration of the same profile and round says
--                    that the network itself was not as it should be; and, of links measured between
--                    the bare link's measurements around the round, whether these moved
--   own_s            of duration_s: not shared with a link of the same cell that began earlier, so
--                    that links measured side by side add up to the cell's time
--   own_measuring_s  the same of measuring_s
WITH calibrated AS (
    SELECT campaign, profile, placement, round, bool_or(verdict = 'outside') AS outside
    FROM impairment
    GROUP BY ALL
),
moving AS (
    SELECT campaign, profile, placement, round, before_end, after_start
    FROM brackets
    GROUP BY ALL
    HAVING bool_or(moved)
),
cell_times AS (
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
SELECT
    own.* REPLACE (
        marks
        || CASE
            WHEN outside THEN ['the network without a VPN was outside its tolerance'] ELSE []
        END
        || CASE
            WHEN started >= before_end AND started <= after_start
                THEN ['the bare link changed by more than a fifth within the round']
            ELSE []
        END AS marks
    ),
    least(measuring_s, own_s) AS own_measuring_s
FROM own
LEFT JOIN calibrated USING (campaign, profile, placement, round)
LEFT JOIN moving USING (campaign, profile, placement, round)
ORDER BY campaign, round, vpn, tuning, profile, placement, benchmark, source, target;
