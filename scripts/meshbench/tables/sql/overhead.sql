-- Overhead: where the time of a suite went, by system and profile.
-- Grain: campaign, round, vpn, tuning, profile.
-- Columns, all in seconds; null where nothing says:
--   tests_s            in the benchmarks; of imported data the sum over the tests' durations, where
--                      links measured at the same time count once
--   installation_s     of the system on all hosts, in its latest installation; imported
--   restart_s          making the system the only one that is up, without wait_s; imported: restarting
--                      it before tests
--   wait_s             from a restart until every host reached every other
--   stabilisation_s    waiting after the impairment was applied; imported
--   tools_s            of tests_s: inside measuring tools
--   preparing_s        impairing the network, starting and ending servers and collectors
--   evidence_s         asking the hosts around the cells for their state, settings, tools and paths
--   opening_s          connecting, bringing a lab up, waiting for the lease
--   workflow_s         between the run's jobs on the testbed: Snakemake
--   engine, shared_cpu: of the links
WITH tests AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, max(duration_s) AS duration_s
    FROM links
    WHERE source <> '*'
    GROUP BY
        campaign, round, vpn, tuning, profile, benchmark,
        CASE WHEN benchmark LIKE '%parallel%' THEN '' ELSE source || '>' || target END
),
tested AS (
    SELECT
        campaign, round, vpn, tuning, profile,
        sum(duration_s) AS tests_s,
        count(DISTINCT benchmark) AS n_cells
    FROM tests
    GROUP BY ALL
),
other AS (
    SELECT
        campaign, round, vpn, tuning, profile,
        sum(value) FILTER (metric = 'installation_time') AS installation_s,
        sum(value) FILTER (metric = 'restart_time') AS restart_s,
        sum(value) FILTER (metric = 'connectivity_wait') AS wait_s,
        sum(value) FILTER (metric = 'stabilisation_time') AS stabilisation_s,
        count(value) FILTER (metric = 'benchmark_time') AS n_told,
        sum(value) FILTER (metric = 'benchmark_time') AS benchmark_s,
        sum(value) FILTER (metric = 'vpn_time') AS vpn_s,
        sum(value) FILTER (metric = 'tools_time') AS tools_s,
        sum(value) FILTER (metric = 'preparing_time') AS preparing_s,
        sum(value) FILTER (metric = 'evidence_time') AS evidence_s,
        sum(value) FILTER (metric = 'opening_time') AS opening_s,
        sum(value) FILTER (metric = 'workflow_time') AS workflow_s
    FROM samples
    WHERE t_s IS NULL AND stream IS NULL
    GROUP BY ALL
),
-- A cell that started the system waited for its slowest pair.
started AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, max(value) AS ready_s
    FROM samples
    WHERE metric = 'ready_time' AND t_s IS NULL
    GROUP BY ALL
),
waited AS (
    SELECT campaign, round, vpn, tuning, profile, sum(ready_s) AS ready_s
    FROM started
    GROUP BY ALL
),
circumstances AS (
    SELECT campaign, any_value(engine) AS engine, bool_or(shared_cpu) AS shared_cpu
    FROM links GROUP BY ALL
),
-- Sums of cells of which only some say where their time went would be too small.
whole AS (
    SELECT *, n_told = n_cells AS told, coalesce(ready_s, 0) AS waited_s
    FROM tested
    JOIN other USING (campaign, round, vpn, tuning, profile)
    LEFT JOIN waited USING (campaign, round, vpn, tuning, profile)
)
SELECT
    campaign, round, vpn, tuning, profile,
    CASE WHEN told THEN benchmark_s ELSE tests_s END AS tests_s,
    installation_s,
    CASE WHEN told THEN greatest(0, vpn_s - waited_s) ELSE restart_s END AS restart_s,
    CASE WHEN told THEN waited_s ELSE wait_s END AS wait_s,
    stabilisation_s,
    CASE WHEN told THEN tools_s END AS tools_s,
    CASE WHEN told THEN preparing_s END AS preparing_s,
    CASE WHEN told THEN evidence_s END AS evidence_s,
    CASE WHEN told THEN opening_s END AS opening_s,
    CASE WHEN told THEN workflow_s END AS workflow_s,
    engine, shared_cpu
FROM whole
JOIN circumstances USING (campaign)
ORDER BY campaign, round, vpn, tuning, profile;
