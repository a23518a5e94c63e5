"""What figures are made of: looks, words, groups and tables."""

# ruff: noqa: RUF001  (the figures have dashes and multiplication signs)

import colorsys
import csv
import dataclasses
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.analysis.estimates import Estimate
from meshbench.figures.contract import Row
from meshbench.figures.drawing import (
    axes,
    comparison,
    estimated,
    measured,
    pictures,
    scales,
    tabular,
    theme,
    wording,
)
from meshbench.figures.drawing.groups import (
    INTERVAL,
    OPEN,
    Group,
    Known,
    Spread,
    collect,
    marked,
    troubles,
    variants,
)
from tests.unit import synthetic


def test_each_system_has_a_look_of_its_own() -> None:
    looks = list(theme.LOOKS.values())
    assert len({look.colour for look in looks}) == len(looks)
    assert len({look.shape for look in looks}) == len(looks)


@pytest.mark.parametrize(
    ("variant", "base"),
    [("nebula@1.9", "nebula"), ("easytier-tcp", "easytier"), ("internal-b", "internal")],
)
def test_a_variant_differs_from_its_base_but_is_of_its_hue(variant: str, base: str) -> None:
    look, original = theme.look(variant), theme.look(base)
    assert look.colour != original.colour
    assert look.shape != original.shape
    assert theme.look(variant) == look
    if base != "internal":
        assert abs(_hue(look.colour) - _hue(original.colour)) < 0.02


def _hue(colour: str) -> float:
    return colorsys.rgb_to_hls(*theme._rgb(colour))[0]


def test_an_unknown_system_has_a_stable_look() -> None:
    # Fixed here on purpose: a change would recolour every published figure.
    assert theme.look("netmaker").colour == theme.look("netmaker").colour
    assert theme.look("netmaker") != theme.look("innernet")
    assert theme.look("tailscaled").colour not in {look.colour for look in theme.LOOKS.values()}


@given(st.text(min_size=1, max_size=12))
def test_every_name_has_a_colour(name: str) -> None:
    assert len(theme.look(name).colour) == 7


def test_profiles_are_ordered_from_harmless_to_harmful() -> None:
    assert theme.profile_order(["lte", "high", "baseline"], {"low"}) == [
        "baseline",
        "low",
        "high",
        "lte",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (934.13, "934"), (9.996, "10.0"), (0.0712, "0.0712"), (0, "0"), (None, "–"),
        (1234567, "1230000"), (-2.5, "-2.50"), (99.96, "100"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert wording.number(value) == text


def test_a_small_number_is_not_called_zero() -> None:
    assert wording.number(0.0002, 2, 3) == "<0.001"
    assert wording.number(0.00061, 2, 3) == "0.001"


@given(st.floats(1e-5, 1e9))
def test_a_number_is_right_to_its_digits(value: float) -> None:
    assert float(wording.number(value)) == pytest.approx(value, rel=0.006, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.0, "9.0 s"), (96, "1.6 min"), (5400, "1.5 h"), (None, "–")]
)
def test_durations_are_in_the_unit_a_person_uses(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(9.4, "0:09"), (96, "1:36"), (3725, "1:02:05")])
def test_clocks(seconds: float, text: str) -> None:
    assert wording.clock(seconds) == text


@given(st.floats(1e-3, 1e4), st.floats(1.35, 1e4))
def test_log_ticks_lie_inside_and_rise(low: float, factor: float) -> None:
    ticks = wording.log_ticks(low, low * factor)
    assert all(low <= tick <= low * factor for tick in ticks)
    assert ticks == sorted(ticks)
    assert ticks


def row(**changes: Any) -> Row:
    return {
        **synthetic.cell(),
        "mode": None,
        "direction": None,
        "status": "ok",
        "reason": None,
        "marks": [],
        "x": 1.0,
        **changes,
    }


def of(*rows: Row) -> Group:
    return Group("internal", "stock", "baseline", None, None, rows, planned=6)


def test_the_centre_is_the_median_over_rounds_of_the_median_over_links() -> None:
    group = of(
        row(x=1.0), row(source="b", x=2.0), row(source="c", x=30.0),
        row(round=2, x=5.0), row(round=2, source="b", x=None, status="failed"),
    )  # fmt: skip
    [group] = estimated.over_rounds([group], "x")
    assert group.by_round("x") == {1: 2.0, 2: 5.0}
    assert group.centre("x", 10) == 35
    spread = group.spread("x")
    assert spread is not None
    assert (spread.low, spread.high, spread.what) == (1, 30, "range")
    assert group.counts == {"ok": 4, "failed": 1, "not_run": 1}


def test_no_value_is_no_centre() -> None:
    failed, none = estimated.over_rounds([of(row(x=None, status="failed")), of()], "x")
    assert failed.centre("x") is None
    assert none.spread("x") is None
    assert none.trouble == "not_run"


def knowing(group: Group, **estimate: Any) -> Group:
    return dataclasses.replace(group, known={"x": Known(Estimate(**estimate))})


def test_a_centre_and_an_interval_are_those_of_the_analysis() -> None:
    group = of(row(x=1.0), row(round=2, x=5.0))
    many = knowing(group, value=30.0, low=20.0, high=40.0, rounds=6)
    assert many.centre("x", 2) == 60
    assert many.spread("x", 2) == Spread(60, 40, 80, INTERVAL, interval=True)
    few = knowing(group, value=30.0, rounds=2)
    assert few.spread("x") == Spread(30, 1, 5, "range")


def test_what_time_outs_leave_open_is_told_as_such() -> None:
    group = of(row(x=1.0), row(round=2, x=None, status="timeout"))
    open_ = knowing(group, value=3.0, low=2.0, rounds=6)
    assert open_.spread("x") == Spread(3, 2, 3, OPEN, interval=True)
    assert open_.told("x") == "3.00"
    bound = knowing(group, value=700.0, rounds=2, bound=True)
    assert bound.told("x", digits=2) == "≥ 700"
    entry = measured.centre(bound, "x")
    assert isinstance(entry, tabular.Missing)
    assert entry.told == "≥ 700: time-outs leave no more known of it"
    assert measured.centre(open_, "x") == 3


def test_the_worst_trouble_and_its_commonest_reason_are_told() -> None:
    group = of(
        row(status="timeout", reason="slow"), row(status="failed", reason="b"),
        row(status="failed", reason="a"), row(status="failed", reason="a"),
    )  # fmt: skip
    assert (group.trouble, group.reason) == ("failed", "a")


def test_variants_are_in_reading_order() -> None:
    rows = [
        row(mode="bidir", direction="reverse"), row(mode="single", direction="reverse"),
        row(mode="single", direction="forward"), row(),
    ]  # fmt: skip
    assert variants(rows) == [("single", "forward"), ("single", "reverse"), ("bidir", "reverse")]
    assert variants([]) == [(None, None)]


def test_everything_planned_has_a_group() -> None:
    context = synthetic.context()
    groups = collect([row(vpn="extra", profile="lte")], context)
    assert len(groups) == (len(context.vpns) + 1) * (len(context.profiles) + 1)
    assert groups[0].planned == 6
    assert [g.planned for g in groups if g.vpn == "extra" and g.profile == "lte"] == [1]


def test_notes_put_the_like_together() -> None:
    rows = [row(profile=name, status="failed", reason="no route") for name in synthetic.PROFILES]
    context = synthetic.context(vpns=("internal",), rounds=1, links=(synthetic.LINKS[0],))
    assert troubles(collect(rows, context), context) == [
        "internal, everywhere: 1 of 1 failed: no route"
    ]
    some = collect([row(profile=name) for name in ("baseline", "low")], context)
    assert troubles(some, context) == ["internal, medium, high: 1 of 1 not run"]


def test_systems_with_the_same_trouble_share_a_note() -> None:
    context = synthetic.context(vpns=("internal", "tinc", "nebula"), rounds=1)
    rows = [row(vpn="internal", source=source, target=target) for source, target in synthetic.LINKS]
    groups = [group for group in collect(rows, context) if group.profile == "baseline"]
    assert troubles(groups, context) == ["tinc and nebula, everywhere: 3 of 3 not run"]


def test_a_benchmark_of_all_pairs_of_hosts_plans_as_many() -> None:
    context = synthetic.context(vpns=("internal", "tinc"), rounds=1)
    pairs = [*synthetic.LINKS, *((target, source) for source, target in synthetic.LINKS)]
    groups = collect([row(source=source, target=target) for source, target in pairs], context)
    assert {group.planned for group in groups} == {6}


def test_marks_say_where_they_apply() -> None:
    context = synthetic.context(vpns=("internal",))
    groups = collect([row(marks=["hot CPU"]), row(profile="low", marks=["hot CPU"])], context)
    assert marked(groups, context) == ["† hot CPU (internal, baseline; internal, low)"]


def test_marks_of_many_tunings_are_counted() -> None:
    tunings = ("stock", "a", "b", "c")
    context = synthetic.context(vpns=("internal", "tinc"), tunings=tunings)
    rows = [
        row(vpn=vpn, tuning=name, marks=["hot CPU"]) for vpn in context.vpns for name in tunings
    ]
    rows[-1] = {**rows[-1], "marks": []}
    groups = collect(rows, context)
    assert marked(groups, context) == [
        "† hot CPU (internal under all 4 tunings, baseline; tinc under 3 of 4 tunings, baseline)"
    ]


@pytest.mark.parametrize(("tunings", "named"), [(2, 20), (3, 10)])
def test_where_names_have_no_room_those_of_other_tunings_go(tunings: int, named: int) -> None:
    rows = [
        {
            "system": f"s{n} ({t})",
            "vpn": f"s{n}+{t}" if t else f"s{n}",
            "x": n,
            "y": t,
            "why": "n 1",
        }
        for n in range(10)
        for t in range(tunings)
    ]
    points = pictures._labelled(rows)
    assert sum(bool(point["system"]) for point in points) == named
    assert points[1]["why"] == ("n 1" if named == len(rows) else "s0 (1): n 1")
    spec = pictures.scatter(rows, "x", "y").to_dict()
    assert ("title" in spec) is (named < len(rows))


def test_a_ratio_in_one_round_names_both_operands() -> None:
    context = synthetic.context(vpns=("internal", "tinc"), rounds=1)
    groups = estimated.over_rounds(collect([row(x=200.0), row(vpn="tinc", x=50.0)], context), "x")
    effect = {"ratio": 0.25, "n_rounds": 1}
    groups = [
        dataclasses.replace(g, known={"x": Known(g.known["x"].estimate, effect=effect)})
        if g.vpn == "tinc"
        else g
        for g in groups
    ]
    unit = comparison.Unit("Mbit/s", 1.0)
    sentences = comparison.sentences(groups, "x", unit, context, higher_is_better=True)
    assert sentences == [
        "At baseline, the bare link has 200 Mbit/s, tinc 50.0 Mbit/s (0.25 = 50.0 / 200)."
    ]


TABLE = tabular.Table(
    [
        tabular.Column("vpn", "VPN", digits=None),
        tabular.Column("low_mbit_s", "low", "\\mega\\bit\\per\\second"),
    ],
    [["a_b", 934.13], ["c", tabular.Missing("failed")], ["d", 5.25], ["e", None]],
)


def test_a_csv_keeps_every_digit_and_says_why_a_value_is_missing() -> None:
    rows = list(csv.reader(io.StringIO(tabular.csv_text(TABLE))))
    assert rows == [
        ["vpn", "low_mbit_s", "low_mbit_s_missing"],
        ["a_b", "934.13", ""],
        ["c", "", "failed"],
        ["d", "5.25", ""],
        ["e", "", ""],
    ]


def test_latex_aligns_numbers_and_escapes_text() -> None:
    text = tabular.latex(TABLE, "50 % of x_y", "tab:x", ["a & b → c"])
    assert "\\begin{tabular}{l S[table-format=3.2]}" in text
    assert "{VPN} & {low} \\\\" in text
    assert "{} & {\\unit{\\mega\\bit\\per\\second}} \\\\" in text
    assert "a\\_b & 934 \\\\" in text
    assert "c & {failed} \\\\" in text
    assert "e & {--} \\\\" in text
    assert "\\caption{50 \\% of x\\_y}" in text
    assert "\na \\& b $\\rightarrow$ c\\par\n" in text
    assert text.count("\\begin{") == text.count("\\end{")


def test_an_axis_of_zeros_has_ticks_that_can_be_read() -> None:
    assert axes.domain([0.0, 0.0], room=1.1) == (0, 1)
    assert axes.ticks([0.0]) == {"values": [0]}
    assert axes.domain([0.0], bound=0.5, room=1.1) == pytest.approx((0, 0.55))
    assert scales.Scale.of([0.0, 0.0], log=False, room=1.1).high == 1
    assert scales.Scale.of([0.0, 2.0], log=False, room=1.5).high == pytest.approx(3)


def test_an_axis_of_huge_or_tiny_values_has_short_ticks() -> None:
    assert "'~e'" in axes.ticks([2e12, 0.0])["labelExpr"]
    assert "'~e'" in axes.ticks([4e-10])["labelExpr"]
    assert axes.ticks([-5.0, 2.0]) == {"tickCount": 5}
    assert axes.domain([-2.0, 1.0]) == (-2, 1)
