"""Measurements that others made."""
