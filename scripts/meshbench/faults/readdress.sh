# Gives an interface another address: INTERFACE OWN OTHER SCRIPT TIMER LIFETIME. SCRIPT is left behind as the
# way back, and runs by itself after LIFETIME seconds.
interface=$1 own=$2 other=$3 back=$4 timer=$5 lifetime=$6
set -e
cannot() {
    echo "$1"
    exit 3
}
prefix=$(ip -o address show dev "$interface" to "$own" | sed -n 's|.* inet6* [^/]*/\([0-9]*\) .*|\1|p')
[ -n "$prefix" ] || cannot "$interface does not have the address $own"
[ -z "$(ip route show dev "$interface" | grep -F 'via ')" ] ||
    cannot "routes by way of a gateway on $interface would be lost"
mkdir -p -- "${back%/*}"
cat >"$back.new" <<EOF
ip address del $other/$prefix dev $interface 2>/dev/null
ip address replace $own/$prefix dev $interface
rm -f -- $back
EOF
mv -- "$back.new" "$back"
systemctl stop "$timer.timer" 2>/dev/null || true
systemd-run --quiet --collect --unit="$timer" --timer-property=AccuracySec=1s \
    --on-active="$lifetime" sh "$back"
date +%s.%N
ip address del "$own/$prefix" dev "$interface"
ip address add "$other/$prefix" dev "$interface"
date +%s.%N
