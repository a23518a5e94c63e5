"""Somebody's built programs: fetched, compared with the stated checksum, unpacked."""

import asyncio
import difflib
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TypeVar

from meshbench.config.packages import Archive, Release
from meshbench.packages.made import Made
from meshbench.packages.supply import file_digest
from meshbench.util.errors import VpnError

LIMIT_S = 60.0
"""Without a byte from the server."""
_SHOWN = 8
Entry = TypeVar("Entry")


async def make(package: Release, architecture: str, work: Path) -> Made:
    """Fetch and unpack what there is for an architecture. Raises VpnError saying what is wrong."""
    archive = package.architectures.get(architecture)
    if archive is None:
        raise VpnError(
            f"release {package.version} has no programs for {architecture}, "
            f"only for {', '.join(package.architectures)}"
        )
    fetched = work / "fetched"
    # In a thread, because urllib blocks and the hosts' connections must be kept alive meanwhile.
    await asyncio.to_thread(_fetch, archive, fetched)
    digest = file_digest(fetched)
    if digest != archive.sha256:
        raise VpnError(
            f"{archive.url} is not what was expected: its sha256 is {digest}, not {archive.sha256}"
        )
    for name, member in archive.members.items():
        _extract(archive, fetched, member, work / "bin" / name)
    return Made(version=package.version, licence=package.licence)


def _fetch(archive: Archive, target: Path) -> None:
    try:
        with (
            urllib.request.urlopen(archive.url, timeout=LIMIT_S) as answer,  # noqa: S310
            target.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as error:
        raise VpnError(f"{archive.url}: the server says {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise VpnError(f"{archive.url}: no network: {error.reason}") from error
    except OSError as error:
        raise VpnError(f"{archive.url}: cannot be fetched: {error}") from error


def _extract(archive: Archive, fetched: Path, member: str, target: Path) -> None:
    """Copy one member, read as a stream: nothing of the archive is written anywhere else."""
    if member == ".":
        shutil.copyfile(fetched, target)
        return
    try:
        if zipfile.is_zipfile(fetched):
            with zipfile.ZipFile(fetched) as zipped:
                infos = {_plain(info.filename): info for info in zipped.infolist()}
                with zipped.open(_of(archive, infos, member)) as inside:
                    _write(inside, target)
        else:
            with tarfile.open(fetched) as tarred:
                entries = {_plain(entry.name): entry for entry in tarred if entry.isfile()}
                _write(tarred.extractfile(_of(archive, entries, member)), target)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise VpnError(f"{archive.url} is no tar or zip archive: {error}") from error


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _of(archive: Archive, members: Mapping[str, Entry], wanted: str) -> Entry:
    if _plain(wanted) not in members:
        near = difflib.get_close_matches(wanted, members, n=_SHOWN, cutoff=0) or ["nothing"]
        raise VpnError(f"{archive.url} has no member '{wanted}'; it has {', '.join(near)}")
    return members[_plain(wanted)]


def _write(inside: IO[bytes] | None, target: Path) -> None:
    if inside is not None:
        with inside, target.open("wb") as file:
            shutil.copyfileobj(inside, file)
