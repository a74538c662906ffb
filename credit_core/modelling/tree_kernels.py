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
_ASKED = (_WHOLE, _WHOLE, _FLOATS, given(types.bool_), _WHOLE)


@compiled(given(types.float64, 2), types.int64, types.int64, _WHOLE, filled(types.float64, 2))
def _turn(X: Floats, begin: int, size: int, asked: Whole, turned: Floats) -> None:
    """Copy some rows of the columns that are asked for, each column in one piece."""
    for i in range(size):
        row = X[begin + i]
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
    *_ASKED,
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

    The tables of group g begin at ``first[g]``. Table k belongs to the column ``target[k]``; its
    values by pattern begin at ``offset[k]``.
    """
    turned, room = np.empty((len(asked), _ROWS)), np.empty(_ROWS, dtype=np.uint32)
    for begin in range(0, len(X), _ROWS):
        size = min(_ROWS, len(X) - begin)
        patterns = room[:size]
        _turn(X, begin, size, asked, turned)
        for group in range(len(starts)):
            last = group + 1 == len(starts)
            end = len(place) if last else starts[group + 1]
            _compare(turned, place, threshold, missing_left, starts[group], end, patterns)
            for k in range(first[group], len(target) if last else first[group + 1]):
                sums, table = parts[target[k], begin : begin + size], values[offset[k] :]
                for i in range(size):
                    sums[i] += table[patterns[i]]


@compiled(
    given(types.float64, 2),
    *_ASKED,
    *(_WHOLE, given(types.uint32), given(types.uint32), _WHOLE, _FLOATS),
    filled(types.float64),
)
def add_changes(
    X: Floats,
    asked: Whole,
    place: Whole,
    threshold: Floats,
    missing_left: NDArray[np.bool_],
    starts: Whole,
    groups: Whole,
    given_bits: Patterns,
    fixed: Patterns,
    places: Whole,
    margins: Floats,
    changed: Floats,
) -> None:
    """Add how the margins of rows ``X`` (rows, columns) change to ``changed`` (rows,).

    Of each of ``groups`` the conditions of ``given_bits`` come to be as in ``fixed``. The margins
    of group g by pattern begin at ``places[g]``.
    """
    turned, room = np.empty((len(asked), _ROWS)), np.empty(_ROWS, dtype=np.uint32)
    for begin in range(0, len(X), _ROWS):
        size = min(_ROWS, len(X) - begin)
        patterns, sums = room[:size], changed[begin : begin + size]
        _turn(X, begin, size, asked, turned)
        for k in range(len(groups)):
            group = groups[k]
            end = len(place) if group + 1 == len(starts) else starts[group + 1]
            _compare(turned, place, threshold, missing_left, starts[group], end, patterns)
            table = margins[places[group] :]
            for i in range(size):
                after = (patterns[i] & ~given_bits[k]) | fixed[k]
                sums[i] += table[after] - table[patterns[i]]
