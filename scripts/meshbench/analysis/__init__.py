"""What may be said of repeated measurements: intervals, effects, ranks, comparisons and power."""

TABLES = ("estimates", "effects", "ranks")
"""The tables that the step `analyse` computes, besides those of `tables.aggregate`."""
NEEDS = ("measures", "hosts", "links")
"""The aggregate tables that it reads, besides the samples."""
