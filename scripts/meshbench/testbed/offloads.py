"""Offloads of a host's interfaces, read and set by ethtool(8)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from meshbench.results.records import Command
from meshbench.testbed.host import Host

PREFIX = "ethtool."
FEATURES = {
    "gso": "generic-segmentation-offload",
    "gro": "generic-receive-offload",
    # Of the summary above it a part may stay on that TCP does not use.
    "tso": "tx-tcp-segmentation",
    "rx-udp-gro-forwarding": "rx-udp-gro-forwarding",
}
"""What ``ethtool -k`` calls a feature of ``ethtool -K``."""
_READ = 'cat "/sys/class/net/$1/ifindex" && exec ethtool -k "$1"'


@dataclass(frozen=True)
class Interface:
    """An interface as it is; one that is made anew under the same name has another index.

    Attributes:
        features: `on` or `off`, of those of `FEATURES` that it has.
    """

    name: str
    index: int
    features: Mapping[str, str]

    def key(self, feature: str) -> str:
        """What a feature of this very interface is called among a host's settings."""
        return f"{PREFIX}{self.name}#{self.index}.{feature}"

    @property
    def settings(self) -> dict[str, str]:
        return {self.key(feature): value for feature, value in self.features.items()}


async def read(host: Host, name: str) -> Interface | None:
    """An interface of a host; None where it is not there, or where there is no ethtool."""
    command = await host.run(["sh", "-c", _READ, "sh", name], check=False)
    first, _, rest = command.stdout.partition("\n")
    if command.returncode != 0 or not first.isdigit():
        return None
    return Interface(name, int(first), parse(rest))


def parse(text: str) -> dict[str, str]:
    """The features of which ``ethtool -k`` tells whether they are on."""
    lines = dict(line.strip().partition(": ")[::2] for line in text.splitlines())
    by_feature = {feature: lines.get(line, "").split() for feature, line in FEATURES.items()}
    return {feature: words[0] for feature, words in by_feature.items() if words}


def interface_of(key: str) -> str:
    """The name of the interface whose feature a key is."""
    return key.removeprefix(PREFIX).partition("#")[0]


def told(key: str) -> str:
    """A setting's key as people read it: without the index of an interface."""
    return re.sub("#[0-9]+", "", key) if key.startswith(PREFIX) else key


async def write(host: Host, values: Mapping[str, str]) -> list[Command]:
    """Turn features on or off, by their keys; what cannot be is seen by reading again."""
    return [await host.run(argv, check=False) for argv in commands(values)]


def commands(values: Mapping[str, str]) -> Iterator[list[str]]:
    """What turns features on or off, a command per interface."""
    names: Iterable[str] = dict.fromkeys(interface_of(key) for key in values)
    for name in names:
        mine = {k: value for k, value in values.items() if interface_of(k) == name}
        words = (word for key, value in mine.items() for word in (key.rpartition(".")[2], value))
        yield ["ethtool", "-K", name, *words]
