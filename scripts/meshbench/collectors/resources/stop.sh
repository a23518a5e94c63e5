# Ends the sampling and prints what it found. $1: its unit; $2: its file; $3: the interface.
began_us=$(systemctl show --value -p ActiveEnterTimestampMonotonic -- "$1")
systemctl --quiet stop -- "$1"
read -r up _ </proc/uptime
if ! grep -qs '^[.]' "$2"; then
    # A second sample comes after half a second: less is too short to be sampled, and no trouble.
    if [ "${began_us:-0}" -gt 0 ] && [ $((${up%.*}${up#*.}0000 - began_us)) -lt 1500000 ]; then
        echo "end $up"
        rm -f -- "$2"
        exit 0
    fi
    echo "nothing was sampled" >&2
    journalctl -q -o cat -n 5 -u "$1" >&2
    exit 1
fi
cat -- "$2"
tc -s qdisc show dev "$3" root 2>/dev/null | sed -n 's/.*(dropped \([0-9]*\),.*/q \1/p;/dropped/q'
echo "end $up"
rm -f -- "$2"
