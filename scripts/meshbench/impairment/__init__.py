"""Profiles become plans; plans are applied, verified by reading back, calibrated and cleared."""
