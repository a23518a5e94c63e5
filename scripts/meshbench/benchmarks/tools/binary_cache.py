"""Binary caches on the hosts: nginx serves one per link, and what comes of them is watched."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath

from meshbench.benchmarks.base import Link
from meshbench.benchmarks.tools import closures
from meshbench.benchmarks.tools.closures import About, Closure
from meshbench.results.records import Command
from meshbench.testbed.host import PRIVATE, RUN, File, Unit
from meshbench.testbed.waiting import listening
from meshbench.util.errors import ToolError

UNIT = "meshbench-nix-cache"
STARTS, LOOKS, CLOSURE = "starts", "looks", "closure"
"""Roles of the commands that say when copies began, how far they came, and of what they are."""
_LISTEN_LIMIT_S = 10.0
_CERTIFICATE = RUN / "nix-cache.pem"
"""On the clients: the only authority that they trust."""
_CONFIG = """\
daemon off;
worker_processes auto;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65;
    server {{
        listen {listen};
        root {root};
        {tls}
    }}
}}
"""
# $1: the port, $2: the interval in s, $3: the client's folder. Each line: the time, the store paths in
# the target, and by the client's port the bytes received. Nix writes a narinfo when its path is there.
_WATCH = r"""
while :; do
    set -- "$1" "$2" "$3" "$3"/target/*.narinfo
    [ -e "$4" ] && paths=$(($# - 3)) || paths=0
    printf '%s %s' "$(date +%s.%N)" "$paths"
    ss -tinHO "dport = :$1" | awk '{
        n = split($4, here, ":")
        for (i = 6; i <= NF; i++) if ($i ~ /^bytes_received:/) printf " %s=%s", here[n], substr($i, 16)
    }'
    echo; sleep "$2"
done >"$3/looks"
"""


class BinaryCaches:
    """One server per link for the length of a cell.

    Attributes:
        closure: that they serve.
        https: whether by TLS, with a certificate of our own.
    """

    def __init__(self, links: Sequence[Link], closure: Closure, *, https: bool) -> None:
        self.closure = closure
        self.https = https
        self._links = links
        self._held: dict[str, tuple[Command, About]] = {}

    @property
    def client_environment(self) -> dict[str, str]:
        """What a client needs to trust them."""
        return {"NIX_SSL_CERT_FILE": str(_CERTIFICATE)} if self.https else {}

    def url(self, link: Link) -> str:
        """Where a link's cache is."""
        address = link.target_address
        host = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address  # noqa: PLR2004
        return f"{'https' if self.https else 'http'}://{host}:{link.port}"

    def told(self, link: Link) -> Command:
        """The command that says what the target's cache holds."""
        return self._held[link.target.name][0]

    def about(self, link: Link) -> About:
        """What the target's cache holds."""
        return self._held[link.target.name][1]

    async def copied(self, link: Link) -> int:
        """How many store paths the target of the last copy has."""
        count = 'set -- "$1"/target/*.narinfo; [ -e "$1" ] && echo $# || echo 0'
        answer = await link.source.run(["sh", "-c", count, "sh", str(client_folder(link))])
        return int(answer.stdout)

    async def serves(self, link: Link) -> bool:
        """Whether the link's server listens."""
        return await listening(link.target, link.port, 0, "t")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Every link's server listens in the block.

        Raises:
            ToolError: when a cache cannot be made, or a server does not start.
        """
        targets = {link.target.name: link.target for link in self._links}
        try:
            held = await asyncio.gather(
                *(closures.provide(host, self.closure) for host in targets.values())
            )
            self._held = {
                name: (aside(command, CLOSURE), about)
                for name, (command, about) in zip(targets, held, strict=True)
            }
            await self._certify()
            await asyncio.gather(*(self._start(link) for link in self._links))
            yield
        finally:
            await asyncio.gather(*(self._clear(link) for link in self._links))

    async def _certify(self) -> None:
        if not self.https:
            return
        # Parsing reads this module too, and must not pay for what only measuring needs.
        from cryptography import x509  # noqa: PLC0415

        from meshbench.util.certificates import pem, self_signed  # noqa: PLC0415

        addresses = {ipaddress.ip_address(link.target_address) for link in self._links}
        names = x509.SubjectAlternativeName([x509.IPAddress(a) for a in sorted(addresses, key=str)])
        key, certificate = self_signed("meshbench", [names])
        public = pem(certificate).encode()
        files = [
            (link.target, [File(_folder(link) / "key.pem", key.encode(), PRIVATE),
                           File(_folder(link) / "certificate.pem", public)])
            for link in self._links
        ]  # fmt: skip
        sources = {link.source.name: link.source for link in self._links}.values()
        await asyncio.gather(
            *(host.upload(mine) for host, mine in files),
            *(host.upload([File(_CERTIFICATE, public)]) for host in sources),
        )

    async def _start(self, link: Link) -> None:
        folder = _folder(link)
        await link.target.upload([File(folder / "nginx.conf", self._config(link).encode())])
        await link.target.start(Unit(_unit(link), ["nginx", "-c", str(folder / "nginx.conf")]))
        if not await listening(link.target, link.port, _LISTEN_LIMIT_S, "t", _unit(link)):
            journal = await link.target.logs(_unit(link))
            raise ToolError(f"{link.target.name}: nginx does not listen: {journal.strip()[-500:]}")

    def _config(self, link: Link) -> str:
        folder = _folder(link)
        six = ipaddress.ip_address(link.target_address).version == 6  # noqa: PLR2004
        tls = f"ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;"
        return _CONFIG.format(
            folder=folder,
            root=self.closure.cache,
            listen=f"{'[::]:' if six else ''}{link.port}{' ssl' if self.https else ''}",
            tls=tls if self.https else "",
        )

    async def watch(self, link: Link, interval_s: float) -> None:
        """Look so often at how far the client's copies are, from a folder of its own on."""
        folder = str(client_folder(link))
        await link.source.run(["sh", "-c", 'rm -rf -- "$1"; mkdir -p "$1"', "sh", folder])
        argv = ["sh", "-c", _WATCH, "sh", str(link.port), f"{interval_s:g}", folder]
        await link.source.start(Unit(f"{_unit(link)}-watch", argv))

    async def seen(self, link: Link) -> list[Command]:
        """When copies were begun since `watch`, and what was seen of them."""
        await link.source.stop(f"{_unit(link)}-watch")
        return [
            aside(
                await link.source.run(["cat", f"{client_folder(link)}/{role}"], check=False), role
            )
            for role in (STARTS, LOOKS)
        ]

    async def _clear(self, link: Link) -> None:
        await link.source.stop(f"{_unit(link)}-watch")
        await link.target.stop(_unit(link))
        await link.target.run(["rm", "-rf", "--", str(_folder(link))])
        await link.source.run(["rm", "-rf", "--", str(_CERTIFICATE), str(client_folder(link))])


def aside(command: Command, role: str) -> Command:
    """A command that measured nothing, in its role."""
    return command.in_role(role).model_copy(update={"measuring": False})


def client_folder(link: Link) -> PurePosixPath:
    """Where a link's source copies to, and keeps Nix's own cache meanwhile."""
    return closures.FOLDER.with_name(f"{closures.FOLDER.name}-client") / str(link.port)


def _folder(link: Link) -> PurePosixPath:
    return RUN / "nix-cache" / str(link.port)


def _unit(link: Link) -> str:
    return f"{UNIT}-{link.port}"
