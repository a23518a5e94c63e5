"""Waiting for what a host becomes."""

from meshbench.testbed.host import Host
from meshbench.util.waiting import until


async def listening(host: Host, port: int, limit_s: float, protocols: str = "tu") -> bool:
    """Whether a program listened on a TCP (t) or UDP (u) port of a host within the limit."""

    async def listens() -> bool:
        return bool((await host.run(["ss", f"-Hln{protocols}", f"sport = :{port}"])).stdout.strip())

    return await until(listens, limit_s)
