"""Metrics that only the published data have so far; others come from their benchmarks."""

from typing import cast

from meshbench.results.metrics import Better, Metric, register

STATISTICS = ("min", "p25", "p50", "p75", "max")
"""Besides the mean, which is the metric itself; percentiles are linear, exclusive ones (Python's
``statistics.quantiles``), so that few values can put p25 below the minimum."""


class Spread:
    """A metric of which only statistics were kept: the mean under its name, the rest suffixed.

    ``rist_quality`` is the mean, ``rist_quality_p25`` the lower quartile, and so on.
    """

    def __init__(self, mean: Metric) -> None:
        self.mean = mean
        self.statistics = {
            statistic: Metric(
                f"{mean.name}_{statistic}", mean.unit, f"{mean.title} ({statistic})", mean.better,
                f"The {statistic} of what {mean.name} is the mean of.", f"{mean.source}.{statistic}",
            )
            for statistic in STATISTICS
        }  # fmt: skip
        register(mean, *self.statistics.values())


def _metric(*description: str) -> Metric:
    name, unit, title, better, definition, source = description
    metric = Metric(name, unit, title, cast("Better", better), definition, source)
    register(metric)
    return metric


# What every test of the runner carries in its meta.
RESTART_ATTEMPTS = _metric(
    "restart_attempts", "1", "VPN restarts tried", "lower",
    "Tries to restart the VPN's unit before this test.", "runner: meta.vpn_restart_attempts",
)  # fmt: skip
RESTART_TIME = _metric(
    "restart_time", "s", "VPN restart", "lower",
    "Restarting the VPN's unit on all hosts, one after the other, before this test.",
    "runner: meta.vpn_restart_duration_seconds",
)  # fmt: skip
CONNECTIVITY_WAIT = _metric(
    "connectivity_wait", "s", "Wait for tunnels", "lower",
    "From that restart until every host reached every other through the VPN, polled at 1 to 2 s.",
    "runner: meta.connectivity_wait_duration_seconds",
)  # fmt: skip


# Connection check after deployment and after a reboot of all hosts at once.
CONNECT_POLLS = _metric(
    "connect_polls", "1", "Requests through the VPN", "lower",
    "Requests through the VPN until the peer answered; one per 1 s (refused) or 2 s (no answer).",
    "runner: vpn_results.attempt",
)  # fmt: skip
FIRST_PHASE_WAIT = _metric(
    "first_phase_wait", "s", "Until the first phase ended", "lower",
    "As host_wait, but the first phase already asked through the VPN, so the two cannot be told apart.",
    "runner: public_results.time_took of other names",
)  # fmt: skip

# Time spent by the runner, not by a link.
INSTALLATION_TIME = _metric(
    "installation_time", "s", "Installation and deployment", "lower",
    "Of the VPN on all hosts, by the latest installation of that run.",
    "runner: timing_breakdown vpn_installation",
)  # fmt: skip
BENCHMARKING_TIME = _metric(
    "benchmarking_time", "s", "Benchmarking", "lower",
    "All tests of one profile with what is around them, in the latest (perhaps partial) session.",
    "runner: timing_breakdown benchmarking",
)  # fmt: skip
STABILISATION_TIME = _metric(
    "stabilisation_time", "s", "Stabilisation", "neither",
    "Waiting after impairment was applied.", "runner: timing_breakdown tc_stabilization",
)  # fmt: skip
TESTS_TIME = _metric(
    "tests_time", "s", "Running tests", "neither",
    "The session's tests, in the latest (perhaps partial) session.", "runner: timing_breakdown run_tests",
)  # fmt: skip
SESSION_TIME = _metric(
    "session_time", "s", "Session so far", "neither",
    "From the session's start to the end of this profile.", "runner: timing_breakdown total",
)  # fmt: skip
OPERATIONS = {
    name: _metric(
        f"operation_{name}", "s", name.replace("_", " "), "lower",
        "One step of an installation.", f"runner: timing_breakdown operation {name}",
    )
    for name in (
        "nix_flake_update", "create_base_inventory", "deploy_base_machines", "clean_state_dirs",
        "install_vpn_config", "run_generators", "get_vpn_ips", "install_nix_cache",
        "install_connection_timings_service", "deploy_vpn_machines",
        "deploy_vpn_machines_with_cache", "initial_connection_timings", "reboot_connection_timings",
    )
}  # fmt: skip

# Impairment as the runner set it on each host. Its file states the sum of both ends.
NETEM_DELAY = _metric(
    "netem_delay", "ms", "Configured delay", "neither",
    "Per host; the file states the double, for both ends together.", "runner: tc_settings latency_ms / 2",
)  # fmt: skip
NETEM_JITTER = _metric(
    "netem_jitter", "ms", "Configured jitter", "neither",
    "Per host; the file states the double.", "runner: tc_settings jitter_ms / 2",
)  # fmt: skip
NETEM_LOSS = _metric(
    "netem_loss", "1", "Configured loss", "neither",
    "Per host; the file states the double.", "runner: tc_settings packet_loss_percent / 2",
)  # fmt: skip
NETEM_REORDER = _metric(
    "netem_reorder", "1", "Configured reordering", "neither",
    "Per host; the file states the double.", "runner: tc_settings reorder_percent / 2",
)  # fmt: skip
NETEM_REORDER_CORRELATION = _metric(
    "netem_reorder_correlation", "1", "Configured reorder correlation", "neither",
    "Per host; the file states it as it is.", "runner: tc_settings reorder_correlation",
)  # fmt: skip
NETEM_DELAY_STATED = _metric(
    "netem_delay_stated", "ms", "Delay as the file states it", "neither",
    "The number that stands in the file, unlabelled.", "runner: tc_settings latency_ms",
)  # fmt: skip
NETEM_RATE = _metric(
    "netem_rate", "bit/s", "Configured rate", "neither",
    "Per host.", "runner: tc_settings bandwidth_mbit",
)  # fmt: skip
