-- Under load: RTT, loss and delay added by load of each link, inside and beside the tunnel, phase by phase.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, phase, what.
-- A link that gave no value has a row per phase of the tunnel all the same.
-- Columns:
--   phase                  'idle', or the load's way: 'up' (the source sends), 'down', 'both'
--   what                   'inside' or 'beside' the tunnel
--   n_sent, n_received     echo requests that count, and replies to them (count)
--   loss                   share of them without a reply (0..1); null of an outage
--   rtt_p50_ms, rtt_p95_ms, rtt_p99_ms, rtt_max_ms: of the phase's requests (ms)
--   added_p50_ms, added_p95_ms, added_p99_ms: these less the idle median of the same path (ms)
--   rpm                    round trips per minute (draft-ietf-ippm-responsiveness, of ICMP echo)
--   goodput_forward_bps, goodput_reverse_bps: of the phase's load (bit/s)
--   status, reason         of the responsiveness; values are null unless theirs is ok
--   marks, engine, shared_cpu, record: of the link
WITH named AS (
    SELECT
        *, split_part(mode, ' ', 1) AS phase,
        CASE WHEN metric = 'goodput' THEN '' ELSE split_part(mode, ' ', 2) END AS what
    FROM samples
    WHERE kind = 'latency_under_load' AND t_s IS NULL AND mode IS NOT NULL
),
probes AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target, phase, what,
        max(value) FILTER (metric = 'ping_sent') AS n_sent,
        max(value) FILTER (metric = 'ping_received') AS n_received,
        max(value) FILTER (metric = 'ping_loss' AND status = 'ok') AS loss,
        max(value) FILTER (metric = 'rtt_p50' AND status = 'ok') AS rtt_p50_ms,
        max(value) FILTER (metric = 'rtt_p95' AND status = 'ok') AS rtt_p95_ms,
        max(value) FILTER (metric = 'rtt_p99' AND status = 'ok') AS rtt_p99_ms,
        max(value) FILTER (metric = 'rtt_max' AND status = 'ok') AS rtt_max_ms,
        max(value) FILTER (metric = 'added_delay_p50' AND status = 'ok') AS added_p50_ms,
        max(value) FILTER (metric = 'added_delay_p95' AND status = 'ok') AS added_p95_ms,
        max(value) FILTER (metric = 'added_delay_p99' AND status = 'ok') AS added_p99_ms,
        max(value) FILTER (metric = 'round_trips_per_minute' AND status = 'ok') AS rpm,
        any_value(status) FILTER (metric = 'round_trips_per_minute') AS status,
        any_value(reason) FILTER (metric = 'round_trips_per_minute') AS reason
    FROM named
    WHERE what <> ''
    GROUP BY ALL
),
loads AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target, phase,
        max(value) FILTER (direction = 'forward' AND status = 'ok') AS goodput_forward_bps,
        max(value) FILTER (direction = 'reverse' AND status = 'ok') AS goodput_reverse_bps
    FROM named
    WHERE metric = 'goodput'
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, phase, what,
    try_cast(n_sent AS BIGINT) AS n_sent, try_cast(n_received AS BIGINT) AS n_received, loss,
    rtt_p50_ms, rtt_p95_ms, rtt_p99_ms, rtt_max_ms, added_p50_ms, added_p95_ms, added_p99_ms, rpm,
    goodput_forward_bps, goodput_reverse_bps,
    probes.status, probes.reason, marks, engine, shared_cpu, links.record
FROM probes
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
LEFT JOIN loads
    USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target, phase)
WHERE probes.status IS NOT NULL
ORDER BY ALL;
