-- Overhead: where the time of a suite went, by system and profile.
-- Grain: campaign, round, vpn, tuning, profile.
-- Columns, all in seconds; null where nothing says:
--   tests_s            sum over the tests' durations; links measured at the same time count once
--   installation_s     of the system on all hosts, in its latest installation
--   restart_s          restarting it before tests
--   wait_s             from a restart until every host reached every other
--   stabilisation_s    waiting after the impairment was applied
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
    SELECT campaign, round, vpn, tuning, profile, sum(duration_s) AS tests_s FROM tests GROUP BY ALL
),
other AS (
    SELECT
        campaign, round, vpn, tuning, profile,
        sum(value) FILTER (metric = 'installation_time') AS installation_s,
        sum(value) FILTER (metric = 'restart_time') AS restart_s,
        sum(value) FILTER (metric = 'connectivity_wait') AS wait_s,
        sum(value) FILTER (metric = 'stabilisation_time') AS stabilisation_s
    FROM samples
    WHERE t_s IS NULL AND stream IS NULL
    GROUP BY ALL
),
circumstances AS (
    SELECT campaign, any_value(engine) AS engine, bool_or(shared_cpu) AS shared_cpu
    FROM links GROUP BY ALL
)
SELECT * FROM tested
JOIN other USING (campaign, round, vpn, tuning, profile)
JOIN circumstances USING (campaign)
ORDER BY campaign, round, vpn, tuning, profile;
