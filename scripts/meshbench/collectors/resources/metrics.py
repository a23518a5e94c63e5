"""The metrics of what a host spends."""

from meshbench.results.metrics import Metric

_CGROUP = "cgroup v2: cpu.stat usage_usec"
_SCHEDSTAT = "/proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst)"
_LOADED = "while the tunnel carried traffic: over the samples with at least half of the busiest one's rate"

VPN_CPU = Metric(
    "vpn_cpu", "s", "CPU time of the VPN's processes", "lower",
    "Of all processes in the control groups of the VPN's units on the host, over the whole run with its warm-up; "
    "none where it has no process, as in the kernel's tunnels.",
    f"{_CGROUP} of the VPN's units",
)  # fmt: skip
VPN_CPU_PER_GIGABYTE = Metric(
    "vpn_cpu_per_gigabyte", "s/GB", "CPU time of the VPN's processes per gigabyte", "lower",
    "vpn_cpu over the gigabytes (1e9 bytes) that went in and out of the host's tunnel interface in the same time, "
    "headers inside the tunnel included: one end's cost, the other end has its own. Only where at least "
    "10 MB went through.",
    f"{_CGROUP}; /proc/net/dev",
)  # fmt: skip
KERNEL_CPU = Metric(
    "kernel_cpu", "s", "CPU time of the kernel for packets (estimate)", "lower",
    "An estimate: all interrupts, soft ones included, and all kernel threads, in which kernel tunnels work, "
    "whatever they did. An interrupt that meets a running process may be counted there too. In a lab it is "
    "the machine's, which emulates the network also, divided equally among the hosts.",
    "/proc/stat: irq and softirq; /proc/PID/stat of kernel threads",
)  # fmt: skip
KERNEL_CPU_PER_GIGABYTE = Metric(
    "kernel_cpu_per_gigabyte", "s/GB", "CPU time of the kernel per gigabyte (estimate)", "lower",
    "kernel_cpu over the gigabytes that went in and out of the host's tunnel interface. Compare it with the bare "
    "link's: TCP and the emulated network are in both. Only where at least 10 MB went through.",
    "/proc/stat; /proc/PID/stat of kernel threads; /proc/net/dev",
)  # fmt: skip
WIREGUARD_CPU = Metric(
    "wireguard_kernel_cpu", "s", "CPU time of the kernel's WireGuard workers (estimate)", "lower",
    "Of kernel workers whose last work was WireGuard's when looked at (every few seconds; in a lab at the end, "
    "and the machine's in equal parts); part of kernel_cpu. None where there was no such worker.",
    "/proc/PID/stat: kworker/…-wg-crypt-…",
)  # fmt: skip
TOOL_CPU = Metric(
    "tool_cpu", "s", "CPU time of load generators", "neither",
    "Of everything else that meshbench runs on the host, in its units and over SSH: the benchmark's programs.",
    f"{_CGROUP} of meshbench.slice without the VPN and the sampling, and of sshd's sessions",
)  # fmt: skip
TUNNEL_BYTES = Metric(
    "tunnel_bytes", "byte", "Bytes through the tunnel interface", "neither",
    "Received and sent by the host's interface towards the others, over the whole run with its warm-up.",
    "/proc/net/dev",
)  # fmt: skip
VPN_CORES = Metric(
    "vpn_cores", "1", "Cores used by the VPN", "lower",
    f"CPU time of the VPN's processes per second {_LOADED}.", f"{_CGROUP} of the VPN's units",
)  # fmt: skip
BUSIEST_THREAD = Metric(
    "busiest_thread", "1", "Largest thread's share of a core", "lower",
    f"Of the VPN's thread that had most CPU time {_LOADED}. Near 1: a core of its own is its limit.",
    _SCHEDSTAT,
)  # fmt: skip
BUSIEST_THREAD_DEMAND = Metric(
    "busiest_thread_demand", "1", "Time for which a thread wanted a core", "lower",
    "The share of time for which one thread of the VPN ran or waited for a core, of the one with the largest, "
    f"{_LOADED}. Near 1 it never slept: the CPU is what limits it, be it a whole core, a quota, or what "
    "other programs left.",
    f"{_SCHEDSTAT}: time on the CPU and time waiting on a run queue",
)  # fmt: skip
CONTEXT_SWITCHES = Metric(
    "vpn_context_switches", "1/s", "Context switches of the VPN", "lower",
    f"How often its threads were put on a core, per second, {_LOADED}.",
    f"{_SCHEDSTAT}: number of timeslices",
)  # fmt: skip
THROTTLED = Metric(
    "vpn_throttled", "1", "Quota periods in which the VPN was held back", "lower",
    "Of the periods of its units' CPU quota; none where there is no quota, or it lies around the host.",
    "cgroup v2: cpu.stat nr_throttled, nr_periods",
)  # fmt: skip
MEMORY_PEAK = Metric(
    "vpn_memory_peak", "byte", "Memory high-water of the VPN", "lower",
    "The largest resident sizes of the VPN's processes since each was started, added up; shared pages count in "
    "each.",
    "/proc/PID/status: VmHWM",
)  # fmt: skip
VPN_BUFFER_DROPS = Metric(
    "vpn_buffer_drops", "1", "Datagrams dropped before the VPN", "lower",
    "Datagrams for which the receive buffer of a socket of the VPN, or of a kernel tunnel, had no room.",
    "/proc/net/udp, udp6: drops of the sockets in /proc/PID/fd",
)  # fmt: skip
UDP_BUFFER_DROPS = Metric(
    "host_buffer_drops", "1", "Datagrams dropped before any program", "lower",
    "Datagrams for which a receive buffer on the host had no room, the benchmark's among them.",
    "/proc/net/snmp: Udp RcvbufErrors; /proc/net/snmp6: Udp6RcvbufErrors",
)  # fmt: skip
TUNNEL_DROPS = Metric(
    "tunnel_drops", "1", "Packets dropped by the tunnel interface", "lower",
    "By the host's interface towards the others, in both directions: a TUN interface drops what its daemon does "
    "not read in time.",
    "/proc/net/dev: drop",
)  # fmt: skip
QUEUE_DROPS = Metric(
    "tunnel_queue_drops", "1", "Packets dropped by the tunnel's queue", "lower",
    "By the queueing discipline of the host's interface towards the others.", "tc -s qdisc: dropped",
)  # fmt: skip
INTERFACE_DROPS = Metric(
    "interface_drops", "1", "Packets dropped by other interfaces", "lower",
    "By all other interfaces of the host but the loopback, in both directions.",
    "/proc/net/dev: drop",
)  # fmt: skip
SYSTEM_SHARE = Metric(
    "system_share", "1", "Share of time in the kernel", "lower",
    f"Of all cores, without interrupts, {_LOADED}. In a lab the machine's, shared by its hosts.",
    "/proc/stat: system",
)  # fmt: skip
SOFTIRQ_SHARE = Metric(
    "interrupt_share", "1", "Share of time in interrupts", "lower",
    f"Of all cores, soft interrupts included, {_LOADED}. In a lab the machine's, shared by its hosts.",
    "/proc/stat: irq and softirq",
)  # fmt: skip
BUSIEST_CORE = Metric(
    "busiest_core", "1", "Largest core's share of time in use", "lower",
    f"Of the core that was idle least {_LOADED}. In a lab the machine's, shared by its hosts.",
    "/proc/stat: everything but idle and iowait",
)  # fmt: skip
ENERGY = Metric(
    "energy", "J", "Energy of the processor", "lower",
    "Of all packages of the host's processor, whatever they did; in a lab the machine's. None where it "
    "cannot be read.",
    "/sys/class/powercap/intel-rapl:*/energy_uj",
)  # fmt: skip
SAMPLING_COST = Metric(
    "sampling_cost", "1", "Share of a core taken by this sampling", "lower",
    "CPU time of the sampling program itself per second.", f"{_CGROUP} of its own unit",
)  # fmt: skip
THREAD_CPU = Metric(
    "thread_cpu", "1", "Thread's share of a core", "lower",
    "Of one thread of the VPN, called by its name (mode); stream 1 is the one with most CPU time in the run, "
    "stream 0 all beyond the third together. Over time, and of the whole run.",
    _SCHEDSTAT,
)  # fmt: skip
VPN_CORE_CPU = Metric(
    "vpn_core_cpu", "1", "Share of a core had by the VPN", "lower",
    "By core (stream), over the whole run. An estimate: a thread's time counts for the core that it was last on.",
    f"{_SCHEDSTAT}; /proc/PID/task/TID/stat: processor",
)  # fmt: skip

ALL = (
    VPN_CPU, VPN_CPU_PER_GIGABYTE, KERNEL_CPU, KERNEL_CPU_PER_GIGABYTE, WIREGUARD_CPU, TOOL_CPU,
    TUNNEL_BYTES, VPN_CORES, BUSIEST_THREAD, BUSIEST_THREAD_DEMAND, CONTEXT_SWITCHES, THROTTLED,
    MEMORY_PEAK, VPN_BUFFER_DROPS, UDP_BUFFER_DROPS, TUNNEL_DROPS, QUEUE_DROPS, INTERFACE_DROPS,
    SYSTEM_SHARE, SOFTIRQ_SHARE, BUSIEST_CORE, ENERGY, SAMPLING_COST, THREAD_CPU, VPN_CORE_CPU,
)  # fmt: skip
