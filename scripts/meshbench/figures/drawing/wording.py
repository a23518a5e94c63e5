"""Numbers and sentences for labels, captions and footnotes."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence

DASH = "\N{EN DASH}"
"""In place of a value that is missing."""
_FINE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
_PLAIN = 1e12
"""From here on a number has an exponent."""
TIMES = "\N{MULTIPLICATION SIGN}"


def number(value: float | None, digits: int = 3, most: int = 6) -> str:
    """A value to so many significant digits, with at most so many decimals; an en dash for a missing
    one. An exponent only for what no measurement of ours comes near.
    """
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    if abs(value) >= _PLAIN:
        return f"{value:.{digits - 1}e}".replace("e+", "e")
    if abs(value) < (least := 10.0**-most) / 2:
        return f"<{least:.{most}f}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, min(places, most))
    # Rounding up may have gained a digit: 9.996 is 10.0, not 10.00.
    places = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, min(places, most))}f}"


def percent(share: float | None, digits: int = 2) -> str:
    """A share (0..1) in percent."""
    return DASH if share is None else f"{number(100 * share, digits)} %"


def duration(seconds: float | None) -> str:
    """A time in the unit a person would use."""
    if seconds is None:
        return DASH
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{number(seconds / size, 2)} {unit}"
    return f"{number(seconds, 2)} s"


def clock(seconds: float | None) -> str:
    """A time as min:s, or h:min:s from an hour on."""
    if seconds is None:
        return DASH
    if seconds >= _PLAIN:
        return duration(seconds)
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 round, 2 rounds."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def joined(words: Iterable[str]) -> str:
    """A list in a sentence: a, b and c."""
    items = list(words)
    return " and ".join(part for part in (", ".join(items[:-1]), "".join(items[-1:])) if part)


def spans(rounds: Sequence[int]) -> str:
    """Rounds in words, runs of them from first to last."""
    starts = [r for r in sorted(rounds) if r - 1 not in rounds]
    ends = [r for r in sorted(rounds) if r + 1 not in rounds]
    spans = [str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True)]
    return f"{'round' if len(rounds) == 1 else 'rounds'} {', '.join(spans)}"


def shortened(text: str, width: int) -> str:
    """One line of at most so many characters, cut between words, and never within a number."""
    flat = " ".join(text.split())
    if len(flat) <= width:
        return flat
    whole, _, rest = flat[: max(1, width)].rpartition(" ")
    if not whole or len(rest) > _LONG_WORD:
        cut = flat[: max(1, width - 1)]
        return (_DIGITS_AT_END.sub("", cut) or cut).rstrip() + "…"
    words = whole.split(" ")
    # A number without what it counts, or without its last digits, would say something else.
    while len(words) > 1 and _NUMBER.fullmatch(words[-1]):
        words.pop()
    return " ".join(words).rstrip(",;:(") + "…"


_LONG_WORD = 40
_NUMBER = re.compile(r"[(\[<>~±]*[-+]?\d[\d.,:]*")
_DIGITS_AT_END = re.compile(r"\d[\d.,]*$")


def wrapped(lines: Sequence[str], width_px: float, size: float) -> list[str]:
    """Lines that fit a width in a sans-serif font of that size (0.48 em per character)."""
    columns = max(20, int(width_px / (0.48 * size)))
    return [
        part for line in lines for part in textwrap.wrap(line, columns, subsequent_indent="   ")
    ]


LOG_LEAST = 1e-9
"""The least value that a logarithmic axis of ours shows, in the unit of the axis."""


def on_log(value: float) -> bool:
    """Whether a logarithmic axis can show a value: not nothing, and nothing below."""
    return value >= LOG_LEAST


def off_axis(values: Sequence[float]) -> str:
    """What stands at the low end of a logarithmic axis for values that it cannot show."""
    return f"◄ {joined(number(value) for value in sorted(set(values)))}" if values else ""


def broken(text: str, width_px: float, size: float) -> list[str]:
    """A name in lines that fit a width, broken behind blanks and the signs within names (0.56 em
    per character); a part that does not fit is broken where the line ends.
    """
    most = max(4, int(width_px / (0.56 * size)))
    lines = [""]
    for part in re.findall(r"[^ ._@-]*[ ._@-]*", text):
        if len(lines[-1]) + len(part.rstrip()) > most and lines[-1]:
            lines.append("")
        lines[-1] += part
        while len(lines[-1].rstrip()) > most:
            lines[-1:] = [lines[-1][:most], lines[-1][most:]]
    return [line.rstrip() for line in lines]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers in a range above zero for a logarithmic axis: three or more where possible."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), _FINE):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:  # noqa: PLR2004
            break
    return ticks
