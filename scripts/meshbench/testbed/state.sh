# The true state of a host, as sections that begin with a line "@ name". $1: the data interface.
# Reads only; a source that is missing leaves its section empty.
section() { printf '\n@ %s\n' "$1"; }
section kernel; uname -srvm
section os; . /etc/os-release; printf '%s\n' "$PRETTY_NAME"
section load; cat /proc/loadavg
section uptime_s; cut -d' ' -f1 /proc/uptime
section cpu_time; grep '^cpu ' /proc/stat
section clock_source; cat /sys/devices/system/clocksource/clocksource0/current_clocksource
section governor; cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null
section vpns; systemctl list-units --plain --no-legend --no-pager 'meshbench-vpn-*' | tr -s ' ' | cut -d' ' -f1,3,4
section installed; for f in /var/lib/meshbench/*/installed; do [ -f "$f" ] && printf '%s %s\n' "$f" "$(cat "$f")"; done
section links; ip -j -s -details link
section addresses; ip -j address
section qdiscs; tc -j -s qdisc
section offloads; ethtool -k "$1" 2>/dev/null | grep -E ': (on|off)( |$)'
section sysctls; sysctl net.ipv4.tcp_congestion_control net.ipv4.tcp_reordering net.ipv4.tcp_recovery \
    net.ipv4.tcp_early_retrans net.ipv4.tcp_sack net.ipv4.tcp_dsack net.ipv4.tcp_rmem net.ipv4.tcp_wmem \
    net.ipv4.tcp_mtu_probing net.ipv4.tcp_max_reordering net.core.rmem_max net.core.wmem_max \
    net.core.default_qdisc 2>/dev/null
section counters; nstat -az --json IpInDiscards IpOutDiscards UdpRcvbufErrors UdpSndbufErrors UdpInErrors \
    TcpRetransSegs TcpExtTCPDSACKRecv TcpExtTCPSACKReorder TcpExtTCPTSReorder TcpExtTCPLossProbes \
    TcpExtTCPSpuriousRTOs 2>/dev/null
section up; cat /run/meshbench/up.json 2>/dev/null
section failed_vpn; cat /run/meshbench/failed-vpn.json 2>/dev/null
true
