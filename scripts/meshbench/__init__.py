"""meshbench: mesh VPNs measured against the bare link, with the evidence for every number."""

__version__ = "0.1.0"
