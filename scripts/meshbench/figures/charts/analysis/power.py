"""Which difference between two systems can be seen with how many rounds, at the noise of this campaign."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import analysed, channels, scales, texts, theme
from meshbench.figures.drawing.wording import number

_WIDTH, _HEIGHT = 250, 150
_COLOURS = {"baseline": "#1b6b3a", "low": "#0072b2", "medium": "#e69f00", "high": "#c00000"}
_NOTHING = "no noise is known: that needs two systems with three rounds"


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per metric, a line per profile."""
    panels = [_panel(title, rows) for title, rows in _panels(data, context).items() if rows]
    if not panels:
        return texts.nothing(_NOTHING)
    return alt.concat(*panels, columns=2, spacing=18, usermeta={"width": theme.PAGE})


def _panels(data: Data, context: Context) -> dict[str, list[Row]]:
    rows = data.rows("power", tuning=context.tunings[0])
    estimates = data.rows("estimates", tuning=context.tunings[0])
    return {
        series.title: sorted(series.of(rows), key=lambda row: row["rounds"])
        for series in analysed.shown(estimates, context)
    }


def _panel(title: str, rows: Sequence[Row]) -> alt.LayerChart:
    profiles = theme.profile_order({row["profile"] for row in rows})
    plain: list[dict[str, Any]] = [
        {key: row[key] for key in ("profile", "rounds", "detectable_percent", "noise_percent")}
        for row in rows
    ]
    up = scales.Scale.of([row["detectable_percent"] for row in rows], log=True, room=1.1)
    base = alt.Chart(frame(plain)).encode(
        x=alt.X(
            "rounds:Q",
            scale=alt.Scale(domain=[5, 31], nice=False),
            axis=alt.Axis(title="rounds", values=sorted({row["rounds"] for row in rows})),
        ),
        y=alt.Y("detectable_percent:Q", scale=up.scale(), axis=up.axis("change seen (%)")),
        color=alt.Color(
            "profile:N",
            scale=alt.Scale(
                domain=profiles, range=[_COLOURS.get(p, theme.look(p).colour) for p in profiles]
            ),
            legend=alt.Legend(title=None, orient="right"),
        ),
    )
    tooltip = channels.tooltip("profile:N", "rounds:Q", "detectable_percent:Q", "noise_percent:Q")
    layers = [
        base.mark_line(),
        base.mark_point(filled=True, size=35).encode(
            shape=alt.Shape("profile:N", scale=alt.Scale(domain=profiles)), tooltip=tooltip
        ),
    ]
    have = max(row["n_measured"] for row in rows)
    if have >= min(row["rounds"] for row in rows):
        rule = alt.Chart(frame([{"at": have}])).mark_rule(color="#888888", strokeDash=[3, 2])
        layers.insert(0, rule.encode(x=alt.X("at:Q")))
    return alt.LayerChart(
        layer=layers, width=_WIDTH - 60, height=_HEIGHT, title=channels.title(title, _WIDTH)
    )


def caption(data: Data, context: Context) -> str:
    """What is drawn, and what the campaign's own rounds can show."""
    noises = []
    for title, rows in _panels(data, context).items():
        firsts = {row["profile"]: row for row in reversed(rows)}
        parts = [
            f"{profile} {number(firsts[profile]['noise_percent'], 2)} %"
            for profile in theme.profile_order(firsts)
        ]
        if parts:
            noises.append(f"{title}: {', '.join(parts)}")
    have = max((row["n_measured"] for row in data.rows("power")), default=0)
    dashed = " (dashed)" if have >= analysed.LEAST_ROUNDS else ", too few for any interval"
    return (
        "The smallest change of a system's ratio that is found in 80 of 100 campaigns with so many rounds, by "
        f"simulation with the rule that says 'differs', normal noise, one comparison. There are {have} rounds{dashed}. "
        f"Noise of a ratio from round to round: {'; '.join(noises) or _NOTHING}."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no value, and why."""
    return analysed.missing(data, context)
