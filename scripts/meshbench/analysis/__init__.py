"""Statistics over tables (pure)."""
