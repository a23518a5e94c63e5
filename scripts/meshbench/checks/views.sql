-- What rules and claims share. Sees the views samples, links and metrics (the registry).

-- One row per whole-run value that exists; no intervals, no single streams or runs. No mode is '',
-- so that rows can be joined by it.
CREATE TEMP TABLE whole AS
SELECT * REPLACE (coalesce(mode, '') AS mode)
FROM samples WHERE t_s IS NULL AND stream IS NULL AND value IS NOT NULL;

-- Links that a benchmark has anywhere in a round: what every cell of it should have.
CREATE TEMP VIEW expected AS
SELECT campaign, round, tuning, benchmark, count(DISTINCT (source, target)) AS n_expected
FROM links WHERE source <> '*' GROUP BY ALL;

-- One row per cell that has any link row. n_missing counts links without even a row.
CREATE TEMP VIEW cells AS
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark,
    count(*) FILTER (status = 'ok') AS n_ok,
    any_value(n_expected) AS n_of,
    any_value(n_expected) - count(*) AS n_missing,
    string_agg(
        source || '->' || target || ': ' || coalesce(reason, status), '; ' ORDER BY source, target
    ) FILTER (status <> 'ok') AS reasons
FROM links JOIN expected USING (campaign, round, tuning, benchmark)
WHERE source <> '*'
GROUP BY ALL;

-- What each link carried, whatever the benchmark calls it.
CREATE TEMP VIEW carried AS
SELECT * FROM whole WHERE metric IN ('goodput', 'udp_goodput', 'quic_goodput') AND status = 'ok';
