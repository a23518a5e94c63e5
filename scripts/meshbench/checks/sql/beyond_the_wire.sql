-- title: A sender faster than the wire
-- sentence: A sender counts more than the best rate that any link delivered without impairment, times 1.3: most of it was dropped inside the sending host and says nothing about the path.
-- severity: warning
WITH wire AS (
    SELECT campaign, max(value) AS wire FROM carried GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, metric,
    avg(value) AS value, max(wire) AS reference,
    printf('%s sent on average over %d links and directions; no link ever delivered more than %s',
        mbit(avg(value)), count(*), mbit(max(wire))) AS says
FROM whole JOIN wire USING (campaign)
WHERE metric IN ('udp_send_rate', 'send_rate') AND value > 1.3 * wire
GROUP BY campaign, round, vpn, tuning, profile, benchmark, metric
