"""Figures about packet sizes."""
