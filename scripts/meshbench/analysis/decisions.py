"""What was decided after a round: who is measured again under which profile, and why (pure, and light)."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from meshbench.util.files import atomic

Group = tuple[str, str, str, str]
"""VPN, tuning, placement and profile: what is measured on or not."""
First = tuple[str, str, str | None, str, str]
"""Of a benchmark: its name, and the metric, mode, direction and subject of its first headline."""


@dataclass(frozen=True)
class Decision:
    """Whether a system is measured again under a profile.

    Attributes:
        rounds: that it had by then.
        why: the widths that decided, or on account of which other system.
    """

    vpn: str
    tuning: str
    placement: str
    profile: str
    goes_on: bool
    rounds: int
    why: str

    @property
    def group(self) -> Group:
        return self.vpn, self.tuning, self.placement, self.profile


def read(file: Path | None) -> dict[Group, Decision]:
    """The decisions after a round; none without a file."""
    if file is None:
        return {}
    systems = json.loads(file.read_text(encoding="utf-8"))["systems"]
    return {decision.group: decision for decision in (Decision(**words) for words in systems)}


def write(decisions: Iterable[Decision], round_: int, file: Path) -> None:
    """All of them, whole or not at all."""
    document = {"round": round_, "systems": [asdict(decision) for decision in decisions]}
    with atomic(file) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
