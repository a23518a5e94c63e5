"""Digests of code, so that an edited module reruns exactly what it feeds.

Snakemake does not see edits of imported modules; rules that are cheap to repeat name these digests
in their params. Measurements do not: they depend on explicit method versions instead.
"""

import ast
import functools
import hashlib
from pathlib import Path

_PACKAGE = Path(__file__).parent
_NAME = __package__


@functools.cache
def digest(*modules: str, files: tuple[Path, ...] = ()) -> str:
    """The digest of modules of this package, everything they import from it, and other files.

    Args:
        modules: dotted names below the package, e.g. ``figures.rtt``.
        files: e.g. the SQL that a table runs.
    """
    paths = set(files)
    for module in modules:
        paths |= _closure(module)
    content = hashlib.sha256()
    for path in sorted(paths):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]


@functools.cache
def _closure(module: str) -> frozenset[Path]:
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _file(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting += _imports(path)
    return frozenset(found)


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    prefix = f"{_NAME}."
    return tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def _file(module: str) -> Path | None:
    path = _PACKAGE.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
