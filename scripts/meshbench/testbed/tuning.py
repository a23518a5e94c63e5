"""Kernel settings on the hosts: set, verified, and put back to what they were."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from meshbench.config.models import Tuning
from meshbench.testbed import deadman, offloads, sysctls
from meshbench.testbed.host import RUN, File, Host
from meshbench.testbed.offloads import Interface
from meshbench.util.errors import VpnError

CONGESTION = "net.ipv4.tcp_congestion_control"
_STOCK = RUN / "sysctl-stock.json"
_TUNNEL = f"{offloads.PREFIX}tunnel."
LIFETIME_S = 1200.0
"""After which a host puts its settings back itself when no controller has come again."""

Permit = Callable[[str], AbstractAsyncContextManager[None]]
"""Makes a testbed's hosts able to choose a congestion control while the block runs."""


class UnsupportedError(VpnError):
    """A kernel does not have a setting or does not take its value; names host, key and why."""

    status: ClassVar[str] = "unsupported"


@dataclass(frozen=True)
class Applied:
    """A tuning's settings as read back, by host, and whether any had to be changed for it."""

    values: dict[str, dict[str, str]]
    changed: bool


async def apply(
    tuning: Tuning,
    hosts: Sequence[Host],
    permit: Permit = lambda _: nullcontext(),
    *,
    tunnels: Mapping[str, str] | None = None,
    lifetime_s: float = LIFETIME_S,
) -> Applied:
    """Make every host's kernel have the tuning's settings and no other tuning's.

    The values found before the first change are kept on the host until it reboots, as the
    settings are; after `lifetime_s` without another call it puts them back itself.

    Args:
        tuning: with all settings of its base.
        hosts: that get them.
        permit: what it takes to choose a congestion control.
        tunnels: by host, the VPN's interface once it is up. Without, that of a VPN that has been
            up under a tuning of its offloads is left with this tuning's.
        lifetime_s: how long they may stay.

    Raises:
        UnsupportedError: when a kernel cannot have a setting; all are as they were found then.
    """
    try:
        return await _apply_all(tuning, hosts, permit, tunnels or {}, lifetime_s)
    except UnsupportedError:
        await _apply_all(Tuning(), hosts, permit, {}, lifetime_s)
        raise


async def differences(
    tuning: Tuning, hosts: Sequence[Host], tunnels: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """By host, the tuning's settings that have another value, and that value; empty: as applied."""
    actual = await asyncio.gather(
        *(_values(tuning, host, tunnels.get(host.name)) for host in hosts)
    )
    wanted = tuning.settings
    by_host = {
        host.name: {key: value for key, value in values.items() if value != wanted[key]}
        for host, values in zip(hosts, actual, strict=True)
    }
    return {host: values for host, values in by_host.items() if values}


async def _values(tuning: Tuning, host: Host, tunnel: str | None) -> dict[str, str]:
    """What a host has of the tuning's settings, `gone` where it does not have one."""
    names = _settings(tuning, tunnel)
    keys = [key for key in names if not key.startswith(offloads.PREFIX)]
    has = await sysctls.read(host, keys) if keys else {}
    sides = {"data": host.address.data_interface, "tunnel": tunnel}
    for side, name in sides.items():
        if name and any(key.startswith(f"{offloads.PREFIX}{side}.") for key in names):
            interface = await offloads.read(host, name)
            features = interface.features if interface else {}
            has |= {f"{offloads.PREFIX}{side}.{key}": value for key, value in features.items()}
    return {key: has.get(key, "gone") for key in names}


def _settings(tuning: Tuning, tunnel: str | None) -> dict[str, str]:
    """What is set on a host, by the settings' own names; without a tunnel nothing of one."""
    settings = tuning.settings
    return {key: settings[key] for key in settings if tunnel or not key.startswith(_TUNNEL)}


async def _apply_all(
    tuning: Tuning,
    hosts: Sequence[Host],
    permit: Permit,
    tunnels: Mapping[str, str],
    lifetime_s: float,
) -> Applied:
    congestion = tuning.settings.get(CONGESTION)
    # Only for as long as it is written: a namespace keeps what it has been given.
    async with permit(congestion) if congestion else nullcontext():
        done = await asyncio.gather(
            *(_apply(tuning, host, tunnels.get(host.name), lifetime_s) for host in hosts),
            return_exceptions=True,
        )
    for result in done:
        if isinstance(result, BaseException):
            raise result
    changes = [result for result in done if isinstance(result, bool)]
    values = {host.name: _settings(tuning, tunnels.get(host.name)) for host in hosts}
    return Applied(values, any(changes))


async def _apply(tuning: Tuning, host: Host, tunnel: str | None, lifetime_s: float) -> bool:
    """Whether anything had to be changed."""
    stock = await _kept(host)
    interfaces = await _interfaces(tuning, host, tunnel, stock)
    features = {key: value for interface in interfaces for key, value in interface.settings.items()}
    stock = {k: v for k, v in stock.items() if k in features or not k.startswith(offloads.PREFIX)}
    wanted = _wanted(tuning, host, interfaces)
    if not (keys := list({**stock, **wanted})):
        return False
    has = await _read(host, keys, features)
    if lacking := [key for key in wanted if key not in has]:
        names = ", ".join(map(offloads.told, lacking))
        raise UnsupportedError(f"{host.name}: this kernel has no {names}")
    if new := {key: has[key] for key in wanted if key not in stock}:
        stock |= new
        await host.upload([File(_STOCK, json.dumps(stock).encode())])
    target = {**stock, **wanted}
    if target == stock:
        await deadman.disarm(host)
    else:
        await deadman.arm(host, stock, lifetime_s)
    return await _change(host, target, has)


async def _change(host: Host, target: Mapping[str, str], has: Mapping[str, str]) -> bool:
    """Whether anything had to be changed. Raises UnsupportedError where the host does not take it."""
    change = {key: value for key, value in target.items() if has.get(key) != value}
    if not change:
        return False
    features = {key: value for key, value in change.items() if key.startswith(offloads.PREFIX)}
    settings = {key: value for key, value in change.items() if key not in features}
    written = [await sysctls.write(host, settings)] if settings else []
    written += await offloads.write(host, features)
    real = await _read(host, list(target))
    for key, value in target.items():
        if (actual := real.get(key)) != value:
            words = " ".join(stderr for command in written if (stderr := command.stderr.strip()))
            raise UnsupportedError(
                f"{host.name}: {offloads.told(key)} is {actual}, not {value}"
                f"{f' ({words})' if words else ''}"
            )
    return True


async def _kept(host: Host) -> dict[str, str]:
    """The values from before the first change."""
    kept = await host.run(["cat", str(_STOCK)], check=False)
    stock: dict[str, str] = json.loads(kept.stdout) if kept.returncode == 0 and kept.stdout else {}
    return stock


async def _interfaces(
    tuning: Tuning, host: Host, tunnel: str | None, stock: Mapping[str, str]
) -> list[Interface]:
    """The interfaces whose offloads this tuning, or one before it, has set.

    Raises:
        UnsupportedError: where one that this tuning names cannot be asked.
    """
    changed = [offloads.interface_of(key) for key in stock if key.startswith(offloads.PREFIX)]
    named = [host.address.data_interface] if tuning.ethtool.data else []
    named += [tunnel] if tunnel and tuning.ethtool.tunnel else []
    interfaces = []
    for name in dict.fromkeys([*named, *changed]):
        if interface := await offloads.read(host, name):
            interfaces.append(interface)
        elif name in named:
            raise UnsupportedError(f"{host.name}: ethtool tells nothing of {name}")
    return interfaces


def _wanted(tuning: Tuning, host: Host, interfaces: Sequence[Interface]) -> dict[str, str]:
    """What the tuning sets, by the keys of this host's own interfaces."""
    wanted = {k: v for k, v in tuning.settings.items() if not k.startswith(offloads.PREFIX)}
    for interface in interfaces:
        of_data = interface.name == host.address.data_interface
        features = tuning.ethtool.data if of_data else tuning.ethtool.tunnel
        wanted |= {interface.key(name): "on" if on else "off" for name, on in features.items()}
    return wanted


async def _read(
    host: Host, keys: Sequence[str], features: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What a host has of these keys; `features` where its interfaces have been read already."""
    settings = [key for key in keys if not key.startswith(offloads.PREFIX)]
    has = await sysctls.read(host, settings) if settings else {}
    if features is not None:
        return {**has, **features}
    names = (offloads.interface_of(key) for key in keys if key.startswith(offloads.PREFIX))
    for name in dict.fromkeys(names):
        if interface := await offloads.read(host, name):
            has |= interface.settings
    return has
