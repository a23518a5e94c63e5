#!/bin/sh
# Boots one lab host and boots it again when it asks for a reboot, each time from a new network
# namespace. Takes the path of a file of variables; systemd-nspawn(1) says 133 for "reboot".
set -u
. "$1"

network() {
    ip netns del "$NETNS" 2>/dev/null
    ip link del "$CONTROL_PORT" 2>/dev/null
    ip -n "$WIRE" link del "$DATA_PORT" 2>/dev/null
    set -e
    ip netns add "$NETNS"
    ip -n "$NETNS" link set lo up
    # The same address after a reboot, or the controller would go on asking for the old one.
    ip link add "$CONTROL_PORT" type veth peer name ctl0 netns "$NETNS" address "$CONTROL_MAC"
    ip link set "$CONTROL_PORT" master "$CONTROL_BRIDGE" up
    # Hosts reach the controller here and not each other: a VPN that tries every address it finds
    # would otherwise carry its tunnel past the measured network.
    ip link set "$CONTROL_PORT" type bridge_slave isolated on
    ip -n "$NETNS" address add "$CONTROL_ADDRESS" dev ctl0
    ip -n "$NETNS" link set ctl0 up
    ip -n "$WIRE" link add "$DATA_PORT" mtu "$MTU" type veth \
        peer name data0 netns "$NETNS" mtu "$MTU" address "$DATA_MAC"
    ip netns exec "$NETNS" sysctl -qw net.ipv6.conf.data0.disable_ipv6=1
    # MTU-sized frames with full checksums on the wire, as a NIC without offloads would send them.
    ip netns exec "$NETNS" ethtool -K data0 tso off tx off tx-udp-segmentation off gro off >/dev/null
    ip netns exec "$WIRE" ethtool -K "$DATA_PORT" tso off tx off tx-udp-segmentation off gro off >/dev/null
    # veth hands frames to whichever CPU sends them, which reorders a flow; steering keeps its order.
    cpus=$(printf %x $(((1 << $(nproc)) - 1)))
    ip netns exec "$NETNS" sh -c "echo $cpus >/sys/class/net/data0/queues/rx-0/rps_cpus"
    ip netns exec "$WIRE" sh -c "echo $cpus >/sys/class/net/$DATA_PORT/queues/rx-0/rps_cpus"
    if [ "$RATE_BPS" != none ]; then
        ip netns exec "$NETNS" tc qdisc add dev data0 root tbf \
            rate "${RATE_BPS}bit" burst 128kb latency 20ms
        ip netns exec "$WIRE" tc qdisc add dev "$DATA_PORT" root tbf \
            rate "${RATE_BPS}bit" burst 128kb latency 20ms
    fi
    # The host itself gives data0 its address when it boots (data-network.service), as real hosts do.
    ip -n "$WIRE" link set "$DATA_PORT" master lan up
    set +e
}

while :; do
    network
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network \
        systemd-nspawn -q --register=no --keep-unit -M "$MACHINE" --hostname="$NAME" \
        --directory="$ROOT" --network-namespace-path="/run/netns/$NETNS" \
        --resolv-conf=off --capability=all --bind=/dev/net/tun --boot --console=pipe </dev/null
    [ $? = 133 ] || break
done
