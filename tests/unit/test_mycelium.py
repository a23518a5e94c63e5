"""Mycelium: static peers on the data network, addresses from the program, routes as it tells them."""

import asyncio
import json
import tomllib
from collections.abc import Sequence
from typing import Any

import pytest

from meshbench.results.records import PathState
from meshbench.vpns.base import Network, Node
from tests.unit import making

NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
ADDRESSES = {"lom": "4d1:1::1", "yuki": "4d2:1::1", "luna": "4d3:1::1"}
KEYS = {
    name: {"private": f"secret-{name}", "public": f"public-{name}", "address": address}
    for name, address in ADDRESSES.items()
}


def driver(**options: Any) -> Any:
    return making.driver("mycelium", options)


def files(node: Node, **options: Any) -> dict[str, Any]:
    mycelium = driver(**options)
    host_files = mycelium.files(node, NETWORK, KEYS)
    assert {file.path.name: file.mode for file in host_files if file.secret} == {"key": 0o600}
    return {file.path.name: file.content.decode() for file in host_files}


def test_every_host_dials_all_others_and_nobody_else() -> None:
    config = tomllib.loads(files(NODES[1])["mycelium.toml"])
    assert config["peers"] == ["tcp://198.19.0.1:9651", "tcp://198.19.0.3:9651"]
    assert config["disable_peer_discovery"] is True
    assert config["tun_name"] == "mesh0"
    assert {config["api_addr"].split(":")[0], config["jsonrpc_addr"].split(":")[0]} == {"127.0.0.1"}
    changed = tomllib.loads(files(NODES[1], transport="quic", port=7000)["mycelium.toml"])
    assert changed["peers"] == ["quic://198.19.0.1:7000", "quic://198.19.0.3:7000"]
    assert (changed["tcp_listen_port"], changed["quic_listen_port"]) == (7000, 7000)


def test_an_mtu_of_one_s_own_is_set_when_the_interface_is_there() -> None:
    assert driver().service(NODES[0], NETWORK, {}).after_start == ()
    (command,) = driver(mtu=1320).service(NODES[0], NETWORK, {}).after_start
    assert command[:2] == ["sh", "-c"]
    assert command[3:] == ["sh", "mesh0", "1320"]


def test_addresses_are_the_program_s_and_its_keys_files_are_gone() -> None:
    addresses = iter(("4d1:0:0:0:0:0:0:1", "4d2::1", "4d3::1"))

    def answer(argv: Sequence[str]) -> str:
        reply = {"publicKey": "ab12", "address": next(addresses)} if "inspect" in argv else {}
        return json.dumps(reply)

    host = making.ScriptedHost(answer=answer)
    material = asyncio.run(driver().material(NETWORK, [host]))
    assert [driver().address(node, material) for node in NODES] == ["4d1::1", "4d2::1", "4d3::1"]
    keys = [mine["private"] for mine in material.values()]
    assert len(set(keys)) == 3
    assert {len(key.encode()) for key in keys} == {32}, "an X25519 key has 32 bytes"
    assert host.asked[-1] == ["rm", "-rf", "--", "/run/meshbench/mycelium-key"]
    assert host.files["/run/meshbench/mycelium-key/key"].mode == 0o600


def paths(routes: Any) -> dict[str, PathState]:
    others = {name: address for name, address in ADDRESSES.items() if name != "lom"}

    def answer(argv: Sequence[str]) -> str:
        return json.dumps(others if argv[0] == "cat" else routes)

    host = making.ScriptedHost(answer=answer)
    by_host: dict[str, PathState] = asyncio.run(driver().paths(host, NODES[0], NETWORK))
    return by_host


def route(subnet: str, hop: str) -> dict[str, Any]:
    return {"subnet": subnet, "nextHop": hop, "metric": 16, "seqno": 1}


def test_a_route_over_the_host_itself_is_direct() -> None:
    assert paths([
        route("4d1:1::/64", "TCP 198.19.0.1:1 <-> 198.19.0.9:9651"),
        route("4d2:1::/64", "TCP [::ffff:198.19.0.1]:9651 <-> [::ffff:198.19.0.2]:42054"),
    ]) == {
        "yuki": PathState(
            kind="direct", transport="tcp", endpoint="198.19.0.2:42054",
            details={"metric": 16},
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hop", "kind", "transport"),
    [
        ("QUIC -> 198.19.0.3:9651", "direct", "quic"),
        ("TCP 198.19.0.1:9651 <-> 198.19.0.3:55012", "direct", "tcp"),
        ("TCP 198.19.0.1:41234 <-> 198.19.0.2:9651", "relay", "tcp"),
        ("TCP 198.19.0.1:41234 <-> 198.19.0.33:9651", "relay", "tcp"),
    ],
)
def test_a_route_over_another_host_is_relayed(hop: str, kind: str, transport: str) -> None:
    path = paths([route("4d3:1::/64", hop)])["luna"]
    assert (path.kind, path.transport) == (kind, transport)
    assert path.endpoint == hop.rpartition(" ")[2]


def test_without_a_route_there_is_no_path() -> None:
    assert paths([]) == {}
