"""What SSH needs on the controller: a private key, and the hosts' public ones; what is wrong with
them, in sentences for the person who named them.
"""

import ipaddress
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import asyncssh

from meshbench.config.testbeds import SshHost

_PUTTY = b"PuTTY-User-Key-File"
_PUBLIC = (b"ssh-", b"ecdsa-", b"sk-", b"---- BEGIN SSH2 PUBLIC", b"-----BEGIN PUBLIC")


def problems(hosts: Sequence[SshHost]) -> list[tuple[str, str]]:
    """What the files alone tell to be wrong: the key in the testbed's file, and a sentence."""
    keys = _judged((host.key_path for host in hosts), key_problem)
    known_hosts = _judged((host.known_hosts_path for host in hosts), hosts_problem)
    names: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        path = host.known_hosts_path
        listed = known_hosts[path] or unlisted_address(path, host.address, host.port)
        for key, problem in (("key_file", keys[host.key_path]), ("known_hosts_file", listed)):
            names.setdefault((key, problem), []).append(host.name)
    return [
        (f"hosts.{','.join(where)}.{key}", problem)
        for (key, problem), where in names.items()
        if problem
    ]


def _judged(paths: Iterable[Path], judge: Callable[[Path], str]) -> dict[Path, str]:
    return {
        path: judge(path) if path.is_file() else f"there is no file {path}" for path in set(paths)
    }


def key_problem(path: Path) -> str:
    """Why a private key cannot be used, and what to do; empty when it can."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    name = shlex.quote(str(path))
    if content.startswith(_PUTTY):
        return (
            f"{path} is a PuTTY key, which SSH cannot read: puttygen {name} -O private-openssh -o "
            "NEWFILE makes one that it can"
        )
    if content.lstrip().startswith(_PUBLIC):
        return f"{path} is the public half of a key: name the private one (mostly without .pub)"
    try:
        asyncssh.import_private_key(content)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        if "passphrase" in str(error).lower():
            return (
                f"{path} has a passphrase, and nobody is there to type it during a run: name a key "
                "without one (ssh-keygen -t ed25519 -N '' -f NEWFILE, then ssh-copy-id -i NEWFILE)"
            )
        return f"{path} is not a private key that SSH can read ({error}): name another one"
    return ""


def hosts_problem(path: Path) -> str:
    """The first line of a known_hosts file that cannot be read, and what to do; empty if none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    for number, line in enumerate(lines, 1):
        try:
            asyncssh.import_known_hosts(line.decode())
        except UnicodeDecodeError:
            return f"line {number} of {path} is not UTF-8 text: write it anew or take it away"
        except ValueError:
            return (
                f"line {number} of {path} is not a host, a type of key and a key: mend it or take "
                "it away"
            )
    return ""


def is_known(path: Path, address: str, port: int, resolved: Iterable[str] = ()) -> bool:
    """Whether a readable known_hosts file has a key for a host, by its name or an address."""
    known_hosts = asyncssh.import_known_hosts(path.read_text(encoding="utf-8"))
    given_port = None if port == asyncssh.DEFAULT_PORT else port
    return any(
        any((keys, authorities))
        for address_ in ("", *resolved)
        for keys, authorities, *_ in [known_hosts.match(address, address_, given_port)]
    )


def unlisted_address(path: Path, address: str, port: int) -> str:
    """What to do about a host whose IP address a readable known_hosts file has no key for.

    Empty for a host that is named: only the name's address, at connecting, can tell.
    """
    try:
        shortest = str(ipaddress.ip_address(address))
    except ValueError:
        return ""
    if is_known(path, address, port, [shortest]):
        return ""
    return unknown_problem(path, address, port)


def unknown_problem(path: Path, address: str, port: int) -> str:
    """What to do about a host that a known_hosts file has no key for."""
    return (
        f"{path} has no key for {_shown(address, port)}: {_scan(path, address, port)} adds what the "
        "host answers with; check its fingerprint (ssh-keygen -lf) against the one that the host "
        "itself shows (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there) before you trust it"
    )


def changed_problem(path: Path, address: str, port: int) -> str:
    """What to do about a host whose key is not the one in a known_hosts file."""
    where = shlex.quote(_shown(address, port))
    return (
        f"the key of {_shown(address, port)} is not the one in {path}: somebody may stand in "
        "between. If you know that the host was installed anew: "
        f"ssh-keygen -R {where} -f {shlex.quote(str(path))} takes the old key away, and "
        f"{_scan(path, address, port)} adds the new one"
    )


def _shown(address: str, port: int) -> str:
    """A host as known_hosts names it."""
    return address if port == asyncssh.DEFAULT_PORT else f"[{address}]:{port}"


def _scan(path: Path, address: str, port: int) -> str:
    words = [] if port == asyncssh.DEFAULT_PORT else ["-p", str(port)]
    return f"{shlex.join(['ssh-keyscan', *words, address])} >> {shlex.quote(str(path))}"
