# Takes the checkout and the job from the second disk, runs it, leaves what came of it on the third.
set -uo pipefail
export HOME=/root LANG=C.UTF-8 PYTHONUNBUFFERED=1
clock() { echo "meshbench-vm clock $(cut -d ' ' -f 1 /proc/uptime)"; }
work=/root/vm out=/root/out checkout=/root/meshbench
mkdir -p "$work" "$out"
tar -xf /dev/vdb -C "$work"
{
    clock
    cd "$checkout" && git fetch -q "$work/checkout.bundle" HEAD && git checkout -q --force FETCH_HEAD
    clock
    OUT="$out" bash -x "$work/job.sh"
    status=$?
    clock
    echo "meshbench-vm status $status"
} 2>&1 | tee "$out/log"
tar -cf /dev/vdc -C "$out" .
sync
