# In the machine: checks out what came, runs the job, leaves what came of it on the third disk.
set -uo pipefail
export HOME=/root LANG=C.UTF-8 PYTHONUNBUFFERED=1
clock() { echo "meshbench-vm clock $(cut -d ' ' -f 1 /proc/uptime)"; }
work=/root/vm out=/root/out checkout=/root/meshbench
mkdir -p "$out"
. "$work/settings.sh"
{
    clock
    cd "$checkout" || exit
    git fetch -q "$work/checkout.bundle" HEAD
    # The disk's files are not the inodes that git knew; what is the same must keep its time stamp.
    git update-index -q --refresh
    git checkout -q --force FETCH_HEAD
    OUT="$out" bash -x "$work/job.sh"
    status=$?
    clock
    echo "meshbench-vm status $status"
} 2>&1 | tee "$out/log"
tar -cf /dev/vdc -C "$out" .
sync
