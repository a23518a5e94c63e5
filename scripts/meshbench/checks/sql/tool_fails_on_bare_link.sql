-- title: A test fails without any VPN
-- sentence: A benchmark fails on the bare link itself, so that its failures elsewhere need another explanation than the VPN.
-- severity: warning
SELECT
    campaign, round, vpn, tuning, profile, benchmark,
    n_of - n_ok AS value, n_of AS reference,
    printf('%d of %d links fail without a VPN: %s', n_of - n_ok, n_of, coalesce(reasons, 'no record')) AS says
FROM cells
WHERE vpn = 'internal' AND n_ok < n_of
