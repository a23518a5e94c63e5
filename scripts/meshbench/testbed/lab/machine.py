"""What this machine must have before a lab can be made on it."""

import os
from pathlib import Path

from meshbench.testbed import local
from meshbench.testbed.lab import image
from meshbench.util.errors import TestbedError
from meshbench.util.files import cache, existing

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "tc": "iproute2",
    "ethtool": "ethtool",
    "sysctl": "procps",
    "mount": "mount",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "make": "make",
    "cc": "gcc",
}
"""Programs the lab needs on the outer machine and the Debian packages that bring them."""


def problems(definition: image.Definition) -> list[str]:
    """Everything that stands in the way, each with what to do about it."""
    sentences = []
    if os.geteuid() != 0:
        sentences.append(
            "the lab makes network namespaces and mounts: run as root, or name hosts of your own "
            "in a testbed of kind ssh (config/testbeds/)"
        )
    if lacking := local.missing(*PACKAGES):
        packages = " ".join(sorted({PACKAGES[program] for program in lacking}))
        sentences.append(f"not installed: {', '.join(lacking)}; do: apt-get install {packages}")
    if not Path("/dev/net/tun").exists():
        sentences.append("/dev/net/tun is missing: load the kernel module tun")
    if not (image.path(definition) / "etc" / "debian_version").exists():
        sentences += _no_space()
    return sentences


def _no_space() -> list[str]:
    try:
        image.check_space(existing(cache()))
    except TestbedError as error:
        return [str(error)]
    return []


def check(definition: image.Definition) -> None:
    """Raise TestbedError listing everything that stands in the way of a lab here."""
    if sentences := problems(definition):
        raise TestbedError(
            "no lab on this machine:\n" + "\n".join(f"- {line}" for line in sentences)
        )
