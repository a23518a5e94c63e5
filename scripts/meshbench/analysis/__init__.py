"""What may be said of repeated measurements: intervals, effects, ranks, comparisons and power."""

from pathlib import Path

from meshbench.config import paths

TABLES = (
    "estimates", "effects", "factors", "ranks", "power", "stopping", "controls", "changes", "spikes",
    "spike_times", "spike_rtts", "log_events",
)  # fmt: skip
"""The tables that the step `analyse` computes, besides those of `tables.aggregate`."""
NEEDS = ("measures", "hosts", "links")
"""The aggregate tables that it reads, besides the samples; what comparisons read too."""
OVER_TIME = "seconds"
"""Another one, of which it finds changes within measurements."""


def folder_of(side: str) -> Path:
    """The results of a campaign that is named, or the folder itself; without a system behind a colon."""
    campaign = side.partition(":")[0]
    return Path(campaign) if Path(campaign).is_dir() else paths.RESULTS / campaign


def tables_of(side: str) -> dict[str, Path]:
    """The files of `NEEDS` of such a campaign."""
    return {name: folder_of(side) / "tables" / f"{name}.parquet" for name in NEEDS}
