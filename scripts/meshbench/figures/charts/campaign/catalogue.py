"""Figures about the campaign as a whole."""

from meshbench.figures.contract import Figure

_VALUES = ("tcp", "ping", "udp", "quic", "nix_cache", "rist")

FIGURES = (
    Figure(
        "campaign_overview",
        "Campaign overview",
        tables=("cells", "links", "calibrations", "overhead"),
        judged=False,
    ),
    Figure(
        "ranking",
        "Ranks and tiers, metric by metric",
        benchmarks=_VALUES,
        first_profile=True,
    ),
    Figure(
        "repeatability",
        "Repeatability from round to round",
        benchmarks=("tcp", "ping"),
        rounds=2,
    ),
    Figure(
        "success_rate",
        "Success rate",
        tables=("links",),
        benchmarks=("ping", "tcp", "udp"),
        judged=False,
    ),
    Figure(
        "test_duration",
        "Time of the suite",
        tables=("overhead", "links"),
        benchmarks=("ping", "tcp"),
        judged=False,
    ),
    Figure(
        "test_overview",
        "Test execution overview",
        tables=("overhead", "links"),
        benchmarks=("ping", "tcp"),
        judged=False,
    ),
)
