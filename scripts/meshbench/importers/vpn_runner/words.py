"""What the words of a path may stand for: the runner's systems, profiles and kernel profiles."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

STOCK, TUNED = "stock", "tailscale-style"
SYSTEMS = frozenset({
    "internal", "wireguard", "zerotier", "headscale", "tailscale", "yggdrasil", "nebula", "easytier",
    "vpncloud", "hyprspace", "tinc", "mycelium",
})  # fmt: skip
_RENAMED: Mapping[str, str] = MappingProxyType({"novpn": "internal"})
PROFILES = frozenset({"baseline", "low", "medium", "high", "extreme"})
KERNEL_PROFILES: Mapping[str, str] = MappingProxyType({
    "baseline": STOCK, "stock": STOCK, "optimized": TUNED, "optimised": TUNED, TUNED: TUNED,
    "reorder-only": "reorder-only",
})  # fmt: skip
"""Which tuning a kernel profile is: a folder between a run and its systems, or the end of a run's name."""
_WORD = re.compile(r"[a-z0-9]+(?:[._@-][a-z0-9]+)*")
_HOST_FOLDER = re.compile(r"(?P<number>\d+)_(?P<host>[A-Za-z][A-Za-z0-9-]*)")
_TUNED_RUN = re.compile(
    rf"[-_. ](?P<word>{'|'.join(word for word, tuning in KERNEL_PROFILES.items() if tuning != STOCK)})$",
    re.IGNORECASE,
)
DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?!\d)"),
)


@dataclass(frozen=True)
class Words:
    """The systems and profiles that are taken for such wherever they stand.

    Attributes:
        systems: besides the runner's own and their variants, e.g. those a config names.
        profiles: besides the runner's own.
    """

    systems: frozenset[str] = field(default=frozenset())
    profiles: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, systems: Iterable[str], profiles: Iterable[str]) -> "Words":
        """The same, from names in any case."""
        return cls(
            frozenset(name.lower() for name in systems),
            frozenset(name.lower() for name in profiles),
        )

    def system(self, folder: str) -> str | None:
        """The system a folder is named after, or None: ``NoVPN`` is ``internal``, ``nebula@1.9`` is itself."""
        name = _RENAMED.get(folder.lower(), folder.lower())
        systems = SYSTEMS | self.systems
        variant = any(name.startswith(tuple(base + sign for sign in "@-._+")) for base in systems)
        return name if (name in systems or variant) and _WORD.fullmatch(name) else None

    def profile(self, folder: str) -> str | None:
        """The profile a folder is named after, or None: ``low_impairment`` is ``low``."""
        lower = folder.lower()
        name = lower.removesuffix("_impairment")
        is_profile = name in PROFILES | self.profiles or name != lower
        return name if is_profile and _WORD.fullmatch(name) else None


def word(folder: str) -> str | None:
    """A folder's name as a name of the tables, or None where it cannot be one."""
    name = folder.lower()
    return name if _WORD.fullmatch(name) and not dated(folder) and not host(folder) else None


def host(folder: str) -> tuple[int, str] | None:
    """Number and host of a folder ``<number>_<host>``, or None."""
    parts = _HOST_FOLDER.fullmatch(folder)
    return (int(parts["number"][:9]), parts["host"].lower()) if parts else None


def dated(folder: str) -> bool:
    """Whether a folder is named after a day, as runs are."""
    return any(pattern.search(folder) for pattern in DATES)


def tuning(run: str) -> str | None:
    """The tuning that a run's name ends in, in any case; None where it names none."""
    ending = _TUNED_RUN.search(run)
    return KERNEL_PROFILES[ending["word"].lower()] if ending else None
