"""Loops over a chunk of rows, compiled when first used and kept on disk afterwards.

Each takes the rows into one aggregate of every group: ``groups`` (int32, n) says which group a row
belongs to, ``counted`` (uint8, n) is 1 where the row counts and 0 elsewhere, ``values`` (int64, n)
are whole numbers, and ``state`` (int64, one a group) is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import compiled, filled, given

Groups = NDArray[np.int32]
Counted = NDArray[np.uint8]
Whole = NDArray[np.int64]
Loop = Callable[[Groups, Counted, Whole, Whole], None]

_ROWS = given(types.int32), given(types.uint8)
_with_values = compiled(*_ROWS, given(types.int64, "A"), filled(types.int64))


@compiled(*_ROWS, filled(types.int64))
def count(groups: Groups, counted: Counted, state: Whole) -> None:
    for i in range(len(groups)):
        state[groups[i]] += counted[i]


@_with_values
def _sum(groups: Groups, counted: Counted, values: Whole, state: Whole) -> None:
    for i in range(len(groups)):
        state[groups[i]] += counted[i] * values[i]


@_with_values
def _min(groups: Groups, counted: Counted, values: Whole, state: Whole) -> None:
    for i in range(len(groups)):
        if counted[i] and values[i] < state[groups[i]]:
            state[groups[i]] = values[i]


@_with_values
def _max(groups: Groups, counted: Counted, values: Whole, state: Whole) -> None:
    for i in range(len(groups)):
        if counted[i] and values[i] > state[groups[i]]:
            state[groups[i]] = values[i]


@_with_values
def _bit_or(groups: Groups, counted: Counted, values: Whole, state: Whole) -> None:
    for i in range(len(groups)):
        state[groups[i]] |= counted[i] * values[i]


BY_FUNCTION: dict[str, Loop] = {"sum": _sum, "min": _min, "max": _max, "bit_or": _bit_or}
"""The loop of each SQL aggregate."""
