"""Tailscale with a control server of one's own: which one, its configuration, logging in, paths."""

import asyncio
import ipaddress
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from meshbench import vpns
from meshbench.results.records import PathState
from meshbench.util.errors import VpnError
from meshbench.vpns.base import Driver, Network, Node
from meshbench.vpns.common import tailscale_control
from tests.unit import making

NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
FIRST, SECOND, THIRD = NODES
SERVERS = ("headscale", "testcontrol")


def driver(**options: Any) -> Driver:
    return making.driver("headscale", options)


def text_of(vpn: Driver, node: Node, name: str) -> str:
    keys = asyncio.run(vpn.material(NETWORK, []))
    files = {file.path.name: file for file in vpn.files(node, NETWORK, keys)}
    return files[name].content.decode()


@pytest.fixture(autouse=True)
def no_binaries(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MESHBENCH_BINARIES", "MESHBENCH_HEADSCALE"):
        monkeypatch.delenv(variable, raising=False)


def test_headscale_is_taken_where_it_is_supplied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert driver().control_server(NETWORK) == "testcontrol on lom"
    (tmp_path / "headscale").write_bytes(b"a program")
    monkeypatch.setenv("MESHBENCH_BINARIES", str(tmp_path))
    assert driver().control_server(NETWORK) == "headscale on lom"
    assert driver(control="testcontrol").control_server(NETWORK) == "testcontrol on lom"
    monkeypatch.delenv("MESHBENCH_BINARIES")
    monkeypatch.setenv("MESHBENCH_HEADSCALE", str(tmp_path / "headscale"))
    supplies = driver().sources()
    assert [supply.programs for supply in supplies] == [("tailscaled", "tailscale"), ("headscale",)]
    monkeypatch.delenv("MESHBENCH_HEADSCALE")
    # On a job's hosts it is what the job was given, whatever this machine has now.
    vpn = vpns.load("headscale")("headscale", supplies=supplies)
    assert vpn.effective(NETWORK)["control_server"] == "headscale"


@pytest.mark.parametrize("server", SERVERS)
def test_the_control_server_runs_on_the_first_host_only(server: str) -> None:
    vpn = driver(control=server)
    assert vpn.companions(SECOND, NETWORK, {}) == {}
    (service,) = vpn.companions(FIRST, NETWORK, {}).values()
    assert service.listens == tailscale_control.PORT


def test_headscale_knows_no_public_server() -> None:
    vpn = driver(control="headscale")
    text = text_of(vpn, FIRST, "headscale.yaml")
    config = yaml.safe_load(text)
    assert config["derp"]["urls"] == []
    assert config["derp"]["server"]["stun_listen_addr"] == "198.19.0.1:3478"
    assert config["listen_addr"] == "198.19.0.1:8443"
    assert config["server_url"] == "https://198.19.0.1:8443"
    assert config["disable_check_updates"] is True
    assert config["logtail"] == {"enabled": False}
    assert "tailscale.com" not in text
    assert not re.search(r"\b0\.0\.0\.0|\*:", text)
    keys = asyncio.run(vpn.material(NETWORK, []))
    assert not [
        file for file in vpn.files(SECOND, NETWORK, keys) if "headscale.yaml" in file.path.name
    ]


def test_testcontrol_plans_addresses_and_reads_its_key_from_a_file() -> None:
    vpn = driver(control="testcontrol")
    (service,) = vpn.companions(FIRST, NETWORK, {}).values()
    keys = asyncio.run(vpn.material(NETWORK, []))
    argv = list(service.start)
    assert [argv[i + 1] for i, word in enumerate(argv) if word == "--node"] == [
        f"{node.name}={vpn.address(node, keys)}" for node in NODES
    ]
    assert argv[argv.index("--listen") + 1] == "198.19.0.1"
    assert keys["lom"]["auth_key"] == keys["luna"]["auth_key"]
    assert keys["lom"]["auth_key"] not in str(service)
    path = argv[argv.index("--auth-key-file") + 1]
    (file,) = [f for f in vpn.files(FIRST, NETWORK, keys) if str(f.path) == path]
    assert file.mode == 0o600


def test_the_certificate_is_the_first_host_s_and_its_key_stays_there() -> None:
    vpn = driver(control="testcontrol")
    keys = asyncio.run(vpn.material(NETWORK, []))
    certificate = x509.load_pem_x509_certificate(keys["luna"]["certificate"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("198.19.0.1")]
    assert "private" not in keys["yuki"]
    private = [f for f in vpn.files(FIRST, NETWORK, keys) if f.path.name == "control.key"]
    assert [file.mode for file in private] == [0o600]
    assert not [f for f in vpn.files(SECOND, NETWORK, keys) if f.path.name == "control.key"]


def test_the_daemon_trusts_that_certificate_and_tells_nobody() -> None:
    service = driver().service(SECOND, NETWORK, {})
    assert service is not None
    assert service.environment["SSL_CERT_FILE"].endswith("/control.crt")
    assert service.environment["TS_NO_LOGS_NO_SUPPORT"] == "true"
    assert "--no-logs-no-support" in service.start
    assert "TS_DEBUG_NEVER_DIRECT_UDP" not in service.environment
    relayed = driver(relay=True).service(SECOND, NETWORK, {})
    assert relayed is not None
    assert relayed.environment["TS_DEBUG_NEVER_DIRECT_UDP"] == "1"
    assert driver(relay=True).hub
    assert not driver().hub


def test_what_nodes_know_of_one_server_is_kept_apart_from_another_s() -> None:
    folders = {
        next(word for word in service.start if word.startswith("--statedir="))
        for server in SERVERS
        if (service := driver(control=server).service(FIRST, NETWORK, {}))
    }
    assert len(folders) == len(SERVERS)


# --- logging in --------------------------------------------------------------------------------


def settle(
    vpn: Driver, answers: dict[str, Any], has_key: bool = False
) -> list[making.ScriptedHost]:
    """Answers by a word of the command; `ip -4` by host."""

    def answer_of(name: str) -> making.Answer:
        def answer(argv: Sequence[str]) -> Any:
            if argv[0] == "cat":
                return "hskey-kept" if has_key else (1, "", "No such file")
            if argv[-2:] == ["ip", "-4"]:
                return f"{answers.get(name, vpn.address(NETWORK.node(name), {}))}\n"
            return next((reply for word, reply in answers.items() if word in argv), "")

        return answer

    hosts = [making.ScriptedHost(node.name, answer_of(node.name), node.index) for node in NODES]
    asyncio.run(vpn.settle(hosts, NETWORK, {}))
    return hosts


def logins(host: making.ScriptedHost) -> list[list[str]]:
    return [argv for argv in host.asked if "up" in argv]


@pytest.mark.parametrize("server", SERVERS)
def test_nodes_log_in_with_the_key_from_a_file(server: str) -> None:
    hosts = settle(driver(control=server), HEADSCALE)
    for host in hosts:
        (login,) = logins(host)
        assert "--login-server=https://198.19.0.1:8443" in login
        assert f"--hostname={host.name}" in login
        (key,) = [word for word in login if word.startswith("--auth-key=")]
        assert key.startswith("--auth-key=file:/var/lib/meshbench/headscale/")


HEADSCALE: dict[str, Any] = {
    "list": "null",
    "users": '{"id": 7, "name": "meshbench"}',
    "preauthkeys": '{"key": "hskey-1"}',
}


def test_headscale_s_key_is_made_once_and_given_to_all() -> None:
    hosts = settle(driver(control="headscale"), HEADSCALE)
    commands = [argv for argv in hosts[0].asked if "preauthkeys" in argv]
    assert [argv[argv.index("--user") + 1] for argv in commands] == ["7"]
    for host in hosts:
        (file,) = host.files.values()
        assert (file.content, file.mode) == (b"hskey-1", 0o600)
        assert not [argv for argv in host.asked if any("hskey" in word for word in argv)]
    again = settle(driver(control="headscale"), HEADSCALE, has_key=True)
    assert not [argv for argv in again[0].asked if "preauthkeys" in argv]
    assert [file.content for host in again for file in host.files.values()] == [b"hskey-kept"] * 3


def test_a_user_that_is_there_is_not_made_again() -> None:
    answers = {**HEADSCALE, "list": '[{"id": 3, "name": "meshbench"}]'}
    first = settle(driver(control="headscale"), answers)[0]
    assert not [argv for argv in first.asked if "create" in argv and "users" in argv]
    (command,) = [argv for argv in first.asked if "preauthkeys" in argv]
    assert command[command.index("--user") + 1] == "3"


def test_another_address_than_planned_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(
        VpnError, match=r"^luna: headscale gave it 100.64.0.7 and not 100.64.0.3.*rem"
    ):
        settle(driver(control="headscale"), {**HEADSCALE, "luna": "100.64.0.7"})


@pytest.mark.parametrize(
    ("server", "said", "version"),
    [
        ("headscale", "headscale version v0.29.2\ncommit: unknown\n", "1.102.5 (headscale 0.29.2)"),
        ("testcontrol", "1.102.5\n", "1.102.5 (testcontrol 1.102.5)"),
    ],
)
def test_the_version_is_the_daemon_s_and_the_control_server_s(
    server: str, said: str, version: str
) -> None:
    def answer(argv: Sequence[str]) -> str:
        return "1.102.5\n  go version: go1.26.8\n" if "--version" in argv else said

    host = making.ScriptedHost(answer=answer)
    assert asyncio.run(driver(control=server).installed_version(host)) == version


def test_a_daemon_that_is_down_is_left_to_those_who_ask_its_journal() -> None:
    hosts = settle(driver(control="headscale"), {**HEADSCALE, "is-active": (3, "inactive", "")})
    assert [logins(host) for host in hosts] == [[], [], []]


def test_a_host_of_no_mesh_has_no_key_and_asks_all_the_same() -> None:
    mallory = making.ScriptedHost("mallory", lambda argv: "100.64.0.4" if "ip" in argv else "", 4)
    network = Network((*NODES, Node(4, "mallory", "198.19.0.4")))
    asyncio.run(driver(control="headscale").settle([mallory], network, {}))
    (login,) = logins(mallory)
    assert not [word for word in login if word.startswith("--auth-key")]


# --- paths -------------------------------------------------------------------------------------

# From Tailscale 1.102.5's `status --json` in the lab: direct, and with the relay forced.
LUNA_DIRECT = {
    "PublicKey": "nodekey:042acacc9311f252f4bb04eba6dcf654774770f394bdf45ffef3323fa3c19c0f",
    "HostName": "luna", "TailscaleIPs": ["100.64.0.3", "fd7a:115c:a1e0:ab12:4843:cd96:6240:3"],
    "Addrs": None, "CurAddr": "198.19.0.3:41641", "Relay": "meshbench", "PeerRelay": "",
    "Active": True, "LastHandshake": "2026-11-23T10:55:11.120504924Z", "InEngine": True,
}  # fmt: skip
YUKI_RELAYED = {
    "PublicKey": "nodekey:799166c7cd974db70bd9bf12f6f7d716490d0dcecf1942b5d603bc47887ea219",
    "HostName": "yuki", "TailscaleIPs": ["100.64.0.2", "fd7a:115c:a1e0:ab12:4843:cd96:6240:2"],
    "Addrs": None, "CurAddr": "", "Relay": "meshbench", "PeerRelay": "",
    "Active": True, "LastHandshake": "2026-11-23T10:55:17.660172005Z", "InEngine": True,
}  # fmt: skip


def paths(*peers: dict[str, Any]) -> dict[str, PathState]:
    status = {
        "BackendState": "Running",
        "Peer": {peer["PublicKey"]: peer for peer in peers} or None,
    }
    host = making.ScriptedHost(answer=lambda _: json.dumps(status))
    return dict(asyncio.run(driver().paths(host, FIRST, NETWORK)))


def test_an_active_peer_without_an_address_is_relayed() -> None:
    assert paths(YUKI_RELAYED, LUNA_DIRECT) == {
        "yuki": PathState(kind="relay", transport="derp", endpoint="198.19.0.1:8443"),
        "luna": PathState(kind="direct", transport="udp", endpoint="198.19.0.3:41641"),
    }


def test_an_idle_peer_s_path_is_not_known() -> None:
    assert paths({**YUKI_RELAYED, "Active": False}) == {"yuki": PathState()}
    assert paths() == {}


def test_a_peer_may_be_another_s_relay() -> None:
    relayed = {**YUKI_RELAYED, "PeerRelay": "198.19.0.3:7777:vni:1"}
    assert paths(relayed)["yuki"] == PathState(
        kind="relay", transport="udp", endpoint="198.19.0.3:7777:vni:1"
    )
