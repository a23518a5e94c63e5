# Where this host has dropped packets so far, as sections that begin with a line "@ name".
# $1: an address on the far side of the link. Reads only; a source that is missing is left empty.
# A record has two of them per host and run, so that they are short.
section() { printf '\n@ %s\n' "$1"; }
section udp; grep -h '^Udp[:6]' /proc/net/snmp /proc/net/snmp6 2>/dev/null
section route; ip -j route get "$1"
section interfaces; ip -o link show
section devices; cat /proc/net/dev
section qdiscs; tc -j -s qdisc show
section sockets; ss -Huanm
true
