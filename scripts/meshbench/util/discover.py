"""Modules that are found by being in a package: drivers, benchmarks, collectors."""

import importlib
import pkgutil
from functools import cache
from types import ModuleType

CONTRACT = "base"
"""The module of such a package that says what the others are to be; packages below it are helpers."""


@cache
def names(package: str) -> tuple[str, ...]:
    """The modules of a package by name, without its contract."""
    path = importlib.import_module(package).__path__
    modules = (module for module in pkgutil.iter_modules(path) if not module.ispkg)
    return tuple(sorted(module.name for module in modules if module.name != CONTRACT))


@cache
def load(package: str, name: str) -> ModuleType:
    """One of them. Raises KeyError when there is none of that name."""
    if name not in names(package):
        raise KeyError(name)
    return importlib.import_module(f"{package}.{name}")
