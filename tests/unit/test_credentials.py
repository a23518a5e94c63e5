"""Keys and known_hosts files as people have them: usable, or a sentence that says what to do."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from meshbench.config.testbeds import SshHost as HostEntry
from meshbench.testbed import credentials
from meshbench.testbed.host import Address
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError

KEY = asyncssh.generate_private_key("ssh-ed25519")
OTHER = asyncssh.generate_private_key("ssh-ed25519")
RSA = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
PUBLIC = KEY.export_public_key().decode().strip()
KEYS: dict[str, tuple[bytes, str]] = {
    "OpenSSH's": (KEY.export_private_key(), ""),
    "PEM": (RSA.export_private_key("pkcs1-pem"), ""),
    "PKCS#8": (RSA.export_private_key("pkcs8-pem"), ""),
    "with CR LF": (KEY.export_private_key().replace(b"\n", b"\r\n"), ""),
    "PEM with one": (RSA.export_private_key("pkcs1-pem", passphrase="s"), "has a passphrase"),
    "PKCS#8 with one": (RSA.export_private_key("pkcs8-pem", passphrase="s"), "has a passphrase"),
    "PuTTY's": (b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen "),
    "the public half": (KEY.export_public_key(), "public half of a key: name the private one"),
    "the public half, RFC 4716": (KEY.export_public_key("rfc4716"), "public half"),
    "the public half, PKCS#8": (RSA.export_public_key("pkcs8-pem"), "public half"),
    "empty": (b"", "is not a private key"),
    "text": (b"Welcome\n", "is not a private key"),
    "not text": (bytes(range(256)), "is not a private key"),
    "cut": (KEY.export_private_key()[:120], "is not a private key"),
    "damaged": (KEY.export_private_key().replace(b"A", b"!"), "is not a private key"),
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_usable_or_the_sentence_says_what_to_do(tmp_path: Path, name: str) -> None:
    content, words = KEYS[name]
    file = tmp_path / "my key"
    file.write_bytes(content)
    problem = credentials.key_problem(file)
    assert words in problem
    assert bool(problem) is bool(words)
    assert not problem or problem.startswith(f"{file} ")


def test_a_key_of_ssh_keygen_s_with_a_passphrase(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", file], check=True)
    assert credentials.key_problem(file).startswith(f"{file} has a passphrase")


HOSTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ""),
    "one": (f"# mine\n\n192.0.2.1 {PUBLIC}\n".encode(), ""),
    "an unknown type of key": (b"192.0.2.1 ssh-later AAAA\n", ""),
    "UTF-8": (f"192.0.2.1 {PUBLIC} Bürorechner\n".encode(), ""),
    "Latin-1": (f"192.0.2.9 {PUBLIC}\n192.0.2.1 {PUBLIC} B\xfcro\n".encode("latin-1"), "line 2 of"),
    "UTF-16": (f"192.0.2.1 {PUBLIC}\n".encode("utf-16"), "line 1 of"),
    "half a line": (f"192.0.2.1 {PUBLIC}\n\n192.0.2.1\n".encode(), "line 3 of"),
    "a broken hash": (f"|1|abc {PUBLIC}\n".encode(), "line 1 of"),
    "an unknown marker": (f"@later 192.0.2.1 {PUBLIC}\n".encode(), "line 1 of"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTS)
def test_a_known_hosts_file_is_read_or_its_line_is_named(tmp_path: Path, name: str) -> None:
    content, words = HOSTS[name]
    file = tmp_path / "known hosts"
    file.write_bytes(content)
    problem = credentials.hosts_problem(file)
    assert problem.startswith(words)
    assert bool(problem) is bool(words)
    assert not problem or str(file) in problem


@pytest.mark.parametrize(
    ("line", "address", "port", "known"),
    [
        ("192.0.2.1", "192.0.2.1", 22, True),
        ("192.0.2.1", "192.0.2.11", 22, False),
        ("lom,192.0.2.1", "192.0.2.1", 22, True),
        ("[192.0.2.1]:2222", "192.0.2.1", 2222, True),
        ("[192.0.2.1]:2222", "192.0.2.1", 22, False),
        ("192.0.2.1", "192.0.2.1", 2222, True),
        ("2001:db8::1", "2001:DB8:0::1", 22, True),
        ("192.0.2.*", "192.0.2.7", 22, True),
        ("@cert-authority 192.0.2.*", "192.0.2.7", 22, True),
        ("@revoked 192.0.2.1", "192.0.2.1", 22, False),
        ("other", "lom.example", 22, True),
    ],
)
def test_an_address_that_is_not_listed_is_told_how_to_add_it(
    tmp_path: Path, line: str, address: str, port: int, known: bool
) -> None:
    """A host's name is not judged here: its address may be the one that is listed."""
    file = tmp_path / "known_hosts"
    file.write_text(f"{line} {PUBLIC}\n", encoding="utf-8")
    problem = credentials.unlisted_address(file, address, port)
    assert bool(problem) is not known
    if not known:
        option = "" if port == 22 else f"-p {port} "
        assert f"ssh-keyscan {option}{address} >> {file} " in problem
        assert "check its fingerprint" in problem


def entry(folder: Path, name: str, **changes: object) -> HostEntry:
    words = {
        "name": name, "address": "192.0.2.1", "key_file": folder / "key", "data_interface": "eth1",
        "known_hosts_file": folder / "known_hosts", "data_address": "192.0.2.1",
    }  # fmt: skip
    return HostEntry.model_validate({**words, **changes})


def test_hosts_that_share_a_file_share_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY.export_public_key())
    (tmp_path / "known_hosts").write_text(f"192.0.2.1 {PUBLIC}\n", encoding="utf-8")
    hosts = [
        entry(tmp_path, "lom"),
        entry(tmp_path, "yuki"),
        entry(tmp_path, "luna", address="::1"),
    ]
    keys = [key for key, _ in credentials.problems(hosts)]
    assert keys == ["hosts.lom,yuki,luna.key_file", "hosts.luna.known_hosts_file"]


def test_a_home_that_nobody_has_is_a_missing_file(tmp_path: Path) -> None:
    host = entry(tmp_path, "lom", key_file="~nobody-of-this-name/key")
    (key, problem), (_, missing) = credentials.problems([host])
    assert key == "hosts.lom.key_file"
    assert problem == "there is no file ~nobody-of-this-name/key"
    assert missing == f"there is no file {tmp_path}/known_hosts"


def _no_key(folder: Path) -> None:
    (folder / "key").write_bytes(RSA.export_private_key("pkcs8-pem", passphrase="s"))


def _no_line(folder: Path) -> None:
    (folder / "known_hosts").write_bytes(b"\xfc\n")


@pytest.mark.parametrize(
    ("spoil", "words"), [(_no_key, "key has a passphrase"), (_no_line, "line 1 of ")]
)
def test_connecting_says_the_same(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    (tmp_path / "key").write_bytes(KEY.export_private_key())
    (tmp_path / "known_hosts").touch()
    spoil(tmp_path)
    files = tmp_path / "key", tmp_path / "known_hosts"
    host = SshHost(Address("lom", "192.0.2.1", 22, "root", *files, "eth1", "192.0.2.1"))
    with pytest.raises(TestbedError, match=f"^lom: .*{words}"):
        asyncio.run(host.connect())
