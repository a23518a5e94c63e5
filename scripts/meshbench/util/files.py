"""Files that are written whole or not at all, and the folder of those that are kept."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved there when the block succeeds and removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def fingerprint(folder: Path) -> str:
    """A digest that differs when a file below a folder came, went or was written; of nothing for a file.

    Sizes and times only: Snakemake sees of a folder just its own time.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        state = path.lstat()
        name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
        digest.update(b"%s\0%d\0%d\n" % (name, state.st_size, state.st_mtime_ns))
    return digest.hexdigest()[:16]


def existing(path: Path) -> Path:
    """The path itself if it is there, or the nearest folder above it that is."""
    while not path.exists():
        path = path.parent
    return path


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, with mode 700; others stay as they are."""
    for folder in reversed([path, *path.parents]):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def write_private(path: Path, content: bytes) -> None:
    """Write a secret: mode 600 from the first byte, in a folder of mode 700."""
    private_folder(path.parent)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def cache() -> Path:
    """What is kept between campaigns, outside results: $MESHBENCH_CACHE or /var/cache/meshbench."""
    return Path(os.environ.get("MESHBENCH_CACHE", "/var/cache/meshbench"))
