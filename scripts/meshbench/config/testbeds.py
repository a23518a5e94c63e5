"""The hosts that a campaign is measured on, as a testbed's file names them."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from meshbench.config.profile import HostName, NonNegative
from meshbench.config.strict import Name, Strict, refuse_duplicates


class Image(Strict):
    """What the lab's hosts boot: one clean Debian image."""

    suite: Name = "trixie"
    mirror: Annotated[str, StringConstraints(pattern=r"^(https?|file)://\S+$")] | None = None
    packages: tuple[Name, ...] = ()
    newer: Mapping[Name, tuple[Name, ...]] | None = None
    """Packages from another suite of Debian. What is not said is what the suite is too old for."""


class LabTestbed(Strict):
    """Hosts that this machine makes for itself."""

    kind: Literal["lab"]
    hosts: Annotated[tuple[HostName, ...], Field(min_length=2, max_length=8)] = (
        "lom",
        "yuki",
        "luna",
    )
    image: Image = Image()
    data_rate_bps: Annotated[int, Field(ge=1_000_000)] | Literal["none"] = 1_000_000_000

    @model_validator(mode="after")
    def _unique(self) -> Self:
        refuse_duplicates(self.hosts, "host", "hosts")
        return self


def _ip_address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise PydanticCustomError(
            "not_an_address", "'{text}' is not an IP address", {"text": text}
        ) from None
    return text


def _control_address(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", text):
        return text
    try:
        return _ip_address(text)
    except PydanticCustomError:
        raise PydanticCustomError(
            "not_a_host",
            "'{text}' is neither a host name nor an IP address; user and port have keys of their "
            "own, and an IPv6 address has no brackets",
            {"text": text},
        ) from None


def _at_home(path: Path) -> Path:
    # Path.expanduser raises RuntimeError for a user that nobody knows.
    return Path(os.path.expanduser(path))  # noqa: PTH111


class SshHost(Strict):
    """One of the user's own hosts."""

    name: HostName
    address: Annotated[str, AfterValidator(_control_address)]
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Name = "root"
    key_file: Path
    known_hosts_file: Path
    data_interface: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,15}$")]
    data_address: Annotated[str, AfterValidator(_ip_address)]
    allow_reboot: Annotated[bool, Field(exclude=True)] = False
    """Whether benchmarks may reboot it. No number depends on it, so that it is not among a job's
    settings.
    """

    @property
    def key_path(self) -> Path:
        return _at_home(self.key_file)

    @property
    def known_hosts_path(self) -> Path:
        return _at_home(self.known_hosts_file)


class SshTestbed(Strict):
    """Hosts that exist already, reached over SSH with strict host keys."""

    kind: Literal["ssh"]
    hosts: Annotated[tuple[SshHost, ...], Field(min_length=2)]
    install: Annotated[bool, Field(exclude=True)] = False
    """Whether missing Debian packages may be installed there. No number depends on it, so that it
    is not among a job's settings.
    """

    @model_validator(mode="after")
    def _unique(self) -> Self:
        refuse_duplicates([host.name for host in self.hosts], "host", "hosts")
        refuse_duplicates([host.data_address for host in self.hosts], "data_address", "hosts")
        logins = [f"{host.address} port {host.port}" for host in self.hosts]
        refuse_duplicates(logins, "address", "hosts")
        if len({ipaddress.ip_address(host.data_address).version for host in self.hosts}) > 1:
            raise PydanticCustomError(
                "families",
                "every data_address must be of one family: all IPv4, or all IPv6",
                {"key": "hosts"},
            )
        return self


class FakeTestbed(Strict):
    """Hosts that answer from a table and measure nothing: for trying the workflow itself.

    Every record and figure made on it says so.
    """

    kind: Literal["fake"]
    hosts: tuple[HostName, ...] = ("lom", "yuki", "luna")
    broken: dict[Name, str] = {}
    unreachable: tuple[HostName, ...] = ()
    seconds_per_command: NonNegative = 0.0

    @model_validator(mode="after")
    def _unique(self) -> Self:
        refuse_duplicates(self.hosts, "host", "hosts")
        return self


Testbed = Annotated[LabTestbed | SshTestbed | FakeTestbed, Field(discriminator="kind")]


def host_names(testbed: LabTestbed | SshTestbed | FakeTestbed) -> tuple[str, ...]:
    """The names of a testbed's hosts in order; the first one is the special host of each VPN."""
    if isinstance(testbed, SshTestbed):
        return tuple(host.name for host in testbed.hosts)
    return testbed.hosts
