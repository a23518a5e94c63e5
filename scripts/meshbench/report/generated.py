"""The pages of docs/ that are made from the code."""

from pathlib import Path

from meshbench.report import cards, metrics_page, tables_page


def pages(folder: Path) -> dict[Path, str]:
    """Their texts, by the file in the folder."""
    return {
        folder / "vpns.md": cards.page(),
        folder / "metrics.md": metrics_page.page(),
        folder / "tables.md": tables_page.page(),
    }
