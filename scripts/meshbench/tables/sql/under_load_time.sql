-- Under load over time: single RTTs inside and beside the tunnel, and what the load carried, on one axis.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, phase, what,
-- direction, t_s.
-- Columns:
--   phase                  'idle', or the load's way: 'up' (the source sends), 'down', 'both'
--   what                   'inside' or 'beside' the tunnel (an RTT), or 'load'
--   direction              of the load; RTTs have 'forward'
--   counts                 whether it is of the phase: not while its load settles, nor after the load's end
--   t_s                    on the source's clock, since the first request (s): when a request was sent;
--                          of the load when the interval began, late by its set-up of a few round trips
--   rtt_ms                 (ms)
--   goodput_bps            at the receiver, all streams together (bit/s)
--   status, engine, shared_cpu, record: of the link
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    split_part(mode, ' ', 1) AS phase,
    CASE WHEN metric = 'goodput' THEN 'load' ELSE split_part(mode, ' ', 2) END AS what,
    direction,
    NOT ends_with(mode, ' apart') AS counts,
    t_s,
    CASE WHEN metric = 'rtt' THEN value END AS rtt_ms,
    CASE WHEN metric = 'goodput' THEN value END AS goodput_bps,
    links.status, engine, shared_cpu, links.record
FROM samples
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE
    samples.kind = 'latency_under_load' AND t_s IS NOT NULL AND mode IS NOT NULL
    AND metric IN ('rtt', 'goodput') AND value IS NOT NULL
ORDER BY ALL;
