"""Which host a test went to, where the runner's meta object does not say.

Told by, in this order: a name ``vpn.<host>`` or an address of the layout in the file itself; another
test from the same host of the same system; the layout's order, in which each host is the client of the
next; the numbers of the hosts' folders, but not the last one's, as a folder may be missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meshbench.importers.vpn_runner.outcome import LinkOutcome


@dataclass
class Clients:
    """What is known of who was whose client in one system of one run.

    Attributes:
        layout: each host's address inside the VPN, in the runner's order.
        folders: hosts by the numbers of their folders.
        seen: the target of each source, by the files that name it.
    """

    layout: Mapping[str, str] = field(default_factory=dict)
    folders: dict[int, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    def learn(self, links: Sequence[LinkOutcome]) -> None:
        """Take what the links of tests that each host ran with the next one say."""
        unnamed = [(link, self._host_at(link.address)) for link in links if not link.target]
        # Addresses of another installation would have a host be its own client.
        if not any(link.source == host for link, host in unnamed):
            for link, host in unnamed:
                link.target = host
        for link in links:
            if link.source and link.target:
                self.seen.setdefault(link.source, link.target)

    def _host_at(self, address: str) -> str:
        hosts = {inside: host for host, inside in self.layout.items()}
        return hosts.get(address, "").lower()

    def target_of(self, source: str) -> str:
        """Whom a host was the client of; empty where nothing tells."""
        return self.seen.get(source) or self._next(source)

    def source_of(self, target: str) -> str:
        """Who was a host's client; empty where nothing tells."""
        hosts = [*self.seen, *self._ring(), *self.folders.values()]
        return next((host for host in hosts if self.target_of(host) == target), "")

    def complete(self, link: LinkOutcome) -> bool:
        """Put the missing end on a link; whether both are known then."""
        link.target = link.target or self.target_of(link.source)
        link.source = link.source or self.source_of(link.target)
        return bool(link.source and link.target)

    def _ring(self) -> list[str]:
        return [host.lower() for host in self.layout]

    def _next(self, source: str) -> str:
        ring = self._ring()
        if source in ring and len(ring) > 1:
            return ring[(ring.index(source) + 1) % len(ring)]
        numbers = [number for number, host in self.folders.items() if host == source]
        return self.folders.get(numbers[0] + 1, "") if numbers else ""
