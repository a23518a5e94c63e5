"""Where programs come from, as a driver or a system's file says it.

`programs` names what a package provides, as it is called on the hosts.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from meshbench.config.strict import Strict

Program = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=64)]
DebianName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]
Architecture = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")]
"""As Debian calls it: amd64, arm64 …"""
# A word that begins with a dash would be taken for an option of the build tool.
Word = Annotated[str, StringConstraints(pattern=r"^[^\s-]\S*$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+~_-]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_MAJOR = re.compile(r"^v\d+$")


class Debian(Strict):
    """Debian packages on the hosts: in the lab's image, by apt elsewhere."""

    source: Literal["debian"] = "debian"
    names: tuple[DebianName, ...] = ()


class Go(Strict):
    """A Go module at a version, or a module in a folder of the checkout; built without cgo."""

    source: Literal["go"] = "go"
    module: Word | None = None
    version: Version | None = None
    folder: str | None = None
    programs: dict[Program, Word] = {}
    """Program: import path, `./…` below the module. By default the module itself."""
    tags: tuple[Word, ...] = ()
    ldflags: str | None = None
    licence: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.folder is None) == (self.module is None) or bool(self.module) != bool(
            self.version
        ):
            raise PydanticCustomError(
                "origin", "needs either module and version, or folder", {"key": "module"}
            )
        if self.folder is not None and not self.programs:
            raise PydanticCustomError(
                "programs", "a folder's programs must be named", {"key": "programs"}
            )
        return self

    @property
    def import_paths(self) -> dict[str, str]:
        if self.programs or self.module is None:
            return dict(self.programs)
        words = [word for word in self.module.split("/") if not _MAJOR.match(word)]
        return {words[-1]: "."}


class Cargo(Strict):
    """A crate at a version, built with its own lock file."""

    source: Literal["cargo"] = "cargo"
    crate: Word
    version: Version
    programs: tuple[Program, ...] = ()
    """By default one that is called like the crate."""
    features: tuple[Word, ...] = ()
    default_features: bool = True
    needs: tuple[DebianName, ...] = ()
    """Debian packages that building it needs on the controller."""
    licence: str | None = None


class Archive(Strict):
    """What to fetch for one architecture: an archive, or the program itself."""

    url: Annotated[str, StringConstraints(pattern=r"^(https?|file)://\S+$")]
    sha256: Sha256
    members: dict[Program, str] = Field(min_length=1)
    """Program: its path inside the archive; `.` when the file is the program."""


class Release(Strict):
    """Somebody's built programs, known by their checksum."""

    source: Literal["release"] = "release"
    version: Version
    architectures: dict[Architecture, Archive] = Field(min_length=1)
    licence: str | None = None


class Local(Strict):
    """A program, or a folder of them, on the controller."""

    source: Literal["file"] = "file"
    path: str | None = None
    environment: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The variable that holds the path, used when it is set."""
    programs: dict[Program, str] = {}
    """Program: its path below `path`. By default the driver's programs by their names."""
    licence: str | None = None

    @model_validator(mode="after")
    def _some_origin(self) -> Self:
        if self.path is None and self.environment is None:
            raise PydanticCustomError("origin", "needs path or environment", {"key": "path"})
        return self


Package = Annotated[Debian | Go | Cargo | Release | Local, Field(discriminator="source")]


def provides(package: Package) -> tuple[str, ...]:
    """The programs that a package names itself; none for Debian's and for a bare folder."""
    match package:
        case Go():
            return tuple(package.import_paths)
        case Cargo():
            return package.programs or (package.crate,)
        case Release():
            return tuple(
                dict.fromkeys(p for a in package.architectures.values() for p in a.members)
            )
        case Local():
            return tuple(package.programs)
        case _:
            return ()
