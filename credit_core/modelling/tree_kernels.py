"""The loop that adds up the SHAP values of very many rows, compiled when first used."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import compiled, given

_ROWS = 256
"""Rows that a core's own cache holds, turned round."""
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
_WHOLE, _FLOATS = given(types.int64), given(types.float64)


@compiled(
    given(types.float64, 2),
    _WHOLE,
    *(_WHOLE, _FLOATS, given(types.bool_), _WHOLE),
    *(_WHOLE, _WHOLE, _WHOLE, _FLOATS),
    types.Array(types.float64, 2, "A"),
)
def add_up(
    X: Floats,
    asked: Whole,
    place: Whole,
    threshold: Floats,
    missing_left: NDArray[np.bool_],
    starts: Whole,
    target: Whole,
    first: Whole,
    offset: Whole,
    values: Floats,
    parts: Floats,
) -> None:
    """Add the SHAP values of rows ``X`` (rows, columns) to ``parts`` (columns, rows).

    The groups of leaves are those of `credit_core.modelling.trees`, end to end: the conditions of
    group g begin at ``starts[g]`` and its tables at ``first[g]``. Condition k is about the column
    ``asked[place[k]]``. Table k belongs to the column ``target[k]``; its values by pattern begin at
    ``offset[k]``.
    """
    turned = np.empty((len(asked), _ROWS))
    room = np.empty(_ROWS, dtype=np.uint32)
    for begin in range(0, len(X), _ROWS):
        size = min(_ROWS, len(X) - begin)
        for i in range(size):
            row = X[begin + i]
            for j in range(len(asked)):
                turned[j, i] = row[asked[j]]
        patterns = room[:size]
        for group in range(len(starts)):
            last = group + 1 == len(starts)
            patterns[:] = 0
            for k in range(starts[group], len(place) if last else starts[group + 1]):
                column, limit = turned[place[k], :size], threshold[k]
                bit = np.uint32(1) << np.uint32(k - starts[group])
                if missing_left[k]:
                    for i in range(size):
                        patterns[i] |= np.uint32(0) if column[i] > limit else bit
                else:
                    for i in range(size):
                        patterns[i] |= bit if column[i] <= limit else np.uint32(0)
            for k in range(first[group], len(target) if last else first[group + 1]):
                sums, table = parts[target[k], begin : begin + size], values[offset[k] :]
                for i in range(size):
                    sums[i] += table[patterns[i]]
