"""OpenVPN: who is told what of whom, and its status files."""

import asyncio
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from pydantic import ValidationError

from meshbench.results.records import PathState
from meshbench.vpns.base import Driver, Network, Node
from tests.unit import making

NODES = tuple(Node(i, name, f"192.0.2.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
FIRST, SECOND, THIRD = NODES
COLUMNS = (
    "Common Name\tReal Address\tVirtual Address\tVirtual IPv6 Address\tBytes Received\tBytes Sent\t"
    "Connected Since\tConnected Since (time_t)\tUsername\tClient ID\tPeer ID\tData Channel Cipher"
)
CLIENT = "yuki\t192.0.2.2:36269\t10.88.0.2\t\t3310\t3170\t2026-11-23 09:21:59\t1795425719\tUNDEF\t1\t0\tAES-256-GCM"
SERVER = f"""\
TITLE\tOpenVPN 2.6.14 x86_64-pc-linux-gnu
TIME\t2026-11-23 09:21:59\t1795425719
HEADER\tCLIENT_LIST\t{COLUMNS}
CLIENT_LIST\t{CLIENT}
HEADER\tROUTING_TABLE\tVirtual Address\tCommon Name\tReal Address\tLast Ref\tLast Ref (time_t)
GLOBAL_STATS\tMax bcast/mcast queue length\t0
GLOBAL_STATS\tdco_enabled\t0
END
"""
STATISTICS = """\
OpenVPN STATISTICS
Updated,2026-11-23 09:21:59
TUN/TAP read bytes,0
TCP/UDP read bytes,{read}
Auth read bytes,0
END
"""


def openvpn(**options: Any) -> Driver:
    return making.driver("openvpn", options)


def files(node: Node, **options: Any) -> dict[str, str]:
    driver = openvpn(**options)
    keys = asyncio.run(driver.material(NETWORK, []))
    return {
        str(file.path.relative_to(driver.folder)): file.content.decode()
        for file in driver.files(node, NETWORK, keys)
    }


def paths(node: Node, status: str, **options: Any) -> Any:
    host = making.ScriptedHost(node.name, lambda _: status, node.index)
    return asyncio.run(openvpn(**options).paths(host, node, NETWORK))


def test_the_server_knows_its_clients_by_fingerprint_and_gives_each_its_address() -> None:
    driver = openvpn()
    keys = asyncio.run(driver.material(NETWORK, []))
    contents = {
        file.path.name: file.content.decode() for file in driver.files(FIRST, NETWORK, keys)
    }
    listed = contents["openvpn.conf"].partition("<peer-fingerprint>\n")[2].splitlines()[:2]
    for node, fingerprint in zip((SECOND, THIRD), listed, strict=True):
        certificate = x509.load_pem_x509_certificate(keys[node.name]["certificate"].encode())
        assert fingerprint == certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        assert contents[node.name] == f"ifconfig-push {node.overlay} 255.255.255.0\n"
    assert keys["lom"]["public_fingerprint"] not in contents["openvpn.conf"]


def test_a_client_dials_the_server_and_knows_nobody_else() -> None:
    contents = files(SECOND)
    assert "remote 192.0.2.1 1194 udp4" in contents["openvpn.conf"].splitlines()
    assert contents["openvpn.conf"].count(":") == 31, "one fingerprint"
    assert set(contents) == {"openvpn.conf", "host.crt", "host.key"}


def test_options_change_what_they_say() -> None:
    server = files(FIRST, transport="tcp", mtu=1400, cipher="CHACHA20-POLY1305")["openvpn.conf"]
    assert {"proto tcp4-server", "tun-mtu 1400", "data-ciphers CHACHA20-POLY1305"} <= set(
        server.splitlines()
    )
    assert "explicit-exit-notify" not in server
    client = files(SECOND, transport="tcp")["openvpn.conf"]
    assert "remote 192.0.2.1 1194 tcp4-client" in client.splitlines()
    assert "data-ciphers" not in client


@pytest.mark.parametrize("cipher", ["", "AES-256-GCM\nscript-security 2"])
def test_a_cipher_is_one_word(cipher: str) -> None:
    with pytest.raises(ValidationError):
        openvpn(cipher=cipher)


def test_the_server_tells_of_each_client() -> None:
    assert paths(FIRST, SERVER) == {
        "yuki": PathState(
            kind="direct", transport="udp", endpoint="192.0.2.2:36269", cipher="AES-256-GCM",
            details={"connected_since": "2026-11-23 09:21:59"},
        )
    }  # fmt: skip


def test_a_client_reaches_the_other_over_the_server() -> None:
    by_host = paths(SECOND, STATISTICS.format(read=3170), transport="tcp")
    assert {name: path.kind for name, path in by_host.items()} == {"lom": "direct", "luna": "relay"}
    assert {(path.transport, path.endpoint) for path in by_host.values()} == {
        ("tcp", "192.0.2.1:1194")
    }


@pytest.mark.parametrize("status", ["", STATISTICS.format(read=0)])
def test_a_client_that_has_heard_nothing_has_no_paths(status: str) -> None:
    assert paths(SECOND, status) == {}


@pytest.mark.parametrize("status", ["", "TITLE\tOpenVPN 2.6.14\nEND\n"])
def test_a_server_without_clients_has_no_paths(status: str) -> None:
    assert paths(FIRST, status) == {}


def test_its_version() -> None:
    output = "OpenVPN 2.6.14 x86_64-pc-linux-gnu [SSL (OpenSSL)]\nlibrary versions: OpenSSL 3.5.7\n"
    host = making.ScriptedHost(answer=lambda _: (1, output, ""))
    assert asyncio.run(openvpn().installed_version(host)) == "2.6.14"
