"""Many short rows of values at once: a row per series, a column per round, NaN where there is none."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def by_size(there: Flags) -> Iterator[tuple[int, Places]]:
    """Rows that have the same number of values: that number, from one on, and their places."""
    sizes = there.sum(axis=1)
    for size in np.unique(sizes):
        if size:
            yield int(size), np.flatnonzero(sizes == size)


def packed(values: Matrix, there: Flags, size: int) -> Matrix:
    """Of rows with `size` values each, these values, in their order."""
    order = np.argsort(~there, axis=1, kind="stable")[:, :size]
    return np.take_along_axis(values, order, axis=1)


def empty(rows: int) -> Matrix:
    """A number per row that is not known yet."""
    return np.full(rows, np.nan)


def runs(codes: Places) -> list[tuple[int, int]]:
    """Where each run of equal codes begins and ends in sorted ones."""
    if not len(codes):
        return []
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1)).tolist()
    return list(zip(starts, [*starts[1:], len(codes)], strict=True))
