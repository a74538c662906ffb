"""Loops over very many rows and the conditions of trees, compiled when first used.

Groups of leaves are those of `credit_core.modelling.trees`, end to end: the conditions of group g
begin at ``starts[g]``, condition k is about the column ``asked[place[k]]``.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import compiled, filled, given

_ROWS = 256
"""Rows that a core's own cache holds, turned round."""
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Patterns = NDArray[np.uint32]
_WHOLE, _FLOATS = given(types.int64), given(types.float64)


@compiled(given(types.float64, 2), _WHOLE, _WHOLE, filled(types.float64, 2))
def _turn(X: Floats, rows: Whole, asked: Whole, turned: Floats) -> None:
    """Copy some rows of the columns that are asked for, each column in one piece."""
    for i in range(len(rows)):
        row = X[rows[i]]
        for j in range(len(asked)):
            turned[j, i] = row[asked[j]]


@compiled(
    *(filled(types.float64, 2), _WHOLE, _FLOATS, given(types.bool_)),
    *(types.int64, types.int64, filled(types.uint32)),
)
def _compare(
    turned: Floats,
    place: Whole,
    threshold: Floats,
    missing_left: NDArray[np.bool_],
    first: int,
    last: int,
    patterns: Patterns,
) -> None:
    """Find which conditions of a group hold, bit by bit, for as many rows as there are patterns."""
    patterns[:] = 0
    for k in range(first, last):
        column, limit = turned[place[k], : len(patterns)], threshold[k]
        bit = np.uint32(1) << np.uint32(k - first)
        if missing_left[k]:
            for i in range(len(patterns)):
                patterns[i] |= np.uint32(0) if column[i] > limit else bit
        else:
            for i in range(len(patterns)):
                patterns[i] |= bit if column[i] <= limit else np.uint32(0)


@compiled(
    given(types.float64, 2),
    _WHOLE,
    types.Array(types.float64, 2, "A"),
    *(_WHOLE, _WHOLE, _FLOATS, given(types.bool_), _WHOLE),
    *(_WHOLE, _WHOLE, _WHOLE, _FLOATS),
)
def add_up(
    X: Floats,
    rows: Whole,
    parts: Floats,
    asked: Whole,
    place: Whole,
    threshold: Floats,
    missing_left: NDArray[np.bool_],
    starts: Whole,
    target: Whole,
    first: Whole,
    offset: Whole,
    values: Floats,
) -> None:
    """Add the values of some rows of ``X`` (., columns) to ``parts`` (sources, rows).

    The tables of group g begin at ``first[g]``. Table k belongs to the source ``target[k]``; its
    values by pattern begin at ``offset[k]``.
    """
    turned, room = np.empty((len(asked), _ROWS)), np.empty(_ROWS, dtype=np.uint32)
    for begin in range(0, len(rows), _ROWS):
        some = rows[begin : begin + _ROWS]
        size = len(some)
        patterns = room[:size]
        _turn(X, some, asked, turned)
        for group in range(len(starts)):
            last = group + 1 == len(starts)
            end = len(place) if last else starts[group + 1]
            _compare(turned, place, threshold, missing_left, starts[group], end, patterns)
            for k in range(first[group], len(target) if last else first[group + 1]):
                sums, table = parts[target[k], begin : begin + size], values[offset[k] :]
                for i in range(size):
                    sums[i] += table[patterns[i]]
