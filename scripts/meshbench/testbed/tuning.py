"""Kernel settings on the hosts: set, verified, and put back to what they were."""

import asyncio
import json
from collections.abc import Sequence

from meshbench.config.models import Tuning
from meshbench.testbed import sysctls
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
        found = await sysctls.read(host, new)
        if lacking := [key for key in new if key not in found]:
            raise TestbedError(f"{host.name}: this kernel has no {', '.join(lacking)}")
        stock |= found
        await host.upload([File(_STOCK, json.dumps(stock).encode())])
    if not stock:
        return {}
    target = {**stock, **wanted}
    written = await sysctls.write(host, target)
    real = await sysctls.read(host, list(target))
    for key, value in target.items():
        if (has := real.get(key)) != value:
            said = f" ({written.stderr.strip()})" if written.stderr.strip() else ""
            raise TestbedError(f"{host.name}: {key} is {has}, not {value}{said}")
    return {key: real[key] for key in wanted}


def _words(value: object) -> str:
    return " ".join(str(value).split())
