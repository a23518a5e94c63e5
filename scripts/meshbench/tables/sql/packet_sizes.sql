-- Packet sizes: what became of echo requests in packets of each size, in each direction of a link.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, direction,
-- size_bytes. A direction that is not ok has one row, without a size.
-- Columns:
--   listed               whether the size is one of the benchmark's option, not one of its search
--   tunnel_mtu           of the sending host's interface towards the peer (byte)
--   largest_whole        the largest size that passed with DF set (byte)
--   fate                 with DF set: 'whole', 'icmp' or 'local' (refused as too large by the path, by
--                        the sending host's own kernel), 'silent' (lost without a word)
--   mtu_named            what the path's refusal names (byte)
--   fragments            whether the size passed without DF; null where that was not tried
--   status, reason       of the link's largest size
--   marks, engine, shared_cpu, record: of the link
WITH singles AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target, direction,
        stream AS size_bytes,
        bool_or(mode = 'whole') AS listed,
        max(value) FILTER (metric = 'packet_passed' AND mode IN ('whole', 'search')) AS whole,
        max(value) FILTER (metric = 'packet_passed' AND mode = 'any') AS fragments,
        max(value) FILTER (metric = 'mtu_named' AND mode = 'icmp') AS mtu_named,
        bool_or(metric = 'packet_refused' AND mode = 'icmp') AS by_path,
        bool_or(metric = 'packet_refused' AND mode = 'local') AS by_kernel
    FROM samples
    WHERE
        metric IN ('packet_passed', 'packet_refused', 'mtu_named')
        AND stream IS NOT NULL AND status = 'ok'
    GROUP BY ALL
),
sizes AS (
    SELECT
        * EXCLUDE (whole, fragments, by_path, by_kernel),
        fragments > 0 AS fragments,
        CASE
            WHEN whole > 0 THEN 'whole'
            WHEN by_path THEN 'icmp'
            WHEN by_kernel THEN 'local'
            ELSE 'silent'
        END AS fate
    FROM singles
    WHERE whole IS NOT NULL
),
directions AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target, direction,
        max(value) FILTER (metric = 'tunnel_mtu') AS tunnel_mtu,
        max(value) FILTER (metric = 'largest_whole') AS largest_whole,
        any_value(status) FILTER (metric = 'largest_whole') AS status,
        any_value(reason) FILTER (metric = 'largest_whole') AS reason
    FROM samples
    WHERE metric IN ('tunnel_mtu', 'largest_whole') AND stream IS NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, direction,
    size_bytes, listed, directions.tunnel_mtu, largest_whole, fate, mtu_named, fragments,
    directions.status, directions.reason, marks, engine, shared_cpu, links.record
FROM directions
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
LEFT JOIN sizes
    USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target, direction)
WHERE directions.status IS NOT NULL
ORDER BY ALL;
