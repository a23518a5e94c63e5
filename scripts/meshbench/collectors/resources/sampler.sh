# What this host spends, sampled until it is stopped: a line "@ <uptime>" begins a sample and "." ends it;
# between them stands by how much each counter grew since the one before. What did not grow is left out.
# $1: the file it is written to; $2: seconds between samples; $3: the interface that is measured; then the
# units that are the VPN. Needs a POSIX shell and awk. A source that is missing is left out.
out=$1 pause=$2 device=$3
shift 3
exec >"$out"
root=/sys/fs/cgroup
[ -e "$root/cgroup.controllers" ] || root=$root/unified
own=
while IFS=: read -r _ list path; do [ -z "$list" ] && own=$root$path; done </proc/self/cgroup
slice=$root/meshbench.slice
groups=
for unit; do groups="$groups vpn=$slice/$unit"; done
groups="$groups own=$own services=$slice sessions=$root/user.slice"
for name in ssh sshd; do groups="$groups sessions=$root/system.slice/$name.service"; done

# The VPN's threads on one line, which begins with its sockets where its processes are other ones.
threads() {
    pids= line= known=$1
    shift
    for unit; do
        [ -r "$slice/$unit/cgroup.procs" ] || continue
        while read -r pid; do
            pids="$pids $pid"
            for task in "/proc/$pid/task/"*; do line="$line $task"; done
        done <"$slice/$unit/cgroup.procs"
    done 2>/dev/null
    if [ "$pids" != "$known" ]; then
        for pid in $pids; do
            ls -l "/proc/$pid/fd" 2>/dev/null
        done | sed -n 's/.*socket:\[\([0-9]*\)\].*/i \1/p'
    fi
    echo "s$line"
}

# mawk waits for 4096 bytes of a pipe unless it is told not to; others do not know how to be told.
line=
case $(awk -W version </dev/null 2>/dev/null) in mawk*) line='-W interactive' ;; esac
printf 'h %s\n' "$(getconf CLK_TCK 2>/dev/null || echo 100)"
queue() { tc -s qdisc show dev "$device" root 2>/dev/null | sed -n 's/.*(dropped \([0-9]*\),.*/q \1/p;/dropped/q'; }
queue
known=none
round=0
while :; do
    # Kernel threads are many and change little. A container sees none of its machine's.
    [ $((round % 8)) = 0 ] && echo k /proc/[0-9]*
    round=$((round + 1))
    threads "$known" "$@"
    known=$pids
    sleep "$pause" || exit 1
done | awk $line -v device="$device" -v groups="$groups" '
function grown(key, value,    by) {
    by = first && !(key in last) ? 0 : value - last[key]
    last[key] = value
    # A counter that is smaller than before was started anew.
    return by < 0 ? value + 0 : by
}
function told(key, a, b, c, d,    n) {
    if (a || b || c || d) print key, a + 0, b + 0, c + 0, d + 0
}
function cores(    line, f) {
    while ((getline line < "/proc/stat") > 0) {
        split(line, f, " ")
        if (f[1] !~ /^cpu/) break
        if (f[1] == "cpu") continue
        told("c " substr(f[1], 4), grown(f[1] "u", f[2] + f[3]), grown(f[1] "s", f[4]),
            grown(f[1] "i", f[7] + f[8]), grown(f[1] "n", f[5] + f[6]))
    }
    close("/proc/stat")
}
function thread(task,    line, name, file, f, r, u, s, run, wait, slices) {
    file = task "/stat"
    if ((getline line < file) <= 0) return
    close(file)
    name = line
    sub(/^[^(]*\(/, "", name); sub(/\)[^)]*$/, "", name); gsub(/[^!-~]/, "_", name)
    sub(/^.*\) /, "", line); split(line, f, " ")
    file = task "/schedstat"
    line = ""
    if ((getline line < file) > 0) close(file)
    split(line, r, " ")
    u = grown(task "u", f[12]); s = grown(task "s", f[13])
    run = grown(task "r", r[1]); wait = grown(task "w", r[2]); slices = grown(task "n", r[3])
    if (u || s || run || wait) {
        sub(/.*\//, "", task)
        printf "t %s %s %s %d %d %.0f %.0f %d\n", task, name, f[37], u, s, run / 1000, wait / 1000, slices
    }
}
function high_water(task,    file, line, f) {
    file = task "/status"
    while ((getline line < file) > 0)
        if (line ~ /^VmHWM/) { split(line, f, " "); resident += f[2]; break }
    close(file)
}
function group(word,    at, name, file, line, f, used) {
    at = index(word, "=")
    name = substr(word, 1, at - 1); file = substr(word, at + 1) "/cpu.stat"
    while ((getline line < file) > 0) {
        split(line, f, " ")
        if (f[1] == "usage_usec") { usage[name] += grown(file "u", f[2]); there[name] = 1 }
        if (f[1] == "nr_periods") periods[name] += grown(file "p", f[2])
        if (f[1] == "nr_throttled") throttled[name] += grown(file "t", f[2])
    }
    close(file)
}
function all_groups(    n, words, name) {
    split("", usage); split("", there); split("", periods); split("", throttled)
    n = split(groups, words, " ")
    while (n) group(words[n--])
    # Also where it used nothing: that it was there is known.
    for (name in there) printf "g %s %.0f %d %d\n", name, usage[name], periods[name], throttled[name]
}
function interfaces(    line, f, name, other) {
    while ((getline line < "/proc/net/dev") > 0) {
        if (line !~ /:/) continue
        name = line; sub(/:.*/, "", name); gsub(/ /, "", name)
        sub(/^[^:]*:/, "", line); split(line, f, " ")
        if (name == device)
            told("b", grown("br", f[1]), grown("bs", f[9]), grown("bd", f[4]), grown("be", f[12]))
        else if (name != "lo")
            other += grown(name "d", f[4]) + grown(name "e", f[12])
    }
    close("/proc/net/dev")
    told("d", other)
}
function datagrams(    line, f, at, i, lost) {
    while ((getline line < "/proc/net/snmp") > 0) {
        if (line !~ /^Udp:/) continue
        split(line, f, " ")
        if (!at) { for (i in f) if (f[i] == "RcvbufErrors") at = i } else lost = f[at]
    }
    close("/proc/net/snmp")
    while ((getline line < "/proc/net/snmp6") > 0) {
        split(line, f, " ")
        if (f[1] == "Udp6RcvbufErrors") lost += f[2]
    }
    close("/proc/net/snmp6")
    told("r", grown("r", lost))
    sockets("/proc/net/udp"); sockets("/proc/net/udp6")
}
function sockets(file,    line, f, n) {
    while ((getline line < file) > 0) {
        n = split(line, f, " ")
        # The inode, which kernel tunnels have none of, and the drops of a socket; its address is its name.
        if (f[n] ~ /^[0-9]+$/) told("u " f[n - 3], grown(file f[2] f[n - 3], f[n]))
    }
    close(file)
}
function energy(    n, folder, file, line) {
    for (n = 0; n < 16; n++) {
        folder = "/sys/class/powercap/intel-rapl:" n
        file = folder "/energy_uj"
        if ((getline line < file) <= 0) break
        close(file)
        printf "e %d %s", n, line
        file = folder "/max_energy_range_uj"
        if ((getline line < file) <= 0) line = 0
        close(file)
        print " " line
    }
}
function kernel_thread(folder,    file, line, name, f) {
    file = folder "/stat"
    if ((getline line < file) <= 0) return
    close(file)
    name = line
    sub(/^[^(]*\(/, "", name); sub(/\)[^)]*$/, "", name)
    sub(/^.*\) /, "", line); split(line, f, " ")
    if (f[2] != 2) return
    # A worker is named after what it did last.
    if (name ~ /wg-crypt/) name = "wg-crypt"; else if (name ~ /^ksoftirqd/) name = "ksoftirqd"
    else if (name ~ /^napi/) name = "napi"; else name = "other"
    spent[name] += grown(folder "k", f[12] + f[13])
}
BEGIN { first = 1 }
$1 == "i" { print; next }
$1 == "k" {
    for (n = 2; n <= NF; n++) kernel_thread($n)
    for (name in spent) if (spent[name]) print "k " name " " spent[name]
    split("", spent)
    next
}
{
    getline line < "/proc/uptime"; close("/proc/uptime"); split(line, now, " ")
    print "@ " now[1]
    all_groups()
    resident = 0
    process = ""
    for (n = 2; n <= NF; n++) {
        thread($n)
        place = $n; sub(/\/task\/.*/, "", place)
        if (place != process) high_water(place)
        process = place
    }
    if (resident != shown) { print "m " resident; shown = resident }
    cores(); interfaces(); datagrams(); energy()
    print "."
    first = 0
    fflush()
}'
