"""The loop that takes rows into the aggregates of their groups, compiled when first used."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import compiled, filled, given

COUNT, SUM, LEAST, GREATEST, BITS = range(5)
FUNCTIONS = {"count": COUNT, "sum": SUM, "min": LEAST, "max": GREATEST, "bit_or": BITS}
"""What stands for each SQL aggregate in a plan."""
_AT_ONCE = 256
"""Rows whose groups stay in a core's own cache while each aggregate takes them in."""
_IN_A_LINE = 8
"""64-bit numbers of a cache line."""
Ints = NDArray[np.int32]
Whole = NDArray[np.int64]


@compiled(
    given(types.int32),
    given(types.uint8, 2),
    given(types.int64, 2),
    given(types.int32, 2),
    filled(types.int64, 2),
    filled(types.int32, 2),
    returns=types.int64,
)
def take_in(
    groups: Ints,
    counted: NDArray[np.uint8],
    numbers: Whole,
    plan: Ints,
    wide: Whole,
    narrow: Ints,
) -> int:
    """Take rows into the records of their groups.

    Row i belongs to the group ``groups[i]``. ``counted`` (., n) has a 1 for each row that counts
    and a 0 elsewhere; ``numbers`` (., n) are what is added or compared, and places. A row of
    ``plan`` is an aggregate: its function; where it stands in a record, counts in ``narrow``
    (groups, .) and others in ``wide`` (groups, .), which are the same memory; its rows of
    ``counted`` and of ``numbers``; 1 or -1, by which a sum multiplies; and, unless -1, the row of
    ``numbers`` that says at which place behind the first a row counts. What is returned means
    nothing.
    """
    touched = 0
    for start in range(0, len(groups), _AT_ONCE):
        stop = min(start + _AT_ONCE, len(groups))
        # Reading each record first, and nothing else, lets many wait for memory at once.
        for i in range(start, stop):
            for j in range(0, wide.shape[1], _IN_A_LINE):
                touched += wide[groups[i], j]
        for j in range(len(plan)):
            function, at, sign, places = plan[j, 0], plan[j, 1], plan[j, 4], plan[j, 5]
            counts, values = counted[plan[j, 2]], numbers[plan[j, 3]]
            if function == COUNT and places < 0:
                for i in range(start, stop):
                    narrow[groups[i], at] += counts[i]
            elif function == COUNT:
                place = numbers[places]
                for i in range(start, stop):
                    narrow[groups[i], at + place[i]] += counts[i]
            elif function == SUM and places < 0:
                for i in range(start, stop):
                    wide[groups[i], at] += sign * counts[i] * values[i]
            elif function == SUM:
                place = numbers[places]
                for i in range(start, stop):
                    wide[groups[i], at + place[i]] += sign * counts[i] * values[i]
            elif function == LEAST:
                for i in range(start, stop):
                    if counts[i] and values[i] < wide[groups[i], at]:
                        wide[groups[i], at] = values[i]
            elif function == GREATEST:
                for i in range(start, stop):
                    if counts[i] and values[i] > wide[groups[i], at]:
                        wide[groups[i], at] = values[i]
            else:
                for i in range(start, stop):
                    if counts[i]:
                        wide[groups[i], at] |= np.int64(1) << values[i]
    return touched
