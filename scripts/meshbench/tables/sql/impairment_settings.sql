-- Impairment settings: what a campaign's own records say was configured on each host.
-- Grain: campaign, profile. Where files disagree, the largest is given and n_values says how many.
-- Columns:
--   delay_ms, jitter_ms, loss, reorder, reorder_correlation: per host (ms; shares 0..1)
--   delay_stated_ms    the unlabelled number of the file, where it is the sum of both ends (ms)
--   n_values           different configured delays
--   rate_bps, queue_ms   of the bottleneck, the slowest and its queue in time; null: there is none
--   engine, shared_cpu: of the links
SELECT
    campaign, profile,
    max(value) FILTER (metric IN ('netem_delay', 'nominal_delay')) AS delay_ms,
    max(value) FILTER (metric IN ('netem_jitter', 'nominal_jitter')) AS jitter_ms,
    max(value) FILTER (metric IN ('netem_loss', 'nominal_loss')) AS loss,
    max(value) FILTER (metric IN ('netem_reorder', 'nominal_reorder')) AS reorder,
    max(value) FILTER (metric = 'netem_reorder_correlation') AS reorder_correlation,
    max(value) FILTER (metric = 'netem_delay_stated') AS delay_stated_ms,
    count(DISTINCT value) FILTER (metric IN ('netem_delay', 'nominal_delay')) AS n_values,
    min(value) FILTER (metric = 'nominal_rate') AS rate_bps,
    max(value) FILTER (metric = 'nominal_queue') AS queue_ms,
    any_value(engine) AS engine, any_value(shared_cpu) AS shared_cpu
FROM (
    SELECT * FROM samples WHERE benchmark = 'netem'
    UNION ALL BY NAME FROM calibration_samples
)
JOIN (FROM links UNION ALL BY NAME FROM calibration_links)
    USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
GROUP BY ALL
ORDER BY campaign, profile;
