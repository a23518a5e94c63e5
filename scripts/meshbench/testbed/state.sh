# The true state of a host, as sections that begin with a line "@ name". $1: the data interface.
# Reads only; a source that is missing leaves its section empty.
section() { printf '\n@ %s\n' "$1"; }
# cat(1) without a process: this script runs twice in every cell.
show() { [ -r "$1" ] && while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done <"$1"; }
section kernel; uname -srvm
section os; . /etc/os-release; printf '%s\n' "$PRETTY_NAME"
section load; show /proc/loadavg
section uptime_s; read -r up _ </proc/uptime; printf '%s\n' "$up"
section cpu_time; IFS= read -r line </proc/stat; printf '%s\n' "$line"
section clock_source; show /sys/devices/system/clocksource/clocksource0/current_clocksource
section governor; show /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
section vpns; systemctl list-units --plain --no-legend --no-pager 'meshbench-vpn-*' |
    while read -r unit _ active sub _; do printf '%s %s %s\n' "$unit" "$active" "$sub"; done
section installed; for f in /var/lib/meshbench/*/installed; do
    [ -f "$f" ] && printf '%s ' "$f" && show "$f"
done
section links; ip -j -s -details link
section addresses; ip -j address
section qdiscs; tc -j -s qdisc
section offloads; ethtool -k "$1" 2>/dev/null | grep -E ': (on|off)( |$)'
# The kernel gives such a file to one read(2) only, and a shell reads byte by byte.
section sysctls; cd /proc/sys/net && grep -sH '' ipv4/tcp_congestion_control ipv4/tcp_reordering \
    ipv4/tcp_recovery ipv4/tcp_early_retrans ipv4/tcp_sack ipv4/tcp_dsack ipv4/tcp_rmem ipv4/tcp_wmem \
    ipv4/tcp_mtu_probing ipv4/tcp_max_reordering core/rmem_max core/wmem_max core/default_qdisc |
    while IFS=: read -r file value; do printf 'net.%s.%s = %s\n' "${file%/*}" "${file#*/}" "$value"; done
section counters; nstat -az --json IpInDiscards IpOutDiscards UdpRcvbufErrors UdpSndbufErrors UdpInErrors \
    TcpRetransSegs TcpExtTCPDSACKRecv TcpExtTCPSACKReorder TcpExtTCPTSReorder TcpExtTCPLossProbes \
    TcpExtTCPSpuriousRTOs 2>/dev/null
section up; show /run/meshbench/up.json
section failed_vpn; show /run/meshbench/failed-vpn.json
true
