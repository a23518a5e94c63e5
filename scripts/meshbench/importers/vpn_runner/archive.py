"""The files of a run, from a folder or an archive, without unpacking anything to disk."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from meshbench.importers.vpn_runner.reading import MAX_BYTES
from meshbench.util.errors import MeshbenchError

_BROKEN = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError,
           tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """One file: where it stands below the input, and its content or why there is none."""

    path: PurePosixPath
    content: bytes | None
    problem: str | None = None


def name_of(source: Path) -> str:
    """The input's own name, which is the run's when the archive has no root folder for it."""
    name = source.resolve().name
    for ending in (".tar.xz", ".tar.gz", ".tar.bz2", ".tar.zst", ".tgz", ".txz", ".tar", ".zip"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def files(source: Path) -> Iterator[Found]:
    """Every file of a folder, .zip or .tar (any compression), in the order they are stored.

    A damaged archive gives what can be read of it and then one entry that names the damage.

    Raises:
        MeshbenchError: there is nothing at that path.
    """
    if not source.exists():
        raise MeshbenchError(f"published: there is no folder or archive {source}")
    if source.is_dir():
        yield from _folder(source)
        return
    reader = _zip if zipfile.is_zipfile(source) else _tar
    try:
        yield from reader(source)
    except _BROKEN as error:
        yield Found(PurePosixPath(source.name), None, f"damaged archive: {error}")


def _folder(source: Path) -> Iterator[Found]:
    for path in sorted(source.rglob("*")):
        name = PurePosixPath(path.relative_to(source).as_posix())
        if path.is_symlink():
            yield Found(name, None, "a symbolic link, not followed")
        elif path.is_file():
            yield _read_file(path, name)


def _read_file(path: Path, name: PurePosixPath) -> Found:
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            return Found(name, None, f"{size} bytes; the limit is {MAX_BYTES}")
        return Found(name, path.read_bytes())
    except OSError as error:
        return Found(name, None, f"cannot be read: {error.strerror}")


class _Header(tarfile.TarInfo):
    """A header that has to be there: tarfile takes an archive that stops before its end mark for whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("it stops before its end mark")
        return super().frombuf(buf, encoding, errors)


def _tar(source: Path) -> Iterator[Found]:
    with tarfile.open(source, "r|*", tarinfo=_Header) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if member.issym() or member.islnk():
                yield Found(name, None, "a link inside the archive, not followed")
            elif member.isfile() and member.size > MAX_BYTES:
                yield Found(name, None, f"{member.size} bytes; the limit is {MAX_BYTES}")
            elif member.isfile() and (file := archive.extractfile(member)):
                yield Found(name, file.read())


def _zip(source: Path) -> Iterator[Found]:
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename)
            if member.is_dir():
                continue
            if member.file_size > MAX_BYTES:
                yield Found(name, None, f"{member.file_size} bytes; the limit is {MAX_BYTES}")
                continue
            try:
                yield Found(name, archive.read(member))
            except _BROKEN as error:
                yield Found(name, None, f"cannot be unpacked: {error}")
