-- title: Dead stream counted as success
-- sentence: A link is counted as success although one of its streams delivered nothing, or less than a fiftieth of what another link of the same cell delivered.
-- severity: error
WITH rates AS (
    SELECT
        *,
        max(value) OVER (
            PARTITION BY campaign, round, vpn, tuning, profile, benchmark, mode, direction, metric
        ) AS best
    FROM carried
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, metric, value,
    best AS reference,
    printf('%s of the %s stream counts as success with %s; the best link of the cell has %s',
        metric, direction, mbit(value), mbit(best)) AS says
FROM rates
WHERE value = 0 OR value < best / 50
