-- title: A count of attempts that does not fit the time
-- sentence: A test that was cut off at its limit took less time than the attempts it claims, so the attempts were not counted.
-- severity: warning
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target,
    attempts AS value, floor(duration_s / limit_s) AS reference,
    printf('%d attempts of %s s each are recorded, in %s s altogether', attempts, plain(limit_s), plain(duration_s)) AS says
FROM links
WHERE status = 'timeout' AND attempts > 1 AND duration_s < (attempts - 1) * limit_s
