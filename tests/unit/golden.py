"""The structure of a drawn figure: what is compared with the golden ones in data/golden.

``python -m tests.unit.golden`` writes them anew, from the invented run; look at the difference.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "data" / "golden"
_LABELS = ("text", "value", "detail")
"""Columns of the drawn rows that hold words."""


def structure(spec: dict[str, Any]) -> dict[str, Any]:
    """Marks with their number, domains of names, titles and labels, in the order of the panels."""
    marks = Counter(node["mark"]["type"] for node in _nodes(spec) if "mark" in node)
    named = [
        scale["domain"]
        for node in _nodes(spec)
        if isinstance(scale := node.get("scale"), dict)
        and isinstance(scale.get("domain"), list)
        and all(isinstance(part, str) for part in scale["domain"])
    ]
    titles = [title for node in _nodes(spec) if (title := _title(node))]
    return {
        "marks": dict(sorted(marks.items())),
        "domains": _once(json.dumps(domain, ensure_ascii=False) for domain in named),
        "titles": _once(titles),
        "labels": _once(_labels(spec)),
    }


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for part in parts:
        yield from _nodes(part)


def _labels(spec: dict[str, Any]) -> list[str]:
    rows = (node for node in _nodes(spec) if "mark" not in node)
    return [row[key] for row in rows for key in _LABELS if isinstance(row.get(key), str)]


def _title(node: dict[str, Any]) -> str | None:
    title = node.get("title")
    if isinstance(title, dict):
        title = title.get("text")
    return title if isinstance(title, str) else None


def _once(texts: Iterator[str] | list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def write(name: str, spec: dict[str, Any]) -> None:
    """Keep a figure's structure as the golden one."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    text = json.dumps(structure(spec), indent=1, ensure_ascii=False)
    (GOLDEN / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def read(name: str) -> Any:
    """A golden structure."""
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    from tests.unit import test_published_figures as made

    with tempfile.TemporaryDirectory() as folder:
        for figure, chart in made.drawn(Path(folder)):
            write(figure, chart)
