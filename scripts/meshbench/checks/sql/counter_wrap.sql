-- title: A 16-bit counter wrapped
-- sentence: A one-second count of lost packets exceeds half of 65,536 and a hundred times what the stream can have sent in that second: a wrapped sequence number, not loss.
-- severity: error
WITH sent AS (
    SELECT campaign, round, vpn, tuning, profile, benchmark, source, target,
        -- An MPEG transport stream carries 7 x 188 bytes per datagram.
        value / (8 * 1316) AS packets_per_s
    FROM whole WHERE metric = 'encoding_bitrate_max'
)
SELECT
    campaign, round, vpn, tuning, profile, benchmark, source, target, metric,
    value, packets_per_s AS reference,
    printf('%.0f packets dropped in one second, of at most %.0f sent; %s x 65,536',
        value, ceil(packets_per_s), plain(value / 65536)) AS says
FROM whole JOIN sent USING (campaign, round, vpn, tuning, profile, benchmark, source, target)
WHERE metric = 'rist_packets_dropped_max' AND value >= 32768 AND value > 100 * packets_per_s
