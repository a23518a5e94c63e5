-- Recoveries: how a pair of hosts came back from one fault on one host.
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, fault, host,
-- repetition. All ordered pairs of hosts, also those that are no links and those that the fault does not
-- touch; none of a fault that could not take place.
-- Columns:
--   fault              'restart', 'kill', 'cut', 'readdress', 'cold'
--   host               that it hit; '*': all, of a cold start
--   repetition         its number, from 1
--   hit                whether the host is one of the pair
--   noticed            whether at least two requests in turn were lost or late
--   first_s            until the first packet (s), from the fault's command on, of a cut from its end on;
--                      0 where nothing was noticed; null: none came in time
--   steady_s           until ten packets in a row (s); the same
--   direct_s           until the path was first seen to be direct (s); null: the daemon does not say so
--   active_s, handshake_s  until the unit was active, and until the daemon's first tunnel (s); of the host
--   outage_s           from the last reply before to the first one after (s)
--   lost               requests without a reply until it was steady
--   censored_s         how long was waited (s) where first_s is null
--   status, reason     of first_s
--   record             of the cell
WITH seen AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        split_part(mode, ' ', 1) AS fault, split_part(mode, ' ', 2) AS hit_host, stream AS repetition,
        max(value) FILTER (metric = 'reconnect_noticed') AS noticed,
        max(value) FILTER (metric = 'reconnect_first') AS first_s,
        max(value) FILTER (metric = 'reconnect_steady') AS steady_s,
        max(value) FILTER (metric = 'reconnect_direct') AS direct_s,
        max(value) FILTER (metric = 'reconnect_outage') AS outage_s,
        max(value) FILTER (metric = 'reconnect_lost') AS lost,
        max(status) FILTER (metric = 'reconnect_first') AS status,
        max(reason) FILTER (metric = 'reconnect_first') AS reason,
        min(record) AS record
    FROM samples
    WHERE metric IN (
        'reconnect_noticed', 'reconnect_first', 'reconnect_steady', 'reconnect_direct',
        'reconnect_outage', 'reconnect_lost'
    ) AND stream IS NOT NULL
    GROUP BY ALL
),
of_hosts AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        split_part(mode, ' ', 1) AS fault, host AS hit_host, stream AS repetition,
        max(value) FILTER (metric = 'reconnect_active') AS active_s,
        max(value) FILTER (metric = 'reconnect_handshake') AS handshake_s
    FROM samples
    WHERE metric IN ('reconnect_active', 'reconnect_handshake') AND host IS NOT NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
    fault, hit_host AS host, repetition, hit_host IN ('*', source, target) AS hit,
    noticed > 0 AS noticed,
    CASE WHEN noticed > 0 THEN first_s ELSE 0 END AS first_s,
    CASE WHEN noticed > 0 THEN steady_s ELSE 0 END AS steady_s,
    direct_s, active_s, handshake_s, outage_s, lost,
    CASE WHEN status <> 'ok'
        THEN try_cast(regexp_extract(reason, 'not within ([0-9.]+) s', 1) AS DOUBLE)
    END AS censored_s,
    coalesce(status, 'ok') AS status, reason, record
FROM seen
LEFT JOIN of_hosts USING (
    campaign, round, vpn, tuning, profile, placement, benchmark, fault, hit_host, repetition
)
ORDER BY ALL;
