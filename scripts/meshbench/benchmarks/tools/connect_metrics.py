"""The metrics of how long peers take until they answer: the published data and our own have the same."""

from meshbench.results.metrics import Metric, register

CONNECT_TIME = Metric(
    "connect_time", "s", "Until the peer answered", "lower",
    "From the start of the check on the source until the peer answered through the VPN. Of our own "
    "reboots: from the start of the rebooted host's boot to the first reply through the VPN, the "
    "median over the reboots of either end of a pair.",
    "runner: vpn_results.time_took; reboot: ping through the tunnel, 20 requests per second",
)  # fmt: skip
HOST_WAIT = Metric(
    "host_wait", "s", "Until the peer's host was up", "lower",
    "From the start of the check until the peer answered on its public address, without the VPN. Of "
    "our own reboots: from the start of the rebooted host's boot to the first reply beside the VPN.",
    "runner: public_results.time_took of v4.* names; reboot: ping on the data address",
)  # fmt: skip
VPN_ADDED = Metric(
    "vpn_added", "s", "Added by the VPN", "lower",
    "connect_time less the wait for the slowest host; only where the first phase avoided the VPN. Of "
    "our own reboots: from a pair's first reply beside the VPN to the first one through it; 0 where "
    "that was within the probe's interval.",
    "runner: vpn_results and public_results; reboot: ping on both addresses",
)  # fmt: skip
METRICS = (CONNECT_TIME, HOST_WAIT, VPN_ADDED)
register(*METRICS)
