"""The lab's life: up, down, status; idempotent, and cleaning up after its own sudden death."""

import asyncio
import json
import logging
import os
import shutil
import time
import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncssh

from meshbench.testbed import local
from meshbench.testbed.host import Address
from meshbench.testbed.lab import cgroups, congestion, image, machine, networkd, watch
from meshbench.testbed.lab.layout import (
    CONTROL_NETWORKS,
    CONTROL_POOL,
    DATA_NETWORK,
    LABS,
    MTU,
    HostLayout,
    Layout,
)
from meshbench.testbed.ssh import SshHost, close_all
from meshbench.util import machine_lock
from meshbench.util.errors import TestbedError
from meshbench.util.files import write_private
from meshbench.util.waiting import persist

log = logging.getLogger(__name__)

_END_LIMIT_S = 4.0
_DATA_NETWORK_UNIT = """[Unit]
Description=The data network, as a host's own configuration brings it up
Wants=network.target
Before=network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address replace {address} dev data0
ExecStart=ip link set data0 up
"""


@dataclass(frozen=True)
class Lab:
    """One lab. Two with different names or owners live side by side and do not meet."""

    layout: Layout
    definition: image.Definition
    rate_bps: int | None

    @property
    def _signature(self) -> dict[str, object]:
        return {
            "name": self.layout.name,
            "owner": self.layout.owner,
            "image": self.definition.basis,
            "hosts": list(self.layout.host_names),
            "rate_bps": self.rate_bps,
        }

    @property
    def _state(self) -> Path:
        return self.layout.folder / "lab.json"

    async def up(self) -> list[Address]:
        """Bring the lab up unless it is; returns where its hosts are.

        Raises:
            TestbedError: when this machine cannot hold it; nothing is left behind then.
        """
        async with _locked(self.layout):
            if (subnet := self._running()) is None:
                machine.check(self.definition)
                tree = await image.ensure(self.definition)
                await _clear(self.layout)
                subnet = await self._make(tree)
            return self.inventory(subnet)

    async def down(self) -> None:
        """Take everything away that this lab made, running or dead."""
        async with _locked(self.layout):
            await _clear(self.layout)

    def running(self) -> list[Address] | None:
        """Where the hosts are, or None when the lab is not up."""
        subnet = self._running()
        return None if subnet is None else self.inventory(subnet)

    def image(self) -> str:
        """The digest of the image that the hosts of the running lab boot."""
        packages = tuple(json.loads(self._state.read_text())["packages"])
        return replace(self.definition, packages=packages).digest

    def keep(self) -> None:
        """Let the lab outlive the runs that use it."""
        (self.layout.folder / "keep").touch()

    @property
    def kept(self) -> bool:
        return (self.layout.folder / "keep").exists()

    def _running(self) -> int | None:
        try:
            state = json.loads(self._state.read_text())
        except (FileNotFoundError, ValueError):
            return None
        # nspawn puts the container below "payload"; without its supervisor it cannot boot again.
        hosts = self.layout.hosts
        alive = all(cgroups.processes(host.unique, outside="payload") for host in hosts)
        same = all(state.get(key) == value for key, value in self._signature.items())
        enough = {*self.definition.packages} <= {*state.get("packages", ())}
        return int(state["subnet"]) if alive and same and enough else None

    async def _make(self, tree: Path) -> int:
        clock = time.monotonic()
        try:
            await _mount_folder(self.layout)
            subnet = await _network(self.layout)
            _make_keys(self.layout, subnet)
            for host in self.layout.hosts:
                await self._start(host, tree, subnet)
            hosts = [SshHost(address) for address in self.inventory(subnet)]
            try:
                await asyncio.gather(*map(watch.reachable, hosts, self.layout.hosts))
            finally:
                await close_all(hosts)
        except BaseException:
            await _clear(self.layout)
            raise
        packages = list(self.definition.packages)
        state = {**self._signature, "packages": packages, "subnet": subnet}
        self._state.write_text(json.dumps(state))
        log.info("lab %s is up after %.1f s", self.layout.id, time.monotonic() - clock)
        return subnet

    async def _start(self, host: HostLayout, tree: Path, subnet: int) -> None:
        await _overlay(host, tree)
        _seed(host)
        variables = host.folder / "boot.env"
        variables.write_text(_boot_variables(host, subnet, self.rate_bps))
        script = str(files("meshbench.testbed.lab") / "boot.sh")
        await spawn(host.unique, ["sh", script, str(variables)], host.folder / "console.log")

    def inventory(self, subnet: int) -> list[Address]:
        """The same inventory a testbed file of kind ssh gives."""
        return [
            Address(
                name=host.name,
                control=host.control_address(subnet),
                port=22,
                user="root",
                key_file=self.layout.folder / "keys" / "controller",
                known_hosts_file=self.layout.folder / "keys" / "known_hosts",
                data_interface="data0",
                data_address=host.data_address,
            )
            for host in self.layout.hosts
        ]


async def spawn(group: str, argv: list[str], output: Path) -> None:
    """Start a process that outlives this one, in a control group of its own."""
    if Path("/run/systemd/system").is_dir():
        await local.run(
            "systemd-run", "--quiet", "--collect", f"--unit={group}", "--property=Delegate=yes",
            "--property=KillMode=mixed", "--property=TimeoutStopSec=5",
            f"--property=StandardOutput=append:{output}", "--", *argv,
        )  # fmt: skip
        return
    enter = "".join(f"echo $$ > {file} && " for file in cgroups.create(group))
    with output.open("ab") as sink:
        await asyncio.create_subprocess_exec(
            "sh", "-c", enter + 'exec "$@"', "sh", *argv,
            stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip


async def end(group: str) -> None:
    """End everything that `spawn` started under this name and wait until it is gone."""
    if Path("/run/systemd/system").is_dir():
        await local.run("systemctl", "--quiet", "kill", "-s", "KILL", group, check=False)
        await local.run("systemctl", "--quiet", "stop", group, check=False)
        return

    async def kill() -> None:
        cgroups.kill(group)
        cgroups.remove(group)

    # Busy while a process dies, or has only now entered.
    if error := await persist(kill, _END_LIMIT_S, OSError):
        raise error


def _locked(layout: Layout) -> AbstractAsyncContextManager[None]:
    return machine_lock.alone(LABS / f"{layout.id}.lock")


async def _clear(layout: Layout) -> None:
    await congestion.recover()
    for group in sorted(cgroups.named(f"{layout.id}-")):
        await end(group)
    for name in await _namespaces(f"{layout.id}-"):
        await local.run("ip", "netns", "del", name, check=False)
    for host in layout.hosts:
        await local.run("ip", "link", "del", host.control_port, check=False)
    await local.run("ip", "link", "del", layout.control_bridge, check=False)
    await networkd.forget(layout)
    for point in _mounts_below(layout.folder):
        await local.run("umount", "-l", point)
    shutil.rmtree(layout.folder, ignore_errors=True)
    for left in Path("/run/systemd/nspawn").glob(f"*/{layout.id}-*"):
        for point in _mounts_below(left):
            await local.run("umount", "-l", point)
        shutil.rmtree(left, ignore_errors=True)


async def _namespaces(prefix: str) -> list[str]:
    _, text = await local.run("ip", "netns", "list")
    return [line.split()[0] for line in text.splitlines() if line.startswith(prefix)]


def _mounts_below(folder: Path) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), key=len, reverse=True)


async def _mount_folder(layout: Layout) -> None:
    # A tmpfs of its own takes an overlay's upper folder on every machine, and goes in one umount.
    layout.folder.mkdir(parents=True, exist_ok=True)
    await local.run("mount", "-t", "tmpfs", "-o", "mode=700", "meshbench", str(layout.folder))


async def _network(layout: Layout) -> int:
    await networkd.leave_alone(layout)
    wire = layout.wire
    await local.run("ip", "netns", "add", wire)
    await local.run("ip", "netns", "exec", wire, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")  # fmt: skip
    await local.run("ip", "-n", wire, "link", "add", "lan", "type", "bridge",
                    "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")  # fmt: skip
    await local.run("ip", "-n", wire, "link", "set", "lan", "up")
    bridge = layout.control_bridge
    await local.run("ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0")
    subnet = await _free_subnet()
    address = f"{Layout.control_network(subnet)[1]}/24"
    await local.run("ip", "address", "add", address, "dev", bridge)
    await local.run("ip", "link", "set", bridge, "up")
    return subnet


async def _free_subnet() -> int:
    _, text = await local.run("ip", "-j", "address")
    links: list[dict[str, Any]] = json.loads(text)
    used = {
        address["local"].rpartition(".")[0]
        for link in links
        for address in link.get("addr_info", [])
        if address["family"] == "inet"
    }
    for subnet, network in enumerate(CONTROL_NETWORKS):
        if str(network[0]).rpartition(".")[0] not in used:
            return subnet
    raise TestbedError(f"every network of {CONTROL_POOL} is in use on this machine")


def _make_keys(layout: Layout, subnet: int) -> None:
    folder = layout.folder / "keys"
    controller = asyncssh.generate_private_key("ssh-ed25519", comment="meshbench")
    write_private(folder / "controller", controller.export_private_key())
    (folder / "controller.pub").write_bytes(controller.export_public_key())
    lines = []
    for host in layout.hosts:
        key = asyncssh.generate_private_key("ssh-ed25519", comment=host.name)
        write_private(folder / host.name, key.export_private_key())
        public = key.export_public_key().decode().strip()
        lines.append(f"{host.control_address(subnet)} {public}\n")
    (folder / "known_hosts").write_text("".join(lines))


async def _overlay(host: HostLayout, tree: Path) -> None:
    for name in ("upper", "work", "root"):
        (host.folder / name).mkdir(parents=True, exist_ok=True)
    await local.run(
        "mount", "-t", "overlay", host.unique, "-o",
        f"lowerdir={tree},upperdir={host.folder / 'upper'},workdir={host.folder / 'work'}",
        str(host.root),
    )  # fmt: skip


def _seed(host: HostLayout) -> None:
    etc, keys = host.root / "etc", host.lab.folder / "keys"
    (etc / "hostname").write_text(f"{host.name}\n")
    (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    names = [f"{other.data_address} {other.name}\n" for other in host.lab.hosts]
    (etc / "hosts").write_text("127.0.0.1 localhost\n" + "".join(names))
    write_private(etc / "ssh" / "ssh_host_ed25519_key", (keys / host.name).read_bytes())
    _seed_data_network(host, etc / "systemd" / "system")
    authorized = host.root / "root" / ".ssh" / "authorized_keys"
    write_private(authorized, (keys / "controller.pub").read_bytes())


def _seed_data_network(host: HostLayout, units: Path) -> None:
    unit = units / "data-network.service"
    address = f"{host.data_address}/{DATA_NETWORK.prefixlen}"
    unit.write_text(_DATA_NETWORK_UNIT.format(address=address))
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit.name).symlink_to(f"../{unit.name}")


def _boot_variables(host: HostLayout, subnet: int, rate_bps: int | None) -> str:
    variables = {
        "NAME": host.name,
        "MACHINE": host.unique,
        "ROOT": host.root,
        "NETNS": host.unique,
        "WIRE": host.lab.wire,
        "CONTROL_BRIDGE": host.lab.control_bridge,
        "CONTROL_PORT": host.control_port,
        "CONTROL_MAC": host.control_mac,
        "CONTROL_ADDRESS": f"{host.control_address(subnet)}/24",
        "DATA_PORT": host.data_port,
        "DATA_MAC": host.data_mac,
        "MTU": MTU,
        "RATE_BPS": rate_bps or "none",
    }
    return "".join(f"{key}='{value}'\n" for key, value in variables.items())


def owner() -> str:
    """Whose lab it is: the project folder, so that two checkouts have two labs."""
    return os.environ.get("MESHBENCH_LAB_OWNER", str(Path.cwd()))
