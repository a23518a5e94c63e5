-- Links: what happened on each link of each record.
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target.
-- Columns: as in the schema LINKS; times in UTC, *_s in seconds, tunnel_mtu and path_mtu in bytes.
SELECT *
FROM links
ORDER BY campaign, round, vpn, tuning, profile, placement, benchmark, source, target;
