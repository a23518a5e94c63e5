-- What the threads of a VPN had of the CPU over time, on each host.
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, host, stream, t_s.
-- Columns:
--   thread             its name
--   stream             1 is the one with most CPU time in the run; 0 all beyond the third together
--   t_s                since the sampling began (s)
--   share              of a core, since the sample before
--   record             of the cell
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, host, stream, mode AS thread,
    t_s, value AS share, record
FROM samples
WHERE metric = 'thread_cpu' AND t_s IS NOT NULL AND status = 'ok'
ORDER BY ALL;
