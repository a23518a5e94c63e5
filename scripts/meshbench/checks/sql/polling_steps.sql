-- title: Times in steps of the polling
-- sentence: Most values lie within 0.1 s of a whole second where chance puts one in five, so they count polls and differences below a step mean nothing.
-- severity: warning
SELECT
    campaign, benchmark, metric,
    count(*) FILTER (abs(value - round(value)) <= 0.1) / count(*) AS value, 0.2 AS reference,
    printf('%d of %d values lie within 0.1 s of a whole second',
        count(*) FILTER (abs(value - round(value)) <= 0.1), count(*)) AS says
FROM whole
WHERE unit = 's' AND abs(value) > 0.5 AND status = 'ok' AND metric <> 'test_duration'
GROUP BY campaign, benchmark, metric
-- Around one or two numbers it is a time that was chosen, such as a sleep, or that a boot takes.
HAVING count(*) >= 16 AND count(DISTINCT value) > 3
    AND count(DISTINCT round(value)) FILTER (abs(value - round(value)) <= 0.1) > 2
    AND count(*) FILTER (abs(value - round(value)) <= 0.1) >= 0.6 * count(*)
