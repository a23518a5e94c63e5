-- What the units of both ends of a link logged, in the order of the times; of a silent end one row.
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    host, t_s, unit, priority, message, until_s, clock_error_s, reason
FROM events
ORDER BY ALL;
