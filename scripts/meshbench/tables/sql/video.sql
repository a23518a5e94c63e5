-- Video: what a RIST receiver said of each second of the stream, forward direction.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, t_s.
-- Columns:
--   mode               the packet size; null for the first one
--   t_s                since the first second with a stream (s)
--   quality            share of packets not missing before recovery
--   quality_recovered  share of the packets due that were handed on; null where librist's count went around its ring
--   packets_dropped    given up; null as above
--   packets_recovered  repaired
--   retries            repetitions asked for
--   rtt_ms             as librist estimates it (ms)
--   bitrate_bps        received (bit/s)
--   status             of the link
--   engine, shared_cpu, record: of the link
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, t_s,
    max(value) FILTER (metric = 'rist_quality') AS quality,
    max(value) FILTER (metric = 'rist_quality_recovered') AS quality_recovered,
    max(value) FILTER (metric = 'rist_packets_dropped') AS packets_dropped,
    max(value) FILTER (metric = 'rist_packets_recovered') AS packets_recovered,
    max(value) FILTER (metric = 'rist_retries') AS retries,
    max(value) FILTER (metric = 'rist_rtt') AS rtt_ms,
    max(value) FILTER (metric = 'rist_bitrate') AS bitrate_bps,
    any_value(links.status) AS status, any_value(engine) AS engine,
    any_value(shared_cpu) AS shared_cpu, any_value(links.record) AS record
FROM samples
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE
    t_s IS NOT NULL AND metric IN (
        'rist_quality', 'rist_quality_recovered', 'rist_packets_dropped',
        'rist_packets_recovered', 'rist_retries', 'rist_rtt', 'rist_bitrate'
    )
GROUP BY ALL
ORDER BY ALL;
