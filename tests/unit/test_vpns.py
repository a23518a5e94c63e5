"""Every VPN's files, services and paths: secrets only where they belong, direct told from relayed."""

import asyncio
import dataclasses
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any

import asyncssh
import pytest
import yaml

from meshbench import vpns
from meshbench.results.records import PathState
from meshbench.util.errors import VpnError
from meshbench.vpns.base import Driver, Material, Network, Node
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh, assemble, digest, install, installed, material
from tests.unit import making

NODES = tuple(Node(i, name, f"192.0.2.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
FIRST, SECOND, THIRD = NODES
OPTIONS: dict[str, dict[str, Any]] = {"tinc": {"key_bits": 1024}}
FACTS = {"implementation": "go", "default_route": "no"}


def certificates(argv: Sequence[str]) -> str:
    """What the first host prints while it signs; the last line is the secret one."""
    return f"-----{argv[-1]}-----\n" if argv[0] == "cat" else ""


def secrets_of(keys: Material) -> list[str]:
    words = [value for mine in keys.values() for key, value in mine.items()
             if key in {"private", "admin", "admin_host"}]  # fmt: skip
    return [line for word in words for line in word.splitlines() if "-----BEGIN" not in line
            and "-----END" not in line]  # fmt: skip


@pytest.fixture(scope="module", params=vpns.names())
def made(request: pytest.FixtureRequest) -> tuple[Driver, Material]:
    driver = making.driver(request.param, OPTIONS.get(request.param))
    hosts = [making.ScriptedHost(node.name, certificates, node.index) for node in NODES]
    try:
        return driver, asyncio.run(driver.material(NETWORK, hosts))
    except (ValueError, LookupError, VpnError):
        pytest.skip(f"{driver.name} makes its keys with its own program: see tests/lab")


def test_secrets_are_only_in_files_of_mode_600(made: tuple[Driver, Material]) -> None:
    driver, keys = made
    for node in NODES:
        for file in driver.files(node, NETWORK, keys):
            content = file.content.decode()
            has_secret = any(secret in content for secret in secrets_of(keys))
            assert not has_secret or file.mode == 0o600, file.path
            assert file.path.is_relative_to(driver.folder)


def test_a_host_gets_nobody_else_s_secrets(made: tuple[Driver, Material]) -> None:
    driver, keys = made
    for node in NODES:
        theirs = secrets_of({name: mine for name, mine in keys.items() if name != node.name})
        mine = secrets_of({node.name: keys[node.name]})
        content = "".join(file.content.decode() for file in driver.files(node, NETWORK, keys))
        assert not [secret for secret in theirs if secret in content and secret not in mine]


def test_the_effective_configuration_has_no_secrets_and_all_options(
    made: tuple[Driver, Material],
) -> None:
    driver, keys = made
    text = json.dumps(dict(driver.effective(NETWORK)))
    assert not [secret for secret in secrets_of(keys) if secret in text]
    assert driver.options.model_dump(mode="json").items() <= json.loads(text).items()


def test_the_same_keys_give_the_same_files(made: tuple[Driver, Material]) -> None:
    driver, keys = made
    for node in NODES:
        first, second = (list(driver.files(node, NETWORK, keys)) for _ in range(2))
        assert digest(first) == digest(second)
        assert len({file.path for file in first}) == len(first)


def test_the_service_names_no_secret(made: tuple[Driver, Material]) -> None:
    driver, keys = made
    for node in NODES:
        service = driver.service(node, NETWORK, FACTS)
        assert not [secret for secret in secrets_of(keys) if secret in str(service)]


def test_every_node_has_an_address_of_its_own(made: tuple[Driver, Material]) -> None:
    driver, keys = made
    addresses = [driver.address(node, keys) for node in NODES]
    assert len({ipaddress.ip_address(address) for address in addresses}) == len(NODES)
    bare = addresses == [node.underlay for node in NODES]
    assert bare == (driver.service(FIRST, NETWORK, FACTS) is None)


@pytest.mark.parametrize("name", vpns.names())
def test_a_driver_is_named_like_its_module(name: str) -> None:
    driver = vpns.load(name)
    assert driver.name == name
    assert driver.version >= 1
    assert driver.__doc__


def test_there_is_no_driver_of_another_name() -> None:
    for name in ("base", "lifecycle", "units", "nonesuch", "../nebula"):
        with pytest.raises(KeyError):
            vpns.load(name)


def files_of(
    name: str, node: Node, keys: Material | None = None, **options: Any
) -> Mapping[str, str]:
    driver = making.driver(name, {**OPTIONS.get(name, {}), **options})
    host = making.ScriptedHost(answer=certificates)
    key_material = keys or asyncio.run(driver.material(NETWORK, [host]))
    return {
        str(file.path.relative_to(driver.folder)): file.content.decode()
        for file in driver.files(node, NETWORK, key_material)
    }


KEYS = {n.name: {"private": f"secret-{n.name}", "public": f"public-{n.name}"} for n in NODES}


def test_wireguard_is_a_full_mesh_of_static_peers() -> None:
    text = files_of("wireguard", SECOND, KEYS, port=7000)["wg.conf"]
    assert text.split("\n\n") == [
        "[Interface]\nPrivateKey = secret-yuki\nListenPort = 7000",
        "[Peer]\nPublicKey = public-lom\nAllowedIPs = 10.88.0.1/32\nEndpoint = 192.0.2.1:7000",
        "[Peer]\nPublicKey = public-luna\nAllowedIPs = 10.88.0.3/32\nEndpoint = 192.0.2.3:7000\n",
    ]


def test_wireguard_keys_are_pairs() -> None:
    from base64 import b64decode  # noqa: PLC0415

    from cryptography.hazmat.primitives.asymmetric.x25519 import (  # noqa: PLC0415
        X25519PrivateKey,
    )

    driver = vpns.load("wireguard")("wireguard")
    for pair in asyncio.run(driver.material(NETWORK, [])).values():
        private = X25519PrivateKey.from_private_bytes(b64decode(pair["private"]))
        assert private.public_key().public_bytes_raw() == b64decode(pair["public"])


@pytest.mark.parametrize(
    ("wanted", "module", "program", "found"),
    [
        ("auto", True, True, "kernel"),
        ("auto", False, True, "go"),
        ("go", True, True, "go"),
        ("kernel", False, True, "the kernel has no wireguard"),
        ("auto", False, False, "no wireguard module and wireguard-go is not installed"),
    ],
)
def test_wireguard_is_the_kernel_s_where_it_has_it(
    wanted: str, module: bool, program: bool, found: str
) -> None:
    def answer(argv: Sequence[str]) -> Any:
        if argv[0] == "sh":
            return "" if program else "wireguard-go\n"
        return "" if module else (2, "", "Unknown device type.")

    driver = making.driver("wireguard", {"implementation": wanted})
    host = making.ScriptedHost(answer=answer)
    if found in {"kernel", "go"}:
        facts = asyncio.run(driver.probe(host))
        assert facts == {"implementation": found}
        service = driver.service(FIRST, NETWORK, facts)
        assert service is not None
        assert service.kind == {"kernel": "oneshot", "go": "forking"}[found]
    else:
        with pytest.raises(VpnError, match=f"^lom: {found}"):
            asyncio.run(driver.probe(host))


def test_nebula_s_first_host_is_the_lighthouse_of_the_others() -> None:
    first, second = (yaml.safe_load(files_of("nebula", n)["config.yml"]) for n in (FIRST, SECOND))
    assert first["lighthouse"] == {"am_lighthouse": True}
    assert second["lighthouse"] == {"am_lighthouse": False, "hosts": ["10.88.0.1"]}
    assert first["static_host_map"] == {"10.88.0.1": ["192.0.2.1:4242"]}
    assert second["sshd"]["listen"] == "127.0.0.1:2242"
    changed = yaml.safe_load(files_of("nebula", FIRST, mtu=1200, cipher="chachapoly")["config.yml"])
    assert (changed["tun"]["mtu"], changed["cipher"]) == (1200, "chachapoly")


def test_nebula_s_authority_is_gone_from_the_host_also_when_signing_fails() -> None:
    def answer(argv: Sequence[str]) -> Any:
        return (1, "", "no") if argv[:2] == ["nebula-cert", "sign"] else ""

    host = making.ScriptedHost(answer=answer)
    with pytest.raises(Exception, match="nebula-cert sign"):
        asyncio.run(vpns.load("nebula")("nebula").material(NETWORK, [host]))
    assert host.asked[0][:3] == ["install", "-d", "-m"]
    assert host.asked[-1] == ["rm", "-rf", "--", host.asked[0][-1]]


def test_nebula_s_debug_server_is_known_by_its_key() -> None:
    files = files_of("nebula", THIRD)
    name, *key = files["known_hosts"].split()
    assert name == "[127.0.0.1]:2242"
    mine = asyncssh.import_private_key(files["admin_host.key"])
    assert mine.export_public_key().decode().split()[:2] == key[:2]


def test_tinc_s_nodes_dial_the_first_one_and_know_everybody() -> None:
    first, second = (files_of("tinc", node, KEYS) for node in (FIRST, SECOND))
    assert "ConnectTo" not in first["tinc.conf"]
    assert "ConnectTo = n1\n" in second["tinc.conf"]
    assert set(second) >= {"hosts/n1", "hosts/n2", "hosts/n3", "tinc-up", "rsa_key.priv"}
    assert second["hosts/n3"] == (
        "Address = 192.0.2.3\nPort = 655\nSubnet = 10.88.0.3/32\npublic-luna"
    )
    changed = files_of("tinc", FIRST, KEYS, cipher="aes-256-cbc", tcp_only=True)["tinc.conf"]
    assert "Cipher = aes-256-cbc\n" in changed
    assert "TCPOnly = yes\n" in changed


def test_an_option_adds_no_line_to_a_configuration() -> None:
    with pytest.raises(ValueError, match="cipher"):
        making.driver("tinc", {"cipher": "none\nScriptsInterpreter = /bin/sh"})


def paths(name: str, answer: making.Answer) -> Mapping[str, PathState]:
    driver = vpns.load(name)(name)
    return asyncio.run(driver.paths(making.ScriptedHost(answer=answer), FIRST, NETWORK))


def test_wireguard_s_paths() -> None:
    dump = (
        "privatekey\tpublickey\t6666\toff\n"
        "key2\t(none)\t192.0.2.2:6666\t10.88.0.2/32\t1795414752\t348\t404\toff\n"
        "key3\t(none)\t(none)\t10.88.0.3/32\t0\t0\t148\t25\n"
    )
    states = paths("wireguard", lambda _: dump)
    assert states["yuki"] == PathState(
        kind="direct", transport="udp", endpoint="192.0.2.2:6666",
        details={"latest_handshake": 1795414752, "received_bytes": 348, "sent_bytes": 404},
    )  # fmt: skip
    assert states["luna"].endpoint is None
    assert "privatekey" not in str(states)


NEBULA_1_9 = [
    {"vpnIp": "10.88.0.2", "currentRemote": "192.0.2.2:4242", "currentRelaysToMe": []},
    {"vpnIp": "10.88.0.3", "currentRemote": "", "currentRelaysToMe": ["10.88.0.1"]},
]
NEBULA_1_10 = [
    {"vpnAddrs": ["10.88.0.2"], "currentRemote": {"ip": "192.0.2.2", "port": 4242}},
    {"vpnAddrs": ["fd00::3", "10.88.0.3"], "currentRemote": None,
     "currentRelaysToMe": ["10.88.0.1"]},
]  # fmt: skip


@pytest.mark.parametrize("hostmap", [NEBULA_1_9, NEBULA_1_10])
def test_nebula_s_paths_of_both_formats(hostmap: list[dict[str, Any]]) -> None:
    states = paths("nebula", lambda _: json.dumps(hostmap))
    assert states["yuki"] == PathState(
        kind="direct", transport="udp", endpoint="192.0.2.2:4242", details={"relays": []}
    )
    assert (states["luna"].kind, states["luna"].endpoint) == ("relay", None)
    assert states["luna"].details == {"relays": ["10.88.0.1"]}


@pytest.mark.parametrize("said", ["", "[]", "null", "\n"])
def test_nebula_without_tunnels_has_no_paths(said: str) -> None:
    assert paths("nebula", lambda _: said) == {}


TINC = """\
Nodes:
 n1 at MYSELF port 655 cipher 0 digest 0 maclength 0 compression 0 options c status 0018 nexthop n1 via n1 pmtu 1518 (min 0 max 1518)
 n2 at 192.0.2.2 port 655 cipher 427 digest 672 maclength 4 compression 0 options c status 001a nexthop n2 via n2 pmtu 1451 (min 1451 max 1451)
 n3 at 192.0.2.3 port 655 cipher 427 digest 672 maclength 4 compression 0 options c status 001a nexthop n2 via n2 pmtu 0 (min 0 max 1518)
End of nodes.
"""


def test_tinc_s_paths() -> None:
    states = paths("tinc", lambda argv: TINC if argv[0] == "journalctl" else "1.5")
    assert (states["yuki"].kind, states["yuki"].transport) == ("direct", "udp")
    assert states["yuki"].endpoint == "192.0.2.2:655"
    assert states["yuki"].details["pmtu"] == "1451"
    assert (states["luna"].kind, states["luna"].transport) == ("relay", "tcp")


def test_the_bare_link_is_its_own_path() -> None:
    states = paths("internal", lambda _: "")
    assert states["yuki"] == PathState(kind="direct", transport="ip", endpoint="192.0.2.2")


@pytest.mark.parametrize(
    ("name", "said", "version"),
    [
        ("internal", "6.1.0-13-amd64\n", "6.1.0-13-amd64"),
        ("nebula", "Version: 1.9.3\n", "1.9.3"),
        ("tinc", "tinc version 1.0.36\nCopyright\n", "1.0.36"),
        ("wireguard", "wireguard-go v0.0.20230223\n\nUserspace\n", "wireguard-go v0.0.20230223"),
    ],
)
def test_versions_are_the_programs_own(name: str, said: str, version: str) -> None:
    def answer(argv: Sequence[str]) -> Any:
        return (2, "", "Unknown device type.") if argv[:2] == ["ip", "link"] else said

    driver = vpns.load(name)(name)
    assert asyncio.run(driver.installed_version(making.ScriptedHost(answer=answer))) == version


def test_keys_are_made_once_and_again_when_what_they_are_for_changes(tmp_path: Any) -> None:
    def get(name: str = "wireguard", **options: Any) -> Material:
        driver = vpns.load("wireguard")(name, vpns.options("wireguard").model_validate(options))
        return asyncio.run(material(driver, NETWORK, [], tmp_path))

    first = get()
    assert get() == first
    assert get("other") != first
    assert get() == first
    assert get(mtu=1300) != first
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_missing_program_is_the_vpn_s_failure_and_names_host_and_program(tmp_path: Any) -> None:
    hosts = [
        making.ScriptedHost("lom"),
        making.ScriptedHost("yuki", lambda argv: "tincd\n" if argv[0] == "sh" else ""),
    ]
    with pytest.raises(VpnError, match=r"^no binary: yuki: tincd is not installed$"):
        asyncio.run(assemble(vpns.load("tinc")("tinc"), NETWORK, hosts, tmp_path))


def test_the_marker_says_exactly_what_is_installed() -> None:
    hosts = tuple(making.ScriptedHost(node.name, index=node.index) for node in NODES)
    driver = vpns.load("wireguard")("wireguard")
    facts = {node.name: FACTS for node in NODES}
    mesh = Mesh(driver, NETWORK, hosts, KEYS, facts)
    asyncio.run(install(mesh))
    marker = str(driver.folder / "installed")
    markers = {host.name: host.files[marker].content.decode() for host in hosts}
    assert installed(mesh, markers)
    assert not installed(mesh, {**markers, "luna": "other"})
    assert not installed(mesh, {"lom": markers["lom"]})
    changed = Mesh(making.driver("wireguard", {"mtu": 1300}), NETWORK, hosts, KEYS, facts)
    assert not installed(changed, markers)
    uploaded = set(hosts[0].files)
    assert uploaded == {
        marker, str(driver.folder / "wg.conf"), "/etc/systemd/system/meshbench-vpn-wireguard.service"
    }  # fmt: skip


YGGDRASIL = {
    "0.5": [
        {"key": "ab", "remote": "tls://192.0.2.2:6384", "up": True, "inbound": True, "uptime": 2.5},
        {"key": "cd", "remote": "tls://192.0.2.3:6384", "up": False},
    ],
    "0.4": [{"key": "ab", "remote": "tls://192.0.2.2:6384", "uptime": 2.5, "coords": [1]}],
}


def yggdrasil(reply: Any) -> Mapping[str, PathState]:
    keys = {"yuki": "ab", "luna": "cd"}
    return paths("yggdrasil", lambda argv: json.dumps(keys if argv[0] == "cat" else reply))


@pytest.mark.parametrize("version", list(YGGDRASIL))
def test_yggdrasil_s_paths_of_both_formats(version: str) -> None:
    states = yggdrasil({"peers": YGGDRASIL[version]})
    assert (states["yuki"].kind, states["yuki"].transport) == ("direct", "tls")
    assert states["yuki"].endpoint == "192.0.2.2:6384"
    assert states["luna"] == PathState(kind="relay")


@pytest.mark.parametrize("peers", [[], [{"key": "ab", "up": False}], [{"key": "ab"}, {"up": True}]])
def test_yggdrasil_s_unknown_paths_are_not_taken_for_relayed(peers: Any) -> None:
    assert "luna" not in yggdrasil({"peers": peers})


@pytest.mark.parametrize("said", [{"peers": None}, {"peers": {"200::1": {}}}, {}, None, []])
def test_what_yggdrasil_of_another_version_says_is_no_path(said: Any) -> None:
    with pytest.raises(ValueError, match="."):
        yggdrasil(said)


@pytest.mark.parametrize(
    "dump", ["", "own\n", "own\nkey2\t(none)\t(none)\t10.88.0.2/32\tx\t1\t2\toff\n"]
)
def test_wireguard_s_dump_that_is_cut_short_has_no_paths(dump: str) -> None:
    assert paths("wireguard", lambda _: dump) == {}


def test_paths_that_are_not_told_are_unknown_with_the_reason() -> None:
    """As they come into a record: with the interface and its MTU, and without a kind."""
    answers = {"cat": "1300\n", "bridge": "00:00:00:00:00:00 dst 192.0.2.2 self permanent\n"}
    host = making.ScriptedHost(answer=lambda argv: answers[argv[0]])
    mesh = Mesh(vpns.load("vxlan")("vxlan"), NETWORK, (host,), {}, {})
    states = asyncio.run(lifecycle.paths(mesh))
    assert states["lom", "yuki"].known
    assert states["lom", "luna"] == PathState(
        interface="mesh0", tunnel_mtu=1300, details={"unknown": "the daemon tells of no path"}
    )
    answers["bridge"] = ""
    down = making.ScriptedHost(answer=lambda argv: (1, "", "no") if argv[0] == "bridge" else "")
    states = asyncio.run(lifecycle.paths(dataclasses.replace(mesh, hosts=(down,))))
    assert [state.known for state in states.values()] == [False, False]
    assert "ended with 1: no" in states["lom", "yuki"].details["unknown"]
