"""A timer of a host's own that puts its settings back when the controller does not come again."""

import math
import shlex
from collections.abc import Mapping

from meshbench.testbed import offloads, sysctls
from meshbench.testbed.host import RUN, Host

UNIT = "meshbench-settings"
_SCRIPT = RUN / "settings-restore"
ARM = """
umask 077
mkdir -p "${1%/*}" && cat >"$1.new" && mv "$1.new" "$1" || exit
systemctl --quiet stop "$2.timer" "$2.service" 2>/dev/null
exec systemd-run --quiet --collect --unit="$2" --on-active="$3" --timer-property=AccuracySec=1s \\
    sh "$1"
"""


async def arm(host: Host, stock: Mapping[str, str], lifetime_s: float) -> None:
    """Have the host put these values back by itself after so long, unless it is told again.

    Raises:
        CommandError: when the host cannot.
    """
    argv = ["sh", "-c", ARM, "sh", str(_SCRIPT), UNIT, str(math.ceil(lifetime_s))]
    await host.run(argv, stdin=script(stock).encode())


async def disarm(host: Host) -> None:
    """Take the timer away, if there is one, and wait for what it may have begun."""
    await host.stop(f"{UNIT}.timer", f"{UNIT}.service")


def script(stock: Mapping[str, str]) -> str:
    """What puts values back, each as well as it can be."""
    features = {key: value for key, value in stock.items() if key.startswith(offloads.PREFIX)}
    settings = {key: value for key, value in stock.items() if key not in features}
    commands = [*([sysctls.writing(settings)] if settings else []), *offloads.commands(features)]
    lines = ["#!/bin/sh", "# Kernel settings as they were before meshbench's first tuning."]
    return "\n".join([*lines, *map(shlex.join, commands), ""])
