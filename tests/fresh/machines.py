"""New machines of Debian and Ubuntu, in memory, in a mount namespace that the kernel takes away with
whatever ends these tests: nothing of them is ever seen by, or left on, the machine below.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
"""Where the machines are mounted, in their own namespace only."""
BEFOREHAND = "make,python3,git,ca-certificates"
"""What the README asks for."""
PROGRAMS = ("mmdebstrap", "nsenter", "setpriv", "unshare")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AS_ROOT = {"HOME": "/root"}
LIMIT_S = 900
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
_ENDED_TOGETHER = ("unshare", "--pid", "--fork", "--kill-child")
_NETWORK = re.compile(r"(PIP|UV|SSL)_.*|.*_PROXY|.*CA_?(BUNDLE|INFO)", re.IGNORECASE)
_NETWORK_FILES = (
    "/etc/hosts", "/etc/pip.conf", "/etc/resolv.conf", "/etc/uv/uv.toml",
    "/usr/local/share/ca-certificates",
)  # fmt: skip
_APT = re.compile(r"Acquire::(Check-|Force|Retries|https?::).*")

_INSTALL_MAKER = (
    "apt-get update -qq; "
    "apt-get install -qq --no-install-recommends distro-info-data mmdebstrap ubuntu-keyring"
)
_UBUNTU = ("--components=main,universe", "--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg")

Done = subprocess.CompletedProcess[str]


def network() -> dict[str, str]:
    """This machine's settings for proxies, certificates and the package index."""
    return {key: value for key, value in os.environ.items() if _NETWORK.fullmatch(key)}


def _apt_options() -> Iterator[str]:
    dump = ("apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', "Acquire")
    options = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    return (f"--aptopt={option}" for option in options.splitlines() if _APT.match(option))


def _mmdebstrap(suite: str, target: Path, *options: str) -> list[str]:
    return [
        "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet", f"--include={BEFOREHAND}",
        *_apt_options(), *options, suite, str(target),
    ]  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """One of them, as it runs: what is done to it is gone with it."""

    store: "Store"
    tree: Path

    def run(
        self, script: str, *, user: str = "root", environment: Mapping[str, str] = AS_ROOT
    ) -> Done:
        """A shell script in it; when it ends, so does all that it started."""
        return self.store.run(
            *_ENDED_TOGETHER, f"--mount-proc={self.tree}/proc",
            "chroot", f"--userspec={user}", str(self.tree), "bash", "-euc", script,
            environment={"PATH": PATH, **network(), **environment},
        )  # fmt: skip

    def clone(self, folder: str, owner: str = "root") -> None:
        """What is committed here, as its owner would have cloned it."""
        target = f"{self.tree}{folder}"
        self.store.must("git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", target)
        self.must(f"chown --recursive {owner}: {folder}")

    def must(self, script: str) -> str:
        done = self.run(script)
        assert done.returncode == 0, done.stdout
        return done.stdout


@dataclass(frozen=True)
class Store:
    """The namespace, and the systems in it that machines begin with."""

    process: int

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> Done:
        """A command that sees what is mounted here; output and errors together."""
        return subprocess.run(
            [*_WITH_PARENT, "nsenter", f"--target={self.process}", "--mount", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def debian(self, suite: str) -> Path:
        """A new system of Debian, with what the README asks for and nothing else."""
        target = FOLDER / suite
        if self.run("test", "-d", str(target)).returncode:
            self.must(*_ENDED_TOGETHER, "--mount-proc", *_mmdebstrap(suite, target))
        return target

    def ubuntu(self, suite: str, *, made_on: str) -> Path:
        """One of Ubuntu, made on a machine of Debian, which vouches for Ubuntu's keys.

        Raises:
            ConnectionError: with what mmdebstrap said, if it is not to be had from here.
        """
        target = FOLDER / suite
        self.must("mkdir", str(target))
        with self.machine(self.debian(made_on)) as maker:
            maker.must(_INSTALL_MAKER)
            self.must("mount", "--bind", str(target), f"{maker.tree}/mnt")
            done = maker.run(shlex.join(_mmdebstrap(suite, Path("/mnt"), *_UBUNTU)))
        if done.returncode:
            [reason, *_] = [*done.stdout.splitlines(), "mmdebstrap failed"]
            raise ConnectionError(f"no Ubuntu {suite} from here: {reason}")
        return target

    @contextmanager
    def machine(self, system: Path) -> Iterator[Machine]:
        """A machine that begins with a system, and reaches the network as this one does."""
        work = Path(self.must("mktemp", "--directory", f"--tmpdir={FOLDER}").strip())
        parts = {name: str(work / name) for name in ("upper", "work", "tree")}
        self.must("mkdir", *parts.values())
        layers = f"lowerdir={system},upperdir={parts['upper']},workdir={parts['work']}"
        self.must("mount", "--types=overlay", "overlay", f"--options={layers}", parts["tree"])
        tree = work / "tree"
        files = [file for file in _NETWORK_FILES if Path(file).exists()]
        self.must("cp", "--recursive", "--parents", *files, str(tree))
        for path in network().values():
            self._lend(path, tree)
        machine = Machine(self, tree)
        machine.must("update-ca-certificates")
        try:
            yield machine
        finally:
            self.must("umount", "--recursive", str(tree))
            self.must("rm", "--recursive", str(work))

    def _lend(self, path: str, tree: Path) -> None:
        """A folder that a setting of the network names (a cache, a folder of packages)."""
        if path.startswith("/") and Path(path).is_dir():
            self.must("mkdir", "--parents", f"{tree}{path}")
            self.must("mount", "--bind", path, f"{tree}{path}")


@contextmanager
def store() -> Iterator[Store]:
    hold = f"mount -t tmpfs -o size=6G tmpfs {FOLDER} && echo mounted && exec cat"
    with subprocess.Popen(
        [*_WITH_PARENT, "unshare", "--mount", "sh", "-c", hold],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "mounted\n"
        try:
            yield Store(holder.pid)
        finally:
            holder.kill()
