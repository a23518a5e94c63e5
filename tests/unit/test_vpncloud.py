"""VpnCloud: keys of its form, its configuration, and peers as log and statistics tell them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meshbench.results.records import PathState
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common.units import Service
from meshbench.vpns.vpncloud import _BASE62, _key_pair, base62, ciphers_of, connected
from tests.unit import making

NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
KEYS = {n.name: {"private": f"secret-{n.name}", "public": f"public-{n.name}"} for n in NODES}
# Of 2.3.0, on lom: yuki was restarted, luna stopped.
JOURNAL = """\
Starting meshbench-vpn-vpncloud.service - meshbench: vpncloud...
INFO - Reading config file '/var/lib/meshbench/vpncloud/vpncloud.yaml'
INFO - Opened device mesh0
ERROR - Error setting optimal MTU on mesh0: No such device (os error 19)
INFO - Crypto speeds: AES_128_GCM: 797.8 MiB/s, AES_256_GCM: 896.0 MiB/s, CHACHA20_POLY1305: 419.8 MiB/s
INFO - Added peer 198.19.0.2:3210
INFO - Closing pending connection to 198.19.0.2:3210 due to error in crypto init
ERROR - Invalid crypto state: No message in buffer
INFO - Added peer 198.19.0.3:3210
INFO - Closing connection to 198.19.0.2:3210
INFO - Added peer 198.19.0.2:3210
INFO - Closing connection to 198.19.0.3:3210
"""
STATS = """\
peers:
  - "198.19.0.2:3210": { ttl_secs: 254, crypto: AES256 }

forwarding_table:
  claims:
    - "10.88.0.2/32": { peer: "198.19.0.2:3210", timeout: 254 }
  cache:
    - "10.88.0.2": { peer: "198.19.0.2:3210", timeout: 254 }

peer_traffic:
  - peer: "198.19.0.2:3210"
    in: { display: "20 B/s", bytes: 1201, packets: 8 }
    out: { display: "39 B/s", bytes: 2357, packets: 15 }

invalid_protocol_traffic: { display: "0 B/s", bytes: 0, packets: 4 }
"""


def driver(**options: Any) -> Any:
    return making.driver("vpncloud", options)


def config(node: Node, **options: Any) -> dict[str, Any]:
    (file,) = driver(**options).files(node, NETWORK, KEYS)
    assert file.mode == 0o600
    settings: dict[str, Any] = yaml.safe_load(file.content)
    return settings


def number(text: str) -> int:
    value = 0
    for sign in text:
        value = 62 * value + _BASE62.index(sign)
    return value


def test_keys_are_pairs_in_its_base_62() -> None:
    for _ in range(50):
        pair = _key_pair()
        private = Ed25519PrivateKey.from_private_bytes(number(pair["private"]).to_bytes(32))
        public = number(pair["public"]).to_bytes(32)
        assert public == private.public_key().public_bytes_raw()
        assert public[0], "it would be read as a shorter one"
        assert private.private_bytes_raw()[0]


@pytest.mark.parametrize(
    ("data", "text"), [(b"\0", ""), (b"\x3d", "z"), (b"\x3e", "10"), (b"\1\0", "48")]
)
def test_base_62(data: bytes, text: str) -> None:
    assert base62(data) == text


def test_a_host_trusts_the_others_keys_and_dials_them_on_the_data_network() -> None:
    settings = config(NODES[1])
    assert settings["crypto"] == {
        "private-key": "secret-yuki",
        "public-key": "public-yuki",
        "trusted-keys": ["public-lom", "public-luna"],
        "algorithms": [],
    }
    assert settings["listen"] == "198.19.0.2:3210"
    assert settings["peers"] == ["198.19.0.1:3210", "198.19.0.3:3210"]
    assert settings["claims"] == ["10.88.0.2/32"]
    assert settings["port-forwarding"] is False
    assert settings["ifup"] == (
        'ip address add 10.88.0.2/24 dev "$IFNAME" && ip link set "$IFNAME" up mtu 1427'
    )


def test_options_that_change_the_data_path() -> None:
    settings = config(NODES[0], cipher="plain", mtu=1300, port=17000)
    assert settings["crypto"]["algorithms"] == ["plain"]
    assert settings["ifup"].endswith("mtu 1300")
    assert settings["listen"] == "198.19.0.1:17000"
    assert settings["peers"] == ["198.19.0.2:17000", "198.19.0.3:17000"]


def test_a_way_to_the_address_it_asks_for_only_where_there_is_none() -> None:
    def service(route: str) -> Service:
        host = making.ScriptedHost(answer=lambda _: route)
        vpn_service: Service = driver().service(
            NODES[1], NETWORK, asyncio.run(driver().probe(host))
        )
        return vpn_service

    assert service("default via 192.0.2.254 dev eth0\n").properties == {}
    properties = service("").properties
    assert properties["ExecStartPre"] == (
        '"ip" "route" "replace" "8.8.8.8/32" "dev" "lo" "src" "198.19.0.2"'
    )
    assert properties["ExecStopPost"] == '-"ip" "route" "del" "8.8.8.8/32" "dev" "lo"'


def paths(journal: str, stats: Any) -> dict[str, PathState]:
    def answer(argv: Sequence[str]) -> Any:
        return {"systemctl": "0123\n", "journalctl": journal, "cat": stats}[argv[0]]

    host = making.ScriptedHost(answer=answer)
    states: dict[str, PathState] = asyncio.run(driver().paths(host, NODES[0], NETWORK))
    assert "_SYSTEMD_INVOCATION_ID=0123" in host.asked[1]
    return states


def test_paths_are_those_of_connected_peers() -> None:
    assert paths(JOURNAL, STATS) == {
        "yuki": PathState(
            kind="direct", transport="udp", endpoint="198.19.0.2:3210",
            cipher="AES256",
        )
    }  # fmt: skip


@pytest.mark.parametrize("stats", ["", "peers:\n\n", (1, "", "No such file"), 'peers:\n  - "198'])
def test_paths_before_the_statistics_are_written(stats: Any) -> None:
    states = paths(JOURNAL, stats)
    assert states["yuki"].kind == "direct"
    assert states["yuki"].cipher is None


def test_a_peer_that_timed_out_is_no_longer_connected() -> None:
    added = "INFO - Added peer 198.19.0.2:3210\n"
    assert connected(added) == {"198.19.0.2:3210"}
    assert connected(f"{added}INFO - Forgot peer 198.19.0.2:3210 due to timeout\n") == set()
    assert (
        connected("INFO - Ignoring non-init message from unknown peer 198.19.0.2:3210\n") == set()
    )


def test_the_cipher_in_use() -> None:
    assert ciphers_of(STATS) == {"198.19.0.2:3210": "AES256"}


def test_version() -> None:
    host = making.ScriptedHost(answer=lambda _: "VpnCloud v2.3.0\n")
    assert asyncio.run(driver().installed_version(host)) == "2.3.0"
