"""Hyprspace: configuration, addresses, and paths from what the program itself said."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from meshbench import vpns
from meshbench.results.records import PathState
from meshbench.vpns.base import Network, Node
from meshbench.vpns.hyprspace import address_of, path
from tests.unit import making

NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
PEERS = {
    "lom": "12D3KooWNVUetbxMtXtsxP3UBNRjUneVZ9Sw7kT3BoTrTQoUgPC3",
    "yuki": "12D3KooWARjSWAbb2pVJLB4VkQu9xCoYBaN5UEDa8PY3bred73HY",
    "luna": "12D3KooWEjKnu2T1cgLsCrDSCWktbyw9ViPLNnwys4xh62xuAhti",
}
KEYS = {name: {"private": f"z-private-{name}", "public": peer} for name, peer in PEERS.items()}
STATUS = """\
PeerID: 12D3KooWNVUetbxMtXtsxP3UBNRjUneVZ9Sw7kT3BoTrTQoUgPC3
Swarm peers: 2
Connected VPN nodes: 2/2
    @yuki (8.757786ms) /ip4/198.19.0.2/tcp/8001/p2p/12D3KooWARjSWAbb2pVJLB4VkQu9xCoYBaN5UEDa8PY3bred73HY
    @luna (961.977µs) /ip4/198.19.0.3/tcp/8001/p2p/12D3KooWEjKnu2T1cgLsCrDSCWktbyw9ViPLNnwys4xh62xuAhti
Addresses:
    /ip4/198.19.0.1/tcp/8001
"""
ROUTES = """\
100.64.145.116/32 via @luna /p2p/12D3KooWEjKnu2T1cgLsCrDSCWktbyw9ViPLNnwys4xh62xuAhti connected
100.64.164.187/32 via @yuki /p2p/12D3KooWARjSWAbb2pVJLB4VkQu9xCoYBaN5UEDa8PY3bred73HY connected
fd00:6879:7072:7370:6163:6500:6565:a09e/128 via @yuki /p2p/12D3KooWARjSWAbb2pVJLB4VkQu9xCoYBaN5UEDa8PY3bred73HY connected
fd00:6879:7072:7370:6163:6500:b3d1:43e5/128 via @luna /p2p/12D3KooWEjKnu2T1cgLsCrDSCWktbyw9ViPLNnwys4xh62xuAhti connected
"""


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("lom", "fd00:6879:7072:7370:6163:6500:ce48:befb"),
        ("yuki", "fd00:6879:7072:7370:6163:6500:6565:a09e"),
        ("luna", "fd00:6879:7072:7370:6163:6500:b3d1:43e5"),
    ],
)
def test_addresses_are_those_that_the_daemons_took(name: str, address: str) -> None:
    assert address_of(PEERS[name]) == address


def config(node: Node, **options: Any) -> dict[str, Any]:
    (file,) = making.driver("hyprspace", options).files(node, NETWORK, KEYS)
    assert file.mode == 0o600
    read: dict[str, Any] = json.loads(file.content)
    return read


def test_nobody_but_the_nodes_is_known() -> None:
    settings = config(NODES[1])
    assert settings == {
        "privateKey": "z-private-yuki",
        "listenAddresses": ["/ip4/198.19.0.2/tcp/8001"],
        "bootstrapPeers": [
            f"/ip4/198.19.0.1/tcp/8001/p2p/{PEERS['lom']}",
            f"/ip4/198.19.0.3/tcp/8001/p2p/{PEERS['luna']}",
        ],
        "peers": [
            {"name": "lom", "id": PEERS["lom"]},
            {"name": "luna", "id": PEERS["luna"]},
        ],
    }
    changed = config(NODES[0], transport="quic", port=9000)
    assert changed["listenAddresses"] == ["/ip4/198.19.0.1/udp/9000/quic-v1"]
    assert changed["bootstrapPeers"][0].startswith("/ip4/198.19.0.2/udp/9000/quic-v1/p2p/")


def test_the_key_is_not_left_on_the_host_that_made_it() -> None:
    def answer(argv: Sequence[str]) -> Any:
        if argv[0] == "cat":
            return '{"privateKey": "z23jhTc", "peers": null}'
        return f'Initialized\n{{\n  "name": "lom",\n  "id": "{PEERS["lom"]}"\n}}\n'

    host = making.ScriptedHost(answer=answer)
    keys = asyncio.run(vpns.load("hyprspace")("hyprspace").material(NETWORK, [host]))
    assert keys["luna"] == {"private": "z23jhTc", "public": PEERS["lom"]}
    assert host.asked[-1] == ["rm", "-rf", "--", host.asked[0][-1]]


def test_paths() -> None:
    host = making.ScriptedHost(answer=lambda argv: STATUS if argv[1] == "status" else ROUTES)
    driver = vpns.load("hyprspace")("hyprspace")
    paths = asyncio.run(driver.paths(host, NODES[0], NETWORK))
    assert paths.keys() == {"yuki", "luna"}
    assert paths["yuki"] == PathState(
        kind="direct", transport="tcp", endpoint="198.19.0.2:8001",
        details={"multiaddr": f"/ip4/198.19.0.2/tcp/8001/p2p/{PEERS['yuki']}"},
    )  # fmt: skip


def test_the_connection_that_carries_packets_tells_the_path() -> None:
    direct = "/ip6/fd00::2/udp/8001/quic-v1"
    circuit = f"/ip4/198.19.0.3/tcp/8001/p2p/{PEERS['luna']}/p2p-circuit"
    status = "".join(f"    @yuki (1ms) {way}/p2p/{PEERS['yuki']}\n" for way in (circuit, direct))
    straight = path("yuki", status, ROUTES)
    assert straight is not None
    assert (straight.kind, straight.transport, straight.endpoint) == (
        "direct", "quic", "[fd00::2]:8001"
    )  # fmt: skip
    routes = (
        f"fd00::2/128 via @yuki /p2p/{PEERS['luna']}/p2p-circuit/p2p/{PEERS['yuki']} connected\n"
    )
    relayed = path("yuki", status, routes)
    assert relayed is not None
    assert (relayed.kind, relayed.transport, relayed.endpoint) == (
        "relay", "tcp", "198.19.0.3:8001"
    )  # fmt: skip
    assert path("yuki", "Connected VPN nodes: 0/2\n", ROUTES) is None
