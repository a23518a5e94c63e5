-- What each host spent beside a measurement, one row per host and cell.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, host.
-- Columns:
--   vpn_cpu_s, vpn_cpu_s_per_gb: of the VPN's processes (s; s per 1e9 bytes through the tunnel interface)
--   kernel_cpu_s, kernel_cpu_s_per_gb: an estimate for packets, in a lab the machine's in equal parts
--   tool_cpu_s         of the load generators (s)
--   tunnel_bytes       in and out of the tunnel interface
--   vpn_cores, busiest_thread, busiest_thread_demand: shares of a core under load, 1 is a whole one
--   context_switches_per_s: of the VPN's threads under load
--   throttled          share of quota periods in which the VPN was held back
--   memory_peak_bytes  of the VPN's processes
--   vpn_buffer_drops, host_buffer_drops, tunnel_drops, tunnel_queue_drops, interface_drops: packets
--   system_share, interrupt_share: of all cores under load, in a lab of the whole machine
--   energy_j           of the processor; null where it cannot be read
--   sampling_cost      share of a core that the sampling itself took
--   marks, shared_cpu: of the cell
-- A host that was not sampled has no row; the cell's marks say so.
WITH cells AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        any_value(marks) AS marks, any_value(shared_cpu) AS shared_cpu
    FROM links
    GROUP BY ALL
),

spent AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, host,
        max(value) FILTER (metric = 'vpn_cpu') AS vpn_cpu_s,
        max(value) FILTER (metric = 'vpn_cpu_per_gigabyte') AS vpn_cpu_s_per_gb,
        max(value) FILTER (metric = 'kernel_cpu') AS kernel_cpu_s,
        max(value) FILTER (metric = 'kernel_cpu_per_gigabyte') AS kernel_cpu_s_per_gb,
        max(value) FILTER (metric = 'tool_cpu') AS tool_cpu_s,
        max(value) FILTER (metric = 'tunnel_bytes') AS tunnel_bytes,
        max(value) FILTER (metric = 'vpn_cores') AS vpn_cores,
        max(value) FILTER (metric = 'busiest_thread') AS busiest_thread,
        max(value) FILTER (metric = 'busiest_thread_demand') AS busiest_thread_demand,
        max(value) FILTER (metric = 'vpn_context_switches') AS context_switches_per_s,
        max(value) FILTER (metric = 'vpn_throttled') AS throttled,
        max(value) FILTER (metric = 'vpn_memory_peak') AS memory_peak_bytes,
        max(value) FILTER (metric = 'vpn_buffer_drops') AS vpn_buffer_drops,
        max(value) FILTER (metric = 'host_buffer_drops') AS host_buffer_drops,
        max(value) FILTER (metric = 'tunnel_drops') AS tunnel_drops,
        max(value) FILTER (metric = 'tunnel_queue_drops') AS tunnel_queue_drops,
        max(value) FILTER (metric = 'interface_drops') AS interface_drops,
        max(value) FILTER (metric = 'system_share') AS system_share,
        max(value) FILTER (metric = 'interrupt_share') AS interrupt_share,
        max(value) FILTER (metric = 'energy') AS energy_j,
        max(value) FILTER (metric = 'sampling_cost') AS sampling_cost
    FROM samples
    WHERE host IS NOT NULL AND t_s IS NULL AND stream IS NULL AND status = 'ok'
    GROUP BY ALL
    HAVING tunnel_bytes IS NOT NULL
)

SELECT spent.*, marks, shared_cpu
FROM spent
JOIN cells USING (campaign, round, vpn, tuning, profile, placement, benchmark)
ORDER BY ALL;
