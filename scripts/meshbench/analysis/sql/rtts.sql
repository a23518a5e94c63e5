-- Series of single RTTs on an idle link, in the order of their times: of ping, and of idle phases.
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode,
    list(t_s ORDER BY t_s) AS times_s, list(value ORDER BY t_s) AS rtts_ms
FROM samples
WHERE
    metric = 'rtt' AND t_s IS NOT NULL AND value > 0 AND status = 'ok'
    AND (mode IS NULL OR mode IN ('idle inside', 'idle beside'))
GROUP BY ALL
ORDER BY ALL;
