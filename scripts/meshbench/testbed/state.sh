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
section pressure; show /proc/pressure/cpu
section cpu_model; while IFS=':' read -r key value; do
    case $key in 'model name'* | 'Model'*) printf '%s\n' "$value"; break ;; esac
done </proc/cpuinfo
section tools; for tool in 'iperf3 --version' 'ping -V' 'irtt version'; do
    # The first line is the version's; unquoted, because the words are the tool's arguments.
    $tool 2>/dev/null | { read -r line && printf '%s=%s\n' "${tool%% *}" "$line"; }
done
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
section sysctls; cd /proc/sys/net && set -- ; for key in tcp_congestion_control \
    tcp_allowed_congestion_control tcp_available_congestion_control tcp_rmem tcp_wmem tcp_moderate_rcvbuf \
    tcp_limit_output_bytes tcp_notsent_lowat tcp_window_scaling tcp_timestamps tcp_sack tcp_dsack tcp_ecn \
    tcp_reordering tcp_max_reordering tcp_recovery tcp_early_retrans tcp_frto tcp_slow_start_after_idle \
    tcp_no_metrics_save tcp_no_ssthresh_metrics_save tcp_mtu_probing tcp_autocorking tcp_pacing_ss_ratio \
    tcp_pacing_ca_ratio tcp_adv_win_scale tcp_shrink_window tcp_fastopen tcp_comp_sack_delay_ns \
    tcp_min_tso_segs tcp_tso_win_divisor tcp_rto_min_us; do set -- "$@" "ipv4/$key"; done
for key in rmem_max wmem_max rmem_default wmem_default optmem_max default_qdisc netdev_max_backlog; do
    set -- "$@" "core/$key"
done; grep -sH '' "$@" |
    while IFS=: read -r file value; do printf 'net.%s.%s = %s\n' "${file%/*}" "${file#*/}" "$value"; done
# -a and -s together: it keeps no history of its own in /tmp.
section counters; nstat -asz --json IpInDiscards IpOutDiscards UdpRcvbufErrors UdpSndbufErrors UdpInErrors \
    TcpRetransSegs TcpExtTCPDSACKRecv TcpExtTCPSACKReorder TcpExtTCPTSReorder TcpExtTCPLossProbes \
    TcpExtTCPSpuriousRTOs 2>/dev/null
section up; show /run/meshbench/up.json
section failed_vpn; show /run/meshbench/failed-vpn.json
# What a fault of a killed controller has left (faults/readdress.py, faults/partition.py).
section broken; [ -e /run/meshbench/address-back.sh ] && printf 'address\n'
systemctl is-active --quiet meshbench-mend.timer && printf 'cut\n'
true
