"""Weights of rows by their label: imbalance is met by weighing, never by making up rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def row_weights(label: IntArray, balanced: bool) -> FloatArray | None:
    """Return each row's weight in fitting, shape (n,); None where all count alike.

    Balanced, bads and goods weigh half of the n rows each: n / (2 x rows of the class).
    A margin fitted so is no log-odds of the population; Platt's line, fitted without weights,
    brings it back.

    Examples
    --------
    >>> row_weights(np.array([0, 0, 0, 1]), True).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    if not balanced:
        return None
    rows = np.bincount(label, minlength=2)
    return np.asarray((len(label) / (2 * np.maximum(rows, 1)))[label], dtype=np.float64)
