"""Every UDP link without a value, and why."""

from collections import Counter
from collections.abc import Sequence

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing.groups import named
from meshbench.figures.drawing.tabular import Column, Table
from meshbench.figures.drawing.theme import STATUSES, ordered, profile_order
from meshbench.figures.drawing.wording import TIMES


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, profile and reason, with the links it concerns."""
    columns = [
        Column("vpn", "VPN", digits=None),
        Column("profile", "profile", digits=None),
        Column("status", "status", digits=None),
        Column("links", "links", digits=None),
        Column("reason", "reason", digits=None, prose=True),
    ]
    by_reason: dict[tuple[str, str, str, str], Counter[str]] = {}
    for row in failures(data, context):
        status, reason = STATUSES[row["status"]].words, row["reason"] or ""
        key = (named(row["vpn"], row["tuning"], context), row["profile"], status, reason)
        by_reason.setdefault(key, Counter())[f"{row['source']}→{row['target']}"] += 1
    return Table(columns, [(*key[:3], _links(links), key[3]) for key, links in by_reason.items()])


def _links(counts: Counter[str]) -> str:
    """Each link, and in how many rounds where in several."""
    return ", ".join(f"{link} ({n} {TIMES})" if n > 1 else link for link, n in counts.items())


def failures(data: Data, context: Context) -> list[Row]:
    """The links that have no value, in drawing order."""
    rows = [row for row in data.rows("links", benchmark="udp") if row["status"] != "ok"]
    vpns = ordered(context.vpns, {row["vpn"] for row in rows})
    profiles = profile_order(context.profiles, {row["profile"] for row in rows})
    return sorted(
        rows,
        key=lambda row: (
            vpns.index(row["vpn"]),
            row["tuning"],
            profiles.index(row["profile"]),
            row["source"],
        ),
    )


def caption(data: Data, context: Context) -> str:
    """How many are missing, by kind of failure."""
    links = data.rows("links", benchmark="udp")
    counts = Counter(STATUSES[row["status"]].words for row in failures(data, context))
    troubles = ", ".join(f"{count} {words}" for words, count in counts.most_common())
    return (
        f"UDP links without a value: {sum(counts.values())} of {len(links)} ({troubles or 'none'}). 'Tool "
        "failed' is iperf3's own set-up or exchange of results and is not held against the system."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Systems and profiles for which there is no record at all."""
    there = {(row["vpn"], row["profile"]) for row in data.rows("links", benchmark="udp")}
    return [
        f"{vpn}, {profile}: not run"
        for vpn in context.vpns
        for profile in context.profiles
        if (vpn, profile) not in there
    ]
