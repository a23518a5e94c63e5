-- Runs: the values of single runs of a test that repeats itself within one cell.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, direction, metric,
-- run. Of published pings a run is a rank (0: the smallest), separately for each metric.
-- Columns:
--   value, unit        as registered for the metric; null unless status is ok
--   status, reason, engine, shared_cpu, marks, record: of the link
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    direction, metric, unit, stream AS run,
    CASE WHEN links.status = 'ok' THEN value END AS value,
    links.status, links.reason, engine, shared_cpu, marks, samples.record
FROM samples
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE stream IS NOT NULL AND t_s IS NULL AND benchmark IN ('ping', 'nix_cache')
ORDER BY ALL;
