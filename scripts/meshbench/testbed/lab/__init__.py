"""Hosts that this machine makes for itself: one Debian image, overlays, namespaces, nspawn."""
