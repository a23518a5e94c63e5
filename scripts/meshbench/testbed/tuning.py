"""Kernel settings on the hosts: set, verified, and put back to what they were."""

import asyncio
import json
from collections.abc import Sequence

from meshbench.config.models import Tuning
from meshbench.testbed.host import RUN, File, Host
from meshbench.util.errors import TestbedError

_STOCK = RUN / "sysctl-stock.json"


async def apply(tuning: Tuning, hosts: Sequence[Host]) -> dict[str, dict[str, str]]:
    """Make every host's kernel have the tuning's settings and no other tuning's.

    The values found before the first change are kept on the host until it reboots, as the
    settings are.

    Returns:
        The tuning's settings as read back, by host.

    Raises:
        TestbedError: naming host and key when a kernel does not take a value.
    """
    found = await asyncio.gather(*(_apply(tuning, host) for host in hosts))
    return {host.name: values for host, values in zip(hosts, found, strict=True)}


async def _apply(tuning: Tuning, host: Host) -> dict[str, str]:
    wanted = {key: _words(value) for key, value in tuning.sysctls.items()}
    kept = await host.run(["cat", str(_STOCK)], check=False)
    stock: dict[str, str] = json.loads(kept.stdout) if kept.returncode == 0 and kept.stdout else {}
    if new := [key for key in wanted if key not in stock]:
        stock |= await _read(host, new)
        await host.upload([File(_STOCK, json.dumps(stock).encode())])
    if not stock:
        return {}
    target = {**stock, **wanted}
    await host.run(["sysctl", "-q", "-w", *(f"{key}={value}" for key, value in target.items())])
    real = await _read(host, list(target))
    for key, value in target.items():
        if real[key] != value:
            raise TestbedError(f"{host.name}: {key} is {real[key]}, not {value}")
    return {key: real[key] for key in wanted}


async def _read(host: Host, keys: Sequence[str]) -> dict[str, str]:
    values = (await host.run(["sysctl", "-n", *keys])).stdout.splitlines()
    return {key: _words(value) for key, value in zip(keys, values, strict=True)}


def _words(value: object) -> str:
    return " ".join(str(value).split())
