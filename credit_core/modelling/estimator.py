"""What every model family offers: a margin that is the sum of its contributions."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Estimator(Protocol):
    """A fitted model in log-odds of being bad.

    ``contributions(X)`` takes a matrix of shape (rows, columns) and returns the base (one
    number) and an array of shape (columns, rows); base + the sum over columns is the margin.
    Each row's numbers depend on that row alone, to the last bit, whatever else is in the batch.
    """

    family: ClassVar[str]

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]: ...

    def files(self) -> dict[str, bytes]:
        """Return the model in its own format, by file name; no pickle."""
        ...


class Interacting(Estimator, Protocol):
    """A family where what a source contributes also depends on the others.

    Elsewhere a contribution is its own source's affair, and a change the difference of two.
    """

    def change(
        self, X: FloatArray, rows: IntArray, columns: IntArray, values: FloatArray
    ) -> FloatArray:
        """Return how the margins of some ``rows`` of X change as ``columns`` take these values."""
        ...


def total(base: float, parts: FloatArray) -> FloatArray:
    """Add parts, shape (k, rows), to a base, one after the other.

    NumPy's own sum changes its order of addition with the array's shape, so that one row alone
    and the same row in a batch can differ in the last bit; this one cannot.
    """
    if parts.shape[1] == 1:
        return np.cumsum(np.concatenate([[base], parts[:, 0]]))[-1:]  # in order, by definition
    result = np.full(parts.shape[1], base)
    for part in parts:
        result += part
    return result


def margin(estimator: Estimator, X: FloatArray) -> FloatArray:
    """Return the log-odds of being bad before calibration, shape (rows,)."""
    base, parts = estimator.contributions(X)
    return total(base, parts)
