-- title: CPU use of the tool, not of the VPN
-- sentence: The only CPU figures are those of the measuring tool's own process, which say nothing about the VPN's daemon.
-- severity: note
SELECT
    campaign, benchmark, metric, max(value) AS value,
    printf('%s of one core at most over %d links, of the tool alone', percent(max(value)), count(*)) AS says
FROM whole
WHERE metric IN ('iperf3_cpu_client', 'iperf3_cpu_server', 'quic_cpu')
    AND campaign NOT IN (SELECT campaign FROM whole WHERE metric LIKE '%daemon%cpu%')
GROUP BY campaign, benchmark, metric
