"""The metrics of a host's reboot, stage by stage."""

from meshbench.benchmarks.tools.connect_metrics import CONNECT_TIME, HOST_WAIT, VPN_ADDED
from meshbench.results.metrics import Metric

_ASKED = "From asking the host to reboot"
_PING = "ping -D, 20 requests per second"
GONE = Metric(
    "reboot_gone", "s", "Host gone", "neither",
    f"{_ASKED} to its last reply beside the VPN to any peer.", f"{_PING}, data address",
)  # fmt: skip
STARTED = Metric(
    "reboot_started", "s", "Boot began", "neither",
    f"{_ASKED} to the start of its kernel, or in a container, which has none of its own, of its user "
    "space.",
    "/proc/uptime (CLOCK_BOOTTIME); systemd: UserspaceTimestamp",
)  # fmt: skip
UNDERLAY = Metric(
    "reboot_underlay", "s", "Host reachable beside the VPN", "lower",
    f"{_ASKED} to its first reply beside the VPN to any peer after it was gone.",
    f"{_PING}, data address",
)  # fmt: skip
UNIT = Metric(
    "reboot_unit", "s", "VPN's units active", "lower",
    f"{_ASKED} until the last of the VPN's units there was active; none of a system without units.",
    "systemd: ActiveEnterTimestamp",
)  # fmt: skip
CLOCK_ERROR = Metric(
    "reboot_clock_error", "s", "Error of the host's clock", "lower",
    "How far the times that the host itself told may be off: half the shortest round trip in which "
    "it was asked for its clock.",
    "RFC 5905 section 8",
)  # fmt: skip
FIRST = Metric(
    "reboot_first_packet", "s", "First reply through the VPN", "lower",
    "From asking one of the pair's hosts to reboot to the first reply through the VPN after it was "
    "gone.",
    f"{_PING}, tunnel",
)  # fmt: skip
STABLE = Metric(
    "reboot_stable", "s", "VPN stable", "lower",
    "From asking one of the pair's hosts to reboot to the first of ten requests in turn that were all "
    "answered through the VPN.",
    f"{_PING}, tunnel",
)  # fmt: skip
AFTER_UNIT = Metric(
    "vpn_after_unit", "s", "First reply after the VPN's units", "lower",
    "From the time at which the last of the VPN's units on the rebooted host was active to the pair's "
    "first reply through the VPN; 0 where that came earlier.",
    f"systemd: ActiveEnterTimestamp; {_PING}, tunnel",
)  # fmt: skip
LOST = Metric(
    "reboot_lost", "1", "Requests lost", "lower",
    "Requests through the VPN to the rebooted host without a reply, from asking it to reboot until the "
    "pair was stable.",
    f"{_PING}, tunnel",
)  # fmt: skip
OTHERS_OUTAGE = Metric(
    "reboot_others_outage", "s", "Longest silence of the other pairs", "lower",
    "The longest time between two replies in turn through the VPN on a pair neither of whose hosts "
    "rebooted, from asking the host to reboot until all pairs were stable.",
    f"{_PING}, tunnel",
)  # fmt: skip
REBOOTS = Metric(
    "reboots", "1", "Reboots", "neither",
    "Reboots during which a pair was watched, of its own hosts and of others.", "the campaign",
)  # fmt: skip
OF_HOSTS = (GONE, STARTED, UNDERLAY, UNIT, CLOCK_ERROR)
OF_PAIRS = (CONNECT_TIME, HOST_WAIT, VPN_ADDED, AFTER_UNIT, FIRST, STABLE)
ALL = (*OF_HOSTS, *OF_PAIRS, LOST, OTHERS_OUTAGE, REBOOTS)
