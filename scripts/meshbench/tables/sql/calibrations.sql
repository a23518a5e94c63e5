-- Calibrations: when each one was measured and what came of it; what it says of the network is in the
-- table impairment.
-- Grain: campaign, profile, placement, round.
-- Columns:
--   n_links, n_ok      links that were probed, at the same time, and those with status ok
--   status, reason     the worst of the links', and its own reason
--   started            of the first link (UTC)
--   duration_s, measuring_s: of the longest link (s); of duration_s: inside the probing tools
--   marks              distinct, sorted
--   engine, testbed, record: of its record
SELECT
    campaign, profile, placement, round,
    count(*) AS n_links,
    count(*) FILTER (status = 'ok') AS n_ok,
    worst_status(status) AS status,
    worst_reason(status, reason, source || target) AS reason,
    min(started) AS started,
    max(duration_s) AS duration_s,
    max(measuring_s) AS measuring_s,
    list_sort(list_distinct(flatten(list(marks)))) AS marks,
    any_value(engine) AS engine,
    any_value(testbed) AS testbed,
    min(record) AS record
FROM calibration_links
GROUP BY ALL
ORDER BY campaign, profile, placement, round;
