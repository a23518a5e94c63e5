"""ZeroTier: a world, a controller and members as files, and paths as its peers' list tells them."""

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from meshbench.results.records import PathState
from meshbench.util.errors import VpnError
from meshbench.vpns.base import Network, Node
from tests.unit import making

DATA = Path(__file__).parent / "data"
NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
ADDRESSES = ("6220d653d2", "2f0abf5689", "cffec810a3")
KEYS = {
    node.name: {
        "address": address,
        "public": f"{address}:0:public",
        "private": f"{address}:0:public:secret-{node.name}",
        "token": f"token-{node.name}",
        "planet_public": base64.b64encode(b"\0planet\xff").decode(),
    }
    for node, address in zip(NODES, ADDRESSES, strict=True)
}
ID = "6220d653d2000001"


def driver(**options: Any) -> Any:
    return making.driver("zerotier", options)


def files(node: Node, **options: Any) -> dict[str, bytes]:
    zerotier = driver(**options)
    all_files = zerotier.files(node, NETWORK, KEYS)
    secret = [file for file in all_files if b"secret-" in file.content or b"token-" in file.content]
    assert {file.mode for file in secret} == {0o600}
    assert len(secret) == 2
    return {str(file.path.relative_to(zerotier.folder)): file.content for file in all_files}


def test_everybody_joins_the_network_of_the_first_host_s_controller() -> None:
    for node in NODES:
        by_path = files(node)
        assert by_path["config/planet"] == b"\0planet\xff"
        assert f"config/networks.d/{ID}.conf" in by_path
        assert by_path["config/devicemap"] == f"{ID}=mesh0\n".encode()
        has = [path for path in by_path if "/controller.d/" in path]
        assert bool(has) == (node == NODES[0])


def test_the_controller_has_authorised_all_hosts_and_given_them_their_addresses() -> None:
    by_path = files(NODES[0], mtu=1400)
    folder = "config/controller.d/network"
    network = json.loads(by_path[f"{folder}/{ID}.json"])
    assert (network["id"], network["mtu"], network["private"]) == (ID, 1400, True)
    assert network["routes"] == [{"target": "10.88.0.0/24", "via": None}]
    for node, address in zip(NODES, ADDRESSES, strict=True):
        member = json.loads(by_path[f"{folder}/{ID}/member/{address}.json"])
        assert (member["authorized"], member["ipAssignments"]) == (True, [node.overlay])
        assert (member["id"], member["nwid"]) == (address, ID)


def test_only_the_data_network_is_used_and_nobody_outside_asked() -> None:
    settings = json.loads(files(NODES[1])["config/local.conf"])["settings"]
    assert settings == {
        "bind": ["198.19.0.2"],
        "portMappingEnabled": False,
        "allowTcpFallbackRelay": False,
        "softwareUpdate": "disable",
    }
    more = json.loads(files(NODES[1], concurrency=2)["config/local.conf"])["settings"]
    assert (more["multicoreEnabled"], more["concurrency"]) == (True, 2)


def test_the_daemon_works_on_copies_that_outlive_a_restart() -> None:
    service = driver().service(NODES[0], NETWORK, {})
    home = "/var/lib/meshbench/zerotier/home"
    assert service.start == ["zerotier-one", "-U", "-p9993", home]
    assert service.properties["ExecStartPre"] == (
        f'"cp" "-auT" "/var/lib/meshbench/zerotier/config" "{home}"'
    )


def material(identities: Sequence[str]) -> tuple[Any, making.ScriptedHost]:
    left = list(identities)

    def answer(argv: Sequence[str]) -> Any:
        if "generate" in argv:
            return left.pop(0)
        if "initmoon" in argv:
            world = {"id": ADDRESSES[0], "worldType": "moon", "signingKey_SECRET": "s"}
            return json.dumps({**world, "roots": [{"identity": argv[-1], "stableEndpoints": []}]})
        return "AFBM\nQU4=\n" if argv[0] == "base64" else ""

    host = making.ScriptedHost(answer=answer)
    return driver().material(NETWORK, [host]), host


def test_the_first_host_is_the_only_root_of_a_planet_of_its_own() -> None:
    work, host = material([f"{address}:0:pp:ss\n" for address in ADDRESSES])
    keys = asyncio.run(work)
    assert keys["yuki"]["private"] == "2f0abf5689:0:pp:ss"
    assert keys["yuki"]["public"] == "2f0abf5689:0:pp"
    assert {mine["planet_public"] for mine in keys.values()} == {"AFBMQU4="}
    assert len({mine["token"] for mine in keys.values()}) == 3
    world = host.files["/run/meshbench/zerotier-keys/world.json"]
    assert world.mode == 0o600
    planet = json.loads(world.content)
    assert planet["worldType"] == "planet"
    assert planet["roots"] == [
        {"identity": "6220d653d2:0:pp", "stableEndpoints": ["198.19.0.1/9993"]}
    ]
    assert host.asked[-2][-1] == "/run/meshbench/zerotier-keys/0000006220d653d2.moon"
    assert host.asked[-1] == ["rm", "-rf", "--", "/run/meshbench/zerotier-keys"]


def test_the_keys_folder_is_gone_also_when_there_is_no_identity() -> None:
    work, host = material(["no\n"])
    with pytest.raises(VpnError, match="lom: no identity"):
        asyncio.run(work)
    assert host.asked[-1] == ["rm", "-rf", "--", "/run/meshbench/zerotier-keys"]


def paths(peers: Any) -> dict[str, PathState]:
    names = {address: node.name for node, address in zip(NODES, ADDRESSES, strict=True)}
    del names[ADDRESSES[0]]

    def answer(argv: Sequence[str]) -> str:
        return json.dumps(names if argv[0] == "cat" else peers)

    host = making.ScriptedHost(answer=answer)
    states: dict[str, PathState] = asyncio.run(driver().paths(host, NODES[0], NETWORK))
    return states


def peer(address: str, paths_: list[dict[str, Any]], tunneled: bool = False) -> dict[str, Any]:
    return {
        "address": address, "latency": 1, "role": "LEAF", "version": "1.14.1",
        "tunneled": tunneled, "paths": paths_,
    }  # fmt: skip


def way(address: str, active: bool = True, preferred: bool = True) -> dict[str, Any]:
    return {
        "address": address,
        "active": active,
        "expired": not active,
        "preferred": preferred,
    }


def test_a_peer_with_an_active_path_is_direct() -> None:
    states = paths([
        peer(ADDRESSES[0], [way("198.19.0.1/9993")]),
        peer(ADDRESSES[1], [
            way("198.19.0.2/1234", preferred=False),
            way("198.19.0.2/9993"),
            way("192.0.2.9/9993", active=False),
        ]),
    ])  # fmt: skip
    assert states == {
        "yuki": PathState(
            kind="direct", transport="udp", endpoint="198.19.0.2:9993",
            details={
                "role": "LEAF", "version": "1.14.1", "latency_ms": 1,
                "paths": ["198.19.0.2/1234", "198.19.0.2/9993"],
            },
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "transport"),
    [
        (peer(ADDRESSES[2], []), "udp"),
        (peer(ADDRESSES[2], [way("198.19.0.3/9993", active=False)]), "udp"),
        (peer(ADDRESSES[2], [way("198.19.0.3/9993")], tunneled=True), "tcp"),
    ],
)
def test_a_peer_without_one_is_relayed(said: dict[str, Any], transport: str) -> None:
    state = paths([said])["luna"]
    assert (state.kind, state.endpoint, state.transport) == ("relay", None, transport)


def test_paths_as_1_14_1_tells_them() -> None:
    peers = json.loads((DATA / "zerotier-peers.json").read_text(encoding="utf-8"))
    names = {"ef6e261cf8": "yuki", "013d9cf3d5": "luna"}
    host = making.ScriptedHost(answer=lambda argv: json.dumps(names if argv[0] == "cat" else peers))
    states = asyncio.run(driver().paths(host, NODES[0], NETWORK))
    assert {name: (path.kind, path.endpoint) for name, path in states.items()} == {
        "yuki": ("direct", "198.19.0.2:9993"),
        "luna": ("direct", "198.19.0.3:9993"),
    }
    assert states["yuki"].details["paths"] == ["198.19.0.2/9993"], "two sockets, one way"


def test_paths_as_older_versions_tell_them() -> None:
    """1.8 and before have no `tunneled`; 1.2 no `preferred` nor `expired` either."""
    old = {"address": ADDRESSES[1], "paths": [{"address": "198.19.0.2/9993", "active": True}]}
    states = paths([{**old, "latency": -1, "version": "1.2.12"}, {"address": ADDRESSES[2]}])
    assert set(states) == {"yuki"}, "of luna's paths nothing is said"
    assert (states["yuki"].kind, states["yuki"].endpoint) == ("direct", "198.19.0.2:9993")
    assert states["yuki"].details["role"] is None


@pytest.mark.parametrize("said", [None, [{}], [None], [{"address": ADDRESSES[1], "paths": None}]])
def test_what_cannot_be_read_is_no_path(said: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        paths(said)
