"""The rule `comparison`: a campaign against others, as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from meshbench import benchmarks
from meshbench.analysis import compare, sides
from meshbench.analysis.compare import Manner
from meshbench.importers.vpn_runner import headlines
from meshbench.importers.vpn_runner.index import Kind
from meshbench.report import comparison


def write(
    names: Sequence[str], out: Mapping[str, Path], *, marked: bool, equivalent_percent: float
) -> None:
    """Compare the last side with each of the others, by the headlines, and write it in every format.

    Raises:
        MeshbenchError: a side has no tables.
    """
    manner = Manner(tuple(headline_metrics()), marked, equivalent_percent=equivalent_percent)
    *others, mine = (sides.read(name) for name in names)
    comparisons = [pair for other in others for pair in compare.compare([other, mine], manner)]
    report = comparison.together([comparison.told([pair]) for pair in comparisons])
    for kind, write_ in (
        ("html", comparison.page),
        ("markdown", comparison.markdown),
        ("latex", comparison.latex),
    ):
        comparison.write(out[kind], write_(report))
    comparison.write(out["csv"], comparison.flat(comparisons))


def headline_metrics() -> list[str]:
    """The metrics that any benchmark, or an import, has in its headlines with default options."""
    kinds = (benchmarks.load(name) for name in benchmarks.names())
    of_benchmarks = [h for kind in kinds for h in kind(kind.options_class()).headlines()]
    of_imports = [h for kind in Kind for h in headlines.of(kind)]
    return sorted({headline.metric.name for headline in (*of_benchmarks, *of_imports)})
