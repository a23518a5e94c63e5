"""The bare link before and after a round: how far it went, and which cells are marked for it."""

from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.unit import synthetic
from tests.unit.synthetic import START, link, sample

Rows = list[dict[str, Any]]
MARK = "the bare link changed by more than a fifth within the round"
BEFORE, AFTER = START, START + timedelta(hours=1)


def side(
    side: str, values: dict[str, float | None], *, metric: str = "goodput", at: datetime, **key: Any
) -> tuple[Rows, Rows]:
    """The samples and links of one side: a value by source."""
    where = {"vpn": "internal", "profile": "low", **key}
    record = f"bracket/{side}/ingress/low/{where.get('benchmark', 'tcp')}/1/0123456789ab.json"
    links = {k: v for k, v in where.items() if k not in {"mode", "direction"}}
    unit = "ms" if metric.startswith("rtt") else "bit/s"
    trouble = {"status": "failed", "reason": "no route"}
    return [
        sample(metric, value, unit, source=source, record=record, **where, **({} if value else trouble))
        for source, value in values.items()
    ], [
        link(source=source, record=record, started=at, duration_s=60.0, **links, **({} if value else trouble))
        for source, value in values.items()
    ]  # fmt: skip


def around(
    before: dict[str, float | None], after: dict[str, float | None], **key: Any
) -> tuple[Rows, Rows]:
    both = side("before", before, at=BEFORE, **key), side("after", after, at=AFTER, **key)
    return both[0][0] + both[1][0], both[0][1] + both[1][1]


def of(lom: float | None, yuki: float | None = None) -> dict[str, float | None]:
    return {"lom": lom, "yuki": lom if yuki is None else yuki}


def brackets(folder: Path, samples: Rows, links: Rows) -> Rows:
    return synthetic.read(synthetic.write(folder, samples, links, ["brackets"])["brackets"])


def test_the_ratio_is_that_of_the_medians_over_links_measured_on_both_sides(
    tmp_path: Path,
) -> None:
    samples, links = around(
        {"lom": 90.0, "yuki": 110.0, "luna": 5.0}, {**of(99.0, 121.0), "luna": None}
    )
    cell = link(profile="low", started=BEFORE + timedelta(minutes=2), duration_s=30.0)
    late = link(
        profile="low", started=AFTER - timedelta(seconds=5), duration_s=30.0, benchmark="ping"
    )
    other = link(profile="baseline", started=BEFORE + timedelta(minutes=3))
    [row] = brackets(tmp_path, samples, [*links, cell, late, other])
    assert (row["before_value"], row["after_value"]) == (100.0, 110.0)
    assert row["ratio"] == pytest.approx(1.1)
    assert (row["n_links"], row["n_of"]) == (2, 3)
    assert (row["status"], row["reason"]) == ("failed", "no route")
    assert (row["before_end"], row["after_start"]) == (BEFORE + timedelta(minutes=1), AFTER)
    assert (row["n_cells"], row["n_between"]) == (2, 1)


@pytest.mark.parametrize(
    ("metric", "before", "after", "moved"),
    [
        ("goodput", 100.0, 119.0, False),
        ("goodput", 100.0, 121.0, True),
        ("goodput", 100.0, 84.0, False),
        ("goodput", 100.0, 83.0, True),
        ("goodput", 100.0, None, None),
        ("rtt_p50", 10.0, 12.1, True),
        ("rtt_p50", 10.0, 11.9, False),
        ("rtt_p50", 0.05, 0.14, False),
        ("rtt_p50", 0.05, 0.16, True),
        ("rtt_max", 10.0, 90.0, None),
    ],
)
def test_it_has_moved_beyond_its_bound(
    tmp_path: Path, metric: str, before: float, after: float | None, moved: bool | None
) -> None:
    samples, links = around(of(before), of(after), metric=metric)
    [row] = brackets(tmp_path, samples, links)
    assert row["moved"] is moved
    assert row["bound"] == (None if metric == "rtt_max" else 0.2)


def test_directions_that_share_a_line_are_judged_together(tmp_path: Path) -> None:
    samples: Rows = []
    links: Rows = []
    ways = {"forward": (100.0, 70.0), "reverse": (100.0, 130.0)}
    for direction, (before, after) in ways.items():
        mine = around(of(before), of(after), mode="bidir", direction=direction)
        samples, links = samples + mine[0], mine[1]
    rows = brackets(tmp_path, samples, links)
    assert [(row["direction"], row["ratio"], row["moved"]) for row in rows] == [
        ("forward", 0.7, False), ("reverse", 1.3, False),
    ]  # fmt: skip


def test_cells_between_are_marked_and_others_are_not(tmp_path: Path) -> None:
    samples, links = around(of(100.0), of(70.0))
    times = {"early": BEFORE - timedelta(minutes=5), "in": BEFORE + timedelta(minutes=5),
             "late": AFTER + timedelta(minutes=5)}  # fmt: skip
    cells = [
        link(vpn=when, profile=profile, started=at, round=round_)
        for (when, at), profile, round_ in product(times.items(), ("low", "baseline"), (1, 2))
    ]
    files = synthetic.write(tmp_path, samples, [*links, *cells], ["links", "cells"])
    for name in ("links", "cells"):
        rows = synthetic.read(files[name])
        assert len(rows) == len(cells)
        marked = [row for row in rows if row["marks"]]
        assert [(row["vpn"], row["profile"], row["round"], row["marks"]) for row in marked] == [
            ("in", "low", 1, [MARK])
        ]


def test_a_campaign_without_has_none(tmp_path: Path) -> None:
    assert brackets(tmp_path, *synthetic.campaign()) == []
