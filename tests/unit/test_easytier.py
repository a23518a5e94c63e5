"""EasyTier: its configuration, and peers and routes as its command line tells them."""

import asyncio
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from meshbench.results.records import PathState
from meshbench.vpns.base import Network, Node
from meshbench.vpns.easytier import routes
from tests.unit import making

DATA = Path(__file__).parent / "data"
NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
KEYS = {node.name: {"private": "the-secret-of-all"} for node in NODES}


def driver(**options: Any) -> Any:
    return making.driver("easytier", options)


def config(node: Node, **options: Any) -> dict[str, Any]:
    (file,) = driver(**options).files(node, NETWORK, KEYS)
    assert file.mode == 0o600
    return tomllib.loads(file.content.decode())


def test_the_others_dial_the_first_host_and_all_listen_on_the_data_network_only() -> None:
    first, second = config(NODES[0]), config(NODES[1])
    assert "peer" not in first
    assert second["peer"] == [{"uri": "tcp://198.19.0.1:11010"}]
    assert second["listeners"] == ["tcp://198.19.0.2:11010"]
    assert second["ipv4"] == "10.88.0.2/24"
    assert second["hostname"] == "yuki"
    assert second["rpc_portal"].startswith("127.0.0.1:")
    assert second["flags"]["dev_name"] == "mesh0"
    assert second["flags"]["enable_ipv6"] is False


def test_all_hosts_share_one_secret() -> None:
    assert config(NODES[0])["network_identity"]["network_secret"] == "the-secret-of-all"
    keys = asyncio.run(driver().material(NETWORK, []))
    assert len({mine["private"] for mine in keys.values()}) == 1
    assert asyncio.run(driver().material(NETWORK, [])) != keys


def test_options_that_change_the_data_path() -> None:
    changed = {"transport": "udp", "mtu": 1300, "encryption": False, "latency_first": True}
    settings = config(NODES[1], **changed)
    assert settings["peer"] == [{"uri": "udp://198.19.0.1:11010"}]
    assert settings["listeners"] == ["udp://198.19.0.2:11010"]
    flags = settings["flags"]
    assert (flags["default_protocol"], flags["mtu"]) == ("udp", 1300)
    assert (flags["enable_encryption"], flags["latency_first"]) == (False, True)


def test_what_it_prints_with_the_secret_in_it_goes_nowhere() -> None:
    service = driver().service(NODES[0], NETWORK, {})
    assert service.properties["StandardOutput"] == "null"
    assert "--multi-thread" not in service.start
    assert "--multi-thread" in driver(multi_thread=True).service(NODES[0], NETWORK, {}).start


def test_it_cannot_find_public_servers() -> None:
    service = driver().service(NODES[0], NETWORK, {})
    assert service.properties["BindReadOnlyPaths"] == "/dev/null:/etc/resolv.conf"


def test_version() -> None:
    host = making.ScriptedHost(answer=lambda _: "easytier-core 2.0.3\n")
    assert asyncio.run(driver().installed_version(host)) == "2.0.3"


def test_paths_as_its_command_line_tells_them() -> None:
    output = (DATA / "easytier-peers.txt").read_text(encoding="utf-8")
    host = making.ScriptedHost(answer=lambda _: output)
    paths = asyncio.run(driver().paths(host, NODES[0], NETWORK))
    assert host.asked == [["easytier-cli", "-p", "127.0.0.1:15888", "peer", "list", "-v"]]
    assert paths == {
        "yuki": PathState(
            kind="direct", transport="tcp", endpoint="198.19.0.2:46161",
            details={
                "cost": "1", "version": "2.0.3", "connections": ["tcp://198.19.0.2:46161"],
            },
        ),
        "luna": PathState(
            kind="direct", transport="tcp", endpoint="198.19.0.3:33613",
            details={
                "cost": "1", "version": "2.0.3", "connections": ["tcp://198.19.0.3:33613"],
            },
        ),
    }  # fmt: skip


def test_a_peer_without_a_connection_is_relayed() -> None:
    paths = routes((DATA / "easytier-peers-relayed.txt").read_text(encoding="utf-8"))
    assert (paths["lom"].kind, paths["lom"].endpoint) == ("direct", "198.19.0.1:11010")
    assert paths["luna"] == PathState(
        kind="relay", details={"cost": "2", "version": "2.0.3", "connections": []}
    )


def test_without_peers_there_are_no_paths() -> None:
    assert routes("[]\n") == {}


PAIRS = [
    {
        "route": {"peer_id": 7, "hostname": "yuki", "cost": 1, "version": "2.4.5-abc"},
        "peer": {"peer_id": 7, "conns": [{"conn_id": "x", "tunnel": {
            "tunnel_type": "tcp", "local_addr": {"url": "tcp://198.19.0.1:1"},
            "remote_addr": {"url": "tcp://198.19.0.2:46161"},
        }}]},
    },
    {"route": {"peer_id": 8, "hostname": "luna", "cost": 2, "version": "2.4.5-abc"}, "peer": None},
]  # fmt: skip


def paths_of_2_3(output: str) -> Any:
    """What is made of the answer of a program whose `peer list` takes no -v."""

    def answer(argv: Sequence[str]) -> Any:
        return (2, "", "error: unexpected argument '-v' found") if argv[-1] == "-v" else output

    host = making.ScriptedHost(answer=answer)
    paths = asyncio.run(driver().paths(host, NODES[0], NETWORK))
    assert host.asked[-1][-3:] == ["-v", "peer", "list"]
    return paths


def test_paths_as_2_3_and_later_tell_them() -> None:
    paths = paths_of_2_3(json.dumps(PAIRS, indent=2))
    assert paths == {
        "yuki": PathState(
            kind="direct", transport="tcp", endpoint="198.19.0.2:46161",
            details={
                "cost": "1", "version": "2.4.5-abc", "connections": ["tcp://198.19.0.2:46161"],
            },
        ),
        "luna": PathState(
            kind="relay", details={"cost": "2", "version": "2.4.5-abc", "connections": []}
        ),
    }  # fmt: skip
    assert paths_of_2_3("[]\n") == {}


@pytest.mark.parametrize("said", ["", "┌──────┐", "null", '[{"peer": {}}]'])
def test_an_answer_without_peers_does_not_pass_for_no_peers(said: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        paths_of_2_3(said)


def test_an_answer_of_older_ones_without_peers_does_not_pass_for_no_peers() -> None:
    host = making.ScriptedHost(answer=lambda _: "something else\n")
    with pytest.raises(ValueError, match="no peers in 'something else'"):
        asyncio.run(driver().paths(host, NODES[0], NETWORK))
