"""Digests of code, so that an edited module reruns exactly what it feeds.

Snakemake does not see edits of imported modules; rules that are cheap to repeat name these digests
in their params. Measurements do not: they depend on explicit method versions instead.
"""

import functools
import hashlib
import importlib.metadata
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshbench.figures.contract import Figure

_PACKAGE = Path(__file__).parents[1]
_NAME = _PACKAGE.name
# With ast a run with nothing to do takes 10 % longer (published campaign: 1.65 s of CPU time, then 1.85 s).
_IMPORT = re.compile(
    rf"^[ \t]*(?:from[ \t]+({_NAME}[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n(]*)|(import[ \t][^\n]*))",
    re.MULTILINE,
)
_WORD = re.compile(r"\w+")
_DOTTED = re.compile(r"[\w.]+")


@functools.cache
def digest(*modules: str, files: tuple[Path, ...] = ()) -> str:
    """The digest of modules of this package, everything they import from it, and other files.

    The templates beside a module belong to it.

    Args:
        modules: dotted names below the package, e.g. ``figures.rtt``.
        files: e.g. the SQL that a table runs.
    """
    paths = set(files)
    for module in modules:
        paths |= _closure(module)
    for folder in {path.parent for path in paths}:
        paths |= _templates(folder)
    content = hashlib.sha256()
    for path in sorted(paths):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]


@functools.cache
def libraries(*names: str) -> tuple[str, ...]:
    """The versions of installed distributions, for what they make and not we."""
    return tuple(f"{name} {importlib.metadata.version(name)}" for name in names)


def of_figure(figure: "Figure") -> str:
    """The digest of the code that makes a figure, and what is declared of it."""
    return f"{digest(f'figures.{figure.module}', 'figures.drawing.render')} {figure}"


@functools.cache
def _closure(module: str) -> frozenset[Path]:
    paths: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _file(waiting.pop())
        if path is not None and path not in paths:
            paths.add(path)
            waiting += _imports(path)
    return frozenset(paths)


@functools.cache
def _templates(folder: Path) -> frozenset[Path]:
    return frozenset(folder.glob("templates/*"))


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    """The modules of this package that one imports, anywhere in it; names that are none do no harm."""
    names: list[str] = []
    for module, imported, plain in _IMPORT.findall(path.read_text(encoding="utf-8")):
        names += [module, *(f"{module}.{name}" for name in _WORD.findall(imported))]
        names += [name for name in _DOTTED.findall(plain) if name != "import"]
    prefix = f"{_NAME}."
    return tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))


@functools.cache
def _file(module: str) -> Path | None:
    path = _PACKAGE.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
