-- title: More received than sent
-- sentence: A whole run delivered over 2 % more than its sender counts, in the same direction, which cannot be.
-- severity: error
SELECT
    r.campaign, r.round, r.vpn, r.tuning, r.profile, r.benchmark, r.source, r.target, r.metric,
    r.value, s.value AS reference,
    printf('%s received, %s sent (%s)', mbit(r.value), mbit(s.value), r.direction) AS says
FROM whole AS r
JOIN whole AS s USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode, direction)
LEFT JOIN (SELECT * FROM whole WHERE metric = 'omitted') AS o
    USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode)
LEFT JOIN (SELECT * FROM whole WHERE metric = 'test_duration') AS d
    USING (campaign, round, vpn, tuning, profile, benchmark, source, target, mode)
WHERE ((r.metric = 'goodput' AND s.metric = 'send_rate') OR (r.metric = 'udp_goodput' AND s.metric = 'udp_send_rate'))
    AND r.value > 1.02 * s.value
    -- What a sender has buffered before it is counted, tcp_wmem's 4 MiB at the most, arrives while it is.
    AND (o.value IS NULL OR (r.value - s.value) * d.value / 8 > 4194304)
