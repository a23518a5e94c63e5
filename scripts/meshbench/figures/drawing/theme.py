"""How every figure looks: one colour and shape per system, status marks, sizes, the Vega config.

Sizes are in px of a chart that is printed at 380 px per column of 8.5 cm (so 10 px are 6.4 pt).
The hues are those of Okabe and Ito (2008) and of Tol's 'muted' scheme (SRON/EPS/TN/09-002); thirteen
hues cannot all differ for every eye, so each system has a shape of its own too.
"""

import colorsys
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from meshbench.figures.drawing.wording import DASH, TIMES

COLUMN = 380
"""Width of a figure as wide as one column."""
PAGE = 780
"""Width of a figure as wide as the page."""

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
TEXT, SMALL = 11, 10
INK, GREY, RED = "#222222", "#666666", "#c00000"


@dataclass(frozen=True)
class Look:
    """How a system is drawn: a hex colour and a Vega symbol (a name or an SVG path)."""

    colour: str
    shape: str


_STAR = "M0,-1L0.24,-0.31L0.95,-0.31L0.38,0.12L0.59,0.81L0,0.4L-0.59,0.81L-0.38,0.12L-0.95,-0.31L-0.24,-0.31Z"
_HEXAGON = "M0.9,0L0.45,0.78L-0.45,0.78L-0.9,0L-0.45,-0.78L0.45,-0.78Z"
_SALTIRE = "M-0.85,-0.5L-0.5,-0.85L0,-0.35L0.5,-0.85L0.85,-0.5L0.35,0L0.85,0.5L0.5,0.85L0,0.35L-0.5,0.85L-0.85,0.5L-0.35,0Z"
_HOURGLASS = "M-0.75,-0.8L0.75,-0.8L0.15,0L0.75,0.8L-0.75,0.8L-0.15,0Z"
_PENTAGON = "M0,-0.95L0.9,-0.29L0.56,0.77L-0.56,0.77L-0.9,-0.29Z"

LOOKS = {
    "internal": Look("#444444", "circle"),
    "wireguard": Look("#0072b2", "square"),
    "zerotier": Look("#e69f00", "diamond"),
    "headscale": Look("#aa4499", "triangle-up"),
    "tailscale": Look("#882255", "triangle-down"),
    "yggdrasil": Look("#117733", "cross"),
    "nebula": Look("#d55e00", "triangle-right"),
    "easytier": Look("#56b4e9", _STAR),
    "vpncloud": Look("#999933", _HEXAGON),
    "hyprspace": Look("#cc6677", _SALTIRE),
    "tinc": Look("#332288", "triangle-left"),
    "mycelium": Look("#44aa99", _PENTAGON),
    "vxlan": Look("#8c6d46", _HOURGLASS),
}
_SHAPES = tuple(look.shape for look in LOOKS.values())
_LIGHTNESS = (0.72, 0.62, 0.30)

PROFILES = ("baseline", "low", "medium", "high")


@dataclass(frozen=True)
class StatusLook:
    """How a status is drawn: in words, a glyph, a fill, and an ink that reads on white."""

    words: str
    glyph: str
    fill: str
    ink: str


STATUSES = {
    "ok": StatusLook("ok", "", "#cfe6d6", "#1b6b3a"),
    "failed": StatusLook("failed", TIMES, "#ee8a4a", "#b34700"),
    "timeout": StatusLook("timed out", "T", "#f0c14b", "#8a6100"),
    "tool_failed": StatusLook("tool failed", "!", "#b79ad1", "#6a3d9a"),
    "unsupported": StatusLook("unsupported", "U", "#9ecae1", "#20679e"),
    "unavailable": StatusLook("unavailable", "\N{WHITE CIRCLE}", "#d9d3c7", "#6b5d45"),
    "not_run": StatusLook("not run", DASH, "#f4f4f4", "#777777"),
}
"""By status, the worst but 'ok' first, as in `records.worst`; 'not_run' is a planned value that no
record holds."""


def look(vpn: str) -> Look:
    """A system's colour and shape: the same in every figure of every campaign.

    A variant such as ``nebula@1.9`` or ``easytier-tcp`` keeps its base's hue, in another lightness
    and shape, and so does ``<any name>+<tuning>``; a name nobody knows takes both from its digest.
    """
    if vpn in LOOKS:
        return LOOKS[vpn]
    digest = hashlib.sha256(vpn.encode()).digest()
    shape = _SHAPES[digest[0] % len(_SHAPES)]
    if (base := _base(vpn)) is None:
        red, green, blue = colorsys.hls_to_rgb(digest[1] / 256, 0.40, 0.55)
        return Look(_hex(red, green, blue), shape)
    original = look(base)
    if shape == original.shape:
        shape = _SHAPES[(digest[0] + 1) % len(_SHAPES)]
    hue, _, saturation = colorsys.rgb_to_hls(*_rgb(original.colour))
    lightness = _LIGHTNESS[digest[1] % len(_LIGHTNESS)]
    return Look(_hex(*colorsys.hls_to_rgb(hue, lightness, saturation)), shape)


def _base(vpn: str) -> str | None:
    bases = [name for name in LOOKS if vpn.startswith(name) and vpn[len(name)] in "@-._+"]
    base = max(bases, key=len, default=None)
    plain, variant, _ = vpn.partition("+")
    return plain if base is None and plain and variant else base


def varied(name: str) -> bool:
    """Whether it is drawn as a variant of a system (`groups.drawn_as`)."""
    return "+" in name


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _hex(*parts: float) -> str:
    return "#" + bytes(round(part * 255) for part in parts).hex()


def ordered(planned: Sequence[str], names: Iterable[str]) -> list[str]:
    """What was planned in its order, then whatever else there is, by name."""
    return [*planned, *sorted(set(names) - set(planned))]


def profile_order(planned: Iterable[str], names: Iterable[str] = ()) -> list[str]:
    """The four usual profiles from harmless to harmful, then the others as given."""
    profiles = list(dict.fromkeys([*planned, *sorted(names)]))
    return [name for name in PROFILES if name in profiles] + [
        name for name in profiles if name not in PROFILES
    ]


def config() -> dict[str, Any]:
    """The Vega-Lite config that every specification carries."""
    text = {"font": FONT, "color": INK}
    return {
        "background": "white",
        "font": FONT,
        "padding": 6,
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": TEXT,
            "titleFontSize": TEXT,
            "titleFontWeight": "normal",
            "labelColor": INK,
            "titleColor": INK,
            "labelLimit": 0,
            "labelFlush": False,
            "labelSeparation": 4,
            "gridColor": "#ebebeb",
            "domainColor": "#888888",
            "tickColor": "#888888",
            "tickSize": 4,
            "titlePadding": 4,
        },
        "header": {"labelFontSize": TEXT, "titleFontSize": TEXT},
        "legend": {
            "labelFontSize": TEXT,
            "titleFontSize": TEXT,
            "titleFontWeight": "normal",
            "labelLimit": 0,
            "symbolStrokeWidth": 1,
        },
        "title": {
            **text,
            "fontSize": 12,
            "fontWeight": "bold",
            "anchor": "start",
            "subtitleFontSize": TEXT,
            "subtitleColor": GREY,
            "offset": 6,
        },
        "text": {**text, "fontSize": TEXT},
        "concat": {"spacing": 10},
    }
