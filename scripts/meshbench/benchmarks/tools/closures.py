"""A closure of store paths on a host, exported once as a binary cache: a given one, or one made up.

The made-up one needs no internet, daemon, build or signature: files of seeded noise are added to a
store of our own, and one text refers to them all, so that every path is addressed by its content.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import NormalDist

from meshbench.results.records import Command
from meshbench.testbed.host import STATE, Host
from meshbench.util.errors import ToolError

FOLDER = STATE / ".nix-cache"
"""A dot keeps it apart from the folders of systems."""
_FORMAT = 1
_EXPORT_LIMIT_S, _MAKE_LIMIT_S, _MAKE_BYTES_PER_S = 900.0, 60.0, 10e6
"""How long making a cache may take: of a given closure, and of another one beside its bytes."""
_SIGMA = 2.0
"""Of the logarithm of the sizes: the largest of 370 paths is then a sixth of the whole."""

# $1: the cache's folder. Others of its kind make room for it.
_BEGIN = """
set -eu; umask 022
nix() { command nix --extra-experimental-features nix-command "$@"; }
new=$1.new; rm -rf -- "${1%/*}"/*; mkdir -p "$new"; cd "$new"
export XDG_CACHE_HOME="$new/xdg"
"""
# $2: a key in hexadecimal, $3: an expression. Standard input: names and sizes.
_MAKE = """
mkdir files; cat >sizes
openssl enc -aes-128-ctr -K "$2" -iv 00 -in /dev/zero 2>/dev/null |
    while read -r name size <&3; do
        head -c "$size" >"files/$name"
        [ -s "files/$name" ] || { echo "openssl gives no data: is it installed?" >&2; exit 1; }
    done 3<sizes
top=$(nix eval --store "$new/root" --impure --raw --expr "$3")
rm -rf files
nix copy --from "$new/root" --to "file://$new/cache?compression=none" "$top"
"""
# $2: a store path of the host.
_EXPORT = """
top=$2
nix copy --option substitute false --no-check-sigs --to "file://$new/cache?compression=none" "$top"
"""
_FINISH = r"""
chmod -R u+w . ; rm -rf root xdg sizes
cat cache/*.narinfo | awk -v top="$top" \
    '/^NarSize:/ { bytes += $2; paths += 1 } END { printf "%s %d %d\n", top, paths, bytes }' >about
cd /; mv "$new" "$1"; cat "$1/about"
"""
_EXPRESSION = """
let files = {folder}; in builtins.toFile "closure" (builtins.concatStringsSep "\\n" (map
  (name: "${{builtins.path {{ path = files + "/${{name}}"; inherit name; }}}}")
  (builtins.attrNames (builtins.readDir files))))
"""


@dataclass(frozen=True)
class Closure:
    """What is copied.

    Attributes:
        store_path: the top of a closure that the hosts have; None for one that is made up.
        paths: how many the made-up one has, the top among them.
        total_bytes: of all its files but the top.
        seed: of its contents, and of which path has which size.
    """

    store_path: str | None
    paths: int
    total_bytes: int
    seed: int

    @property
    def folder(self) -> PurePosixPath:
        """Where a host keeps it as a binary cache, named by what defines it."""
        return FOLDER / self._digest[:16]

    @property
    def cache(self) -> PurePosixPath:
        """What is served: nix-cache-info, *.narinfo, nar/*."""
        return self.folder / "cache"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(repr((_FORMAT, self)).encode()).hexdigest()

    def sizes(self) -> list[int]:
        """The sizes of the made-up files in bytes: log-normal quantiles, shuffled, of exactly the total.

        Quantiles and not draws: whatever the seed, the largest path has the same share.
        """
        count = self.paths - 1
        weights = NormalDist(0, _SIGMA)
        drawn = [2.718281828459045 ** weights.inv_cdf((n + 0.5) / count) for n in range(count)]
        room = self.total_bytes - count
        sizes = [1 + int(room * weight / sum(drawn)) for weight in drawn]
        sizes[-1] += self.total_bytes - sum(sizes)
        random.Random(self.seed).shuffle(sizes)  # noqa: S311
        return sizes


@dataclass(frozen=True)
class About:
    """What a binary cache holds."""

    top: str
    paths: int
    nar_bytes: int


def about(command: Command) -> About | None:
    """What the host said of its cache; None where it has none."""
    words = command.stdout.split()
    if command.returncode != 0 or len(words) != 3 or not (words[1] + words[2]).isdecimal():  # noqa: PLR2004
        return None
    return About(words[0], int(words[1]), int(words[2]))


async def provide(host: Host, closure: Closure) -> tuple[Command, About]:
    """Have the cache on a host, made if it is not there; what it holds, and the command that said so.

    Raises:
        ToolError: when it cannot be made, with the host and what Nix said.
    """
    there = await host.run(["cat", str(closure.folder / "about")], check=False)
    if held := about(there):
        return there, held
    command = await _make(host, closure)
    if held := about(command):
        return command, held
    problem = (command.stderr or command.stdout).strip()[-500:]
    label = closure.store_path or f"a closure of {closure.paths} paths"
    raise ToolError(f"{host.name}: no binary cache of {label}: {problem or 'not within its limit'}")


async def _make(host: Host, closure: Closure) -> Command:
    folder = str(closure.folder)
    if closure.store_path:
        argv = ["sh", "-c", _BEGIN + _EXPORT + _FINISH, "sh", folder, closure.store_path]
        return await host.run(argv, limit_s=_EXPORT_LIMIT_S, check=False)
    key = hashlib.sha256(str(closure.seed).encode()).hexdigest()[:32]
    expression = _EXPRESSION.format(folder=f"{folder}.new/files")
    names = _names(closure.sizes())
    argv = ["sh", "-c", _BEGIN + _MAKE + _FINISH, "sh", folder, key, expression]
    limit_s = _MAKE_LIMIT_S + closure.total_bytes / _MAKE_BYTES_PER_S
    return await host.run(argv, stdin=names, limit_s=limit_s, check=False)


def _names(sizes: Sequence[int]) -> bytes:
    return "".join(f"path-{number:04d} {size}\n" for number, size in enumerate(sizes)).encode()
