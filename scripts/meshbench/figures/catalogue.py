"""Every figure there is: what the subjects below `charts` declare, and how one is loaded."""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meshbench.figures import charts
from meshbench.figures.contract import (
    ANALYSED,
    CHART_FORMATS,
    SELF_TOLD,
    TABLE_FORMATS,
    Context,
    Data,
    Figure,
    Plan,
)
from meshbench.util.errors import MeshbenchError

if TYPE_CHECKING:
    import altair as alt

    from meshbench.figures.drawing.tabular import Table

_PACKAGE = __package__ or ""
_GENERIC = "benchmark-"
_NO_BENCHMARKS = {"calibration", *SELF_TOLD}


@dataclass(frozen=True)
class Loaded:
    """A figure with the functions of its module."""

    figure: Figure
    draw: "Callable[[Data, Context], alt.TopLevelMixin] | None"
    tabulate: "Callable[[Data, Context], Table] | None"
    caption: Callable[[Data, Context], str]
    notes: Callable[[Data, Context], Sequence[str]]


@functools.cache
def _declared() -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for subject in (module for module in pkgutil.iter_modules(charts.__path__) if module.ispkg):
        declared = importlib.import_module(f"{charts.__name__}.{subject.name}.catalogue")
        for figure in declared.FIGURES:
            if figure.name in figures:
                raise MeshbenchError(f"two figures are called '{figure.name}'")
            module = figure.module or f"charts.{subject.name}.{figure.name}"
            figures[figure.name] = replace(figure, module=module)
    return dict(sorted(figures.items()))


def every() -> tuple[Figure, ...]:
    """All figures that are declared, by name."""
    return tuple(_declared().values())


def names() -> tuple[str, ...]:
    """Their names."""
    return tuple(_declared())


def of_benchmark(name: str) -> Figure:
    """What any benchmark has without a figure of its own: its headlines, drawn and printed."""
    return Figure(
        f"{_GENERIC}{name}",
        f"Headline values of {name}",
        tables=("measures", "hosts", *ANALYSED),
        formats=CHART_FORMATS + TABLE_FORMATS,
        benchmarks=(name,),
        module="charts.headlines",
        of=name,
    )


def get(name: str) -> Figure:
    """The figure of that name. Raises MeshbenchError when there is none."""
    if name.startswith(_GENERIC):
        return of_benchmark(name.removeprefix(_GENERIC))
    if name not in _declared():
        raise MeshbenchError(f"there is no figure '{name}'; known: {', '.join(names())}")
    return _declared()[name]


def suitable(plan: Plan) -> tuple[str, ...]:
    """The figures that show something of such a campaign, by name, and that of each benchmark."""
    return (
        *(figure.name for figure in every() if figure.suits(plan)),
        *(of_benchmark(name).name for name in plan.benchmarks if name not in _NO_BENCHMARKS),
    )


def load(name: str) -> Loaded:
    """Import a figure's module. Raises MeshbenchError when there is none or it breaks the contract."""
    figure = get(name)
    module = importlib.import_module(f"{_PACKAGE}.{figure.module}")

    def function(wanted: str, default: Any = None) -> Any:
        attribute = getattr(module, wanted, default)
        if attribute is None:
            raise MeshbenchError(f"{module.__file__}: the figure '{name}' needs {wanted}()")
        return attribute if figure.of is None else functools.partial(attribute, figure.of)

    return Loaded(
        figure,
        draw=function("draw") if "svg" in figure.formats else None,
        tabulate=function("tabulate") if "csv" in figure.formats else None,
        caption=function("caption"),
        notes=function("notes", lambda *_: ()),
    )
