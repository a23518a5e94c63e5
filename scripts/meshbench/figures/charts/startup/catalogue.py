"""Figures about how long a VPN takes until it carries traffic."""

from meshbench.figures.contract import Figure
from meshbench.figures.drawing.measure import ByProfile, Measure

FIGURES = (
    Figure(
        "readiness", "Time until traffic passes", tables=("readiness",), benchmarks=("calibration",)
    ),
    Figure(
        "reboot_reconnection",
        "Connection after a reboot",
        benchmarks=("reboot",),
        module="drawing.by_profile",
        of=ByProfile(
            Measure("reboot", "connect_time", "s"),
            "From the start of the check on a host until a peer answered through the VPN, after a "
            "reboot of all hosts; it includes the wait for the peers' hosts. Of our own reboots, of one host at "
            "a time, from the start of that host's boot.",
        ),
    ),
    Figure(
        "reboot_split",
        "After a reboot: the peers' hosts and the VPN",
        benchmarks=("reboot",),
        first_profile=True,
    ),
    Figure(
        "reboot_stages",
        "Stages of a reboot",
        tables=("reboot_stages", "measures"),
        # An import has no stages.
        benchmarks=("reboot", "calibration"),
        together=True,
    ),
)
