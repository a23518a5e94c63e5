-- title: A constant count that is a reading artefact
-- sentence: A count of events is never zero and nearly the same for every system under every profile, so it counts the reading, not what was measured.
-- severity: warning
SELECT
    campaign, benchmark, metric,
    avg(value) AS value, max(value) - min(value) AS reference,
    printf('%s to %s on all %d links of %d systems under %d profiles', plain(min(value)), plain(max(value)),
        count(*), count(DISTINCT vpn), count(DISTINCT profile)) AS says
FROM whole JOIN metrics USING (metric, unit)
WHERE unit = '1' AND better IN ('lower', 'higher') AND status = 'ok'
    AND metric NOT SIMILAR TO '.*_(min|p25|p50|p75|max)'
    -- What arrived of a chosen number is bound by it.
    AND replace(metric, '_received', '_sent') NOT IN (SELECT sent.metric FROM metrics AS sent WHERE sent.metric <> whole.metric)
GROUP BY campaign, benchmark, metric
HAVING count(*) >= 12 AND count(DISTINCT vpn) >= 3 AND count(DISTINCT profile) >= 2
    AND min(value) >= 5 AND max(value) - min(value) BETWEEN 1e-9 AND 0.25 * avg(value)
    AND max(abs(value - round(value))) < 1e-9
