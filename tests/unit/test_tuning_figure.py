"""What the figure of the tunings' settings says, on a campaign whose truth is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench import analysis
from meshbench.figures import catalogue
from meshbench.figures.charts.tuning import tuning_factors
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import render
from tests.unit import synthetic
from tests.unit.test_factors import SETTINGS, rows


def drawn(folder: Path, rounds: int = 6, **more: Any) -> tuple[Data, Context]:
    paths = synthetic.write(
        folder,
        *rows(rounds, noise=0.001, **more),
        ("impairment", "links", "measures", "hosts", analysis.OVER_TIME),
    )
    files = [folder / "benchmark=x" / "vpn=y.parquet"], [folder / "links.parquet"]
    systems = [[vpn, tuning] for vpn in ("internal", "wireguard") for tuning in SETTINGS]
    design = {"tunings": list(SETTINGS), "settings": SETTINGS, "systems": systems, "links": 1}
    paths |= synthetic.analysed(folder, *files, paths, {**design, "rounds": rounds})
    context = synthetic.context(
        vpns=("internal", "wireguard"), tunings=tuple(SETTINGS), profiles=("baseline",),
        benchmarks=("tcp",), rounds=rounds,
    )  # fmt: skip
    return Data.read(
        {name: paths[name] for name in catalogue.get("tuning_factors").tables}
    ), context


def panels(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every layered view of a picture."""
    if "layer" in node:
        yield node
    for part in (part for key in ("concat", "vconcat", "hconcat") for part in node.get(key, ())):
        yield from panels(part)


def texts(data: Data, context: Context) -> dict[tuple[str, str], str]:
    """What stands beside each row, by the panel's title and the row's name."""
    spec = render.compose(catalogue.load("tuning_factors"), data, context).spec
    beside = {}
    for panel in panels(spec):
        words = panel["title"]["text"]
        title = words if isinstance(words, str) else " ".join(words)
        names = {part["data"]["name"] for part in (panel, *panel["layer"]) if "data" in part}
        for row in (row for name in names for row in spec["datasets"][name] if "system" in row):
            beside[title, row["system"]] = row["text"]
    return beside


def test_it_says_which_setting_acts_and_under_which_tunings_a_tunnel_beats_the_link(
    tmp_path: Path,
) -> None:
    data, context = drawn(tmp_path)
    caption = tuning_factors.caption(data, context)
    assert "a 3 → 10 times 2.00 (internal); b 1 → 0 times 0.500 (internal)" in caption
    assert "b 1 → 0 times 1.00 (wireguard)" not in caption
    assert caption.endswith(
        "At baseline wireguard has more than the bare link under with-b and with-ab, "
        "cannot be told from the bare link under stock and with-a."
    )
    beside = texts(data, context)
    assert beside["internal: TCP goodput, baseline", "a 3 → 10"] == "2.00 [2.00, 2.00], n=6"
    assert beside["what each setting does to that (wireguard)", "b 1 → 0"].startswith("2.00 [")


def test_what_failed_has_its_reason_in_its_row(tmp_path: Path) -> None:
    data, context = drawn(tmp_path, without=(("wireguard", "with-b"), ("wireguard", "with-ab")))
    beside = texts(data, context)
    over = "wireguard over the bare link, TCP goodput, baseline"
    assert beside[over, "with-b"] == "failed: no route"
    assert beside["wireguard: TCP goodput, baseline", "b 1 → 0"].startswith("n=0: no round")
    [note] = tuning_factors.notes(data, context)
    assert note.startswith("b 1 → 0: no round has all the cells")


def test_with_few_rounds_nothing_is_told_apart(tmp_path: Path) -> None:
    data, context = drawn(tmp_path, 2)
    assert "times 2.00" not in tuning_factors.caption(data, context)
    assert "has more" not in tuning_factors.caption(data, context)


@pytest.mark.parametrize(
    ("factor", "base", "level", "words"),
    [
        ("net.ipv4.tcp_reordering", "3", "10", "reordering 3 → 10"),
        ("net.ipv4.tcp_rmem", "4096 1 2", "4096 3 4", "rmem"),
        ("net.ipv4.tcp_rmem, net.ipv4.tcp_wmem", "4096 1 2, 4096 1 2", "4096 3 4, 4 5 6", "rmem, wmem"),
        ("ethtool.data.gso, ethtool.tunnel.gso", "as it is, as it is", "off, off", "gso off"),
    ],
)  # fmt: skip
def test_a_factor_is_called_by_what_changes(factor: str, base: str, level: str, words: str) -> None:
    assert tuning_factors.label({"factor": factor, "base": base, "level": level}) == words
