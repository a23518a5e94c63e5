"""The tables go through LaTeX as they are."""

# ruff: noqa: RUF001  (texts have quotation marks of every kind)

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from meshbench.figures import catalogue
from meshbench.figures.contract import Context
from meshbench.figures.drawing import render, tabular
from meshbench.figures.drawing.tabular import Column, Missing, Table
from tests.unit import synthetic

PRINTED = [figure.name for figure in catalogue.every() if "csv" in figure.formats]
NEEDED = ("booktabs.sty", "siunitx.sty", "graphicx.sty")
DOCUMENT = r"""\documentclass{{article}}
\usepackage[T1]{{fontenc}}
\usepackage{{booktabs,graphicx,siunitx}}
\begin{{document}}
{}
\end{{document}}
"""


def lacking() -> str | None:
    """What is not on this machine, if anything."""
    if shutil.which("pdflatex") is None:
        return (
            "pdflatex is not installed: apt-get install texlive-latex-recommended texlive-science"
        )
    done = subprocess.run(["kpsewhich", *NEEDED], capture_output=True, text=True, check=False)
    missing = [name for name in NEEDED if name not in done.stdout]
    return f"LaTeX lacks {', '.join(missing)}" if missing else None


@pytest.fixture(scope="module", autouse=True)
def latex_is_there() -> None:
    if reason := lacking():
        pytest.skip(reason)


def compiled(files: Iterable[Path], folder: Path) -> str:
    """The log of a document that has all of the tables; it must have been made."""
    inputs = "\n".join(f"\\input{{{path}}}\\clearpage" for path in files)
    (folder / "all.tex").write_text(DOCUMENT.format(inputs), encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-3000:]
    return log


def write(files: dict[str, Path], folder: Path, context: Context) -> list[Path]:
    paths = []
    for name in PRINTED:
        paths.append(folder / f"{name}.tex")
        render.render(name, files, context, {"tex": paths[-1]}, folder / "unused")
    return paths


@pytest.mark.parametrize("rows", ["campaign", "failed", "empty"])
def test_every_table_compiles_and_fits_the_page(rows: str, tmp_path: Path) -> None:
    samples, links = synthetic.campaign(all_failed=rows == "failed")
    files = (
        synthetic.tables(tmp_path, [], [])
        if rows == "empty"
        else synthetic.write(tmp_path, [] if rows == "failed" else samples, links)
    )
    paths = write(files, tmp_path, synthetic.context())
    log = compiled(paths, tmp_path)
    assert "Overfull" not in log
    labels = re.findall(r"newlabel\{(tab:\w+)\}", (tmp_path / "all.aux").read_text())
    assert sorted(set(labels)) == sorted(f"tab:{name}" for name in PRINTED)


def test_any_text_compiles(tmp_path: Path) -> None:
    nasty = "50 % & $x_1^2$ #{~\\} <a> “b” ‘c’ … → ← ± × ≥ é 漢字 \t\x07 \U0001f600"
    columns = [Column("a", "A", digits=None), Column("b", "B", "\\mega\\bit\\per\\second", 3),
               Column("c", "C", digits=None, prose=True)]  # fmt: skip
    table = Table(columns, [(nasty, -1.5, nasty * 5), ("plain", Missing(nasty), None)])
    path = tmp_path / "nasty.tex"
    path.write_text(tabular.latex(table, nasty, "tab:nasty", [nasty]), encoding="utf-8")
    compiled([path], tmp_path)
