"""Figures about latency under load."""
