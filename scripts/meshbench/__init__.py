"""meshbench: mesh VPNs measured against the bare link, with the evidence for every number."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("meshbench")
except PackageNotFoundError:
    __version__ = "0+uninstalled"
