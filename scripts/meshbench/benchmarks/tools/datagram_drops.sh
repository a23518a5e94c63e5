# Where this host has dropped packets so far, as sections that begin with a line "@ name".
# $1: an address on the far side of the link. Reads only; a source that is missing is left empty.
section() { printf '\n@ %s\n' "$1"; }
section snmp; cat /proc/net/snmp
section snmp6; cat /proc/net/snmp6 2>/dev/null
section route; ip -j route get "$1"
section links; ip -j -s link show
section qdiscs; tc -j -s qdisc show
section sockets; ss -Huanm
true
