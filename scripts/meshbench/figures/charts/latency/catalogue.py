"""Figures about round-trip times and the loss of echo requests."""

from meshbench.figures.contract import ANALYSED, TABLE_FORMATS, Figure

FIGURES = (
    Figure("rtt", "Round-trip time", tables=("latency", *ANALYSED), benchmarks=("ping",)),
    Figure(
        "latency_baseline",
        "Latency without impairment",
        tables=("measures", "runs", *ANALYSED),
        formats=TABLE_FORMATS,
        benchmarks=("ping",),
        first_profile=True,
    ),
    Figure(
        "latency_spread",
        "Round-trip time and its spread without impairment",
        benchmarks=("ping",),
        first_profile=True,
    ),
    Figure(
        "latency_throughput",
        "Latency and throughput",
        tables=("latency", "throughput", *ANALYSED),
        benchmarks=("ping", "tcp"),
        together=True,
    ),
    Figure(
        "link_latency_throughput",
        "Latency and throughput of each link",
        benchmarks=("ping", "tcp"),
        together=True,
        first_profile=True,
    ),
    Figure(
        "ping_loss",
        "Ping loss of each run",
        tables=("runs", "measures", *ANALYSED),
        benchmarks=("ping",),
    ),
    Figure(
        "jitter",
        "Jitter of the round-trip time",
        benchmarks=("ping", "calibration"),
        together=True,
    ),
    Figure(
        "spikes",
        "Spikes of the round-trip time, and the daemons' log",
        tables=("spikes", "spike_times", "spike_rtts", "log_events", "measures"),
        benchmarks=("ping", "latency_under_load"),
        judged=False,
    ),
)
