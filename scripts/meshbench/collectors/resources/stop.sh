# Ends the sampling and prints what it found. $1: its unit; $2: its file; $3: the interface.
systemctl --quiet stop -- "$1"
if ! grep -qs '^[.]' "$2"; then
    echo "nothing was sampled" >&2
    journalctl -q -o cat -n 5 -u "$1" >&2
    exit 1
fi
cat -- "$2"
tc -s qdisc show dev "$3" root 2>/dev/null | sed -n 's/.*(dropped \([0-9]*\),.*/q \1/p;/dropped/q'
read -r up _ </proc/uptime && echo "end $up"
rm -f -- "$2"
