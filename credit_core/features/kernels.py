"""The loop that takes rows into the aggregates of their groups, compiled when first used."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import address, compiled, fetch, filled, given

COUNT, SUM, GREATEST, BITS, SUM_OF_SIZES = range(5)
FUNCTIONS = {"count": COUNT, "sum": SUM, "min": GREATEST, "max": GREATEST, "bit_or": BITS}
"""What stands for each SQL aggregate in a plan; the least is the greatest of the negatives."""
ABOVE = 2**62
"""What is added to a value before it is compared, so that 0 is less than any: no value yet."""
_AT_ONCE = 128
"""Rows whose groups stay in a core's own cache while each aggregate takes them in."""
Ints = NDArray[np.int32]
Whole = NDArray[np.int64]


@compiled(
    given(types.uint32),
    given(types.uint8, 2),
    given(types.int64, 2),
    given(types.int32, 2),
    given(types.int32, 2),
    filled(types.int64, 2),
    filled(types.int32, 2),
)
def take_in(
    groups: NDArray[np.uint32],
    counted: NDArray[np.uint8],
    numbers: Whole,
    plan: Ints,
    lines: Ints,
    wide: Whole,
    narrow: Ints,
) -> None:
    """Take rows into the records of their groups.

    Row i belongs to the group ``groups[i]``. ``counted`` (., n) has a 1 for each row that counts
    and a 0 elsewhere; ``numbers`` (., n) are what is added or compared, and places. A record is a
    row of ``narrow`` (groups, .), where counts stand, and of ``wide`` (groups, .), the same memory.
    A row of ``plan`` is an aggregate: its function; where it stands in a record; its rows of
    ``counted`` and of ``numbers``; 1 or -1, which multiplies its numbers; and, unless -1, the row
    of ``numbers`` that says at how many steps behind a row counts, and how long they are. ``lines``
    are the parts of a record that rows touch: where one begins in ``narrow``, the row of
    ``numbers`` that says at how many steps behind, or -1, and how long they are.
    """
    records, size = address(narrow), narrow.shape[1]
    share = (_AT_ONCE + len(plan) - 1) // len(plan)
    for start in range(0, len(groups), _AT_ONCE):
        # Slices, and numbers without a sign: no index is asked whether it is below 0.
        mine = groups[start : start + _AT_ONCE]
        following = groups[start + _AT_ONCE : start + 2 * _AT_ONCE]
        for j in range(len(plan)):
            # The records of the rows that come next are fetched while these are worked on.
            for i in range(j * share, min((j + 1) * share, len(following))):
                record, row = np.int64(following[i]) * size, start + _AT_ONCE + i
                for k in range(len(lines)):
                    line = record + lines[k, 0]
                    if lines[k, 1] >= 0:
                        line += numbers[lines[k, 1], row] * lines[k, 2]
                    fetch(records, line)
            function, at, sign = plan[j, 0], np.uint64(plan[j, 1]), plan[j, 4]
            places, step = plan[j, 5], np.uint64(plan[j, 6])
            counts = counted[plan[j, 2], start : start + _AT_ONCE]
            values = numbers[plan[j, 3], start : start + _AT_ONCE]
            some = np.uint8(0)
            for i in range(len(counts)):
                some |= counts[i]
            if some == 0:  # as in a file in the order of time, all but those of the last month
                continue
            if function == COUNT and places < 0:
                for i in range(len(mine)):
                    narrow[mine[i], at] += counts[i]
            elif function == COUNT:
                place = numbers[places, start : start + _AT_ONCE]
                for i in range(len(mine)):
                    narrow[mine[i], at + np.uint64(place[i]) * step] += counts[i]
            elif function == SUM and places < 0:
                for i in range(len(mine)):
                    wide[mine[i], at] += sign * counts[i] * values[i]
            elif function == SUM:
                place = numbers[places, start : start + _AT_ONCE]
                for i in range(len(mine)):
                    wide[mine[i], at + np.uint64(place[i]) * step] += sign * counts[i] * values[i]
            elif function == SUM_OF_SIZES and places < 0:
                for i in range(len(mine)):
                    wide[mine[i], at] += counts[i] * abs(values[i])
            elif function == SUM_OF_SIZES:
                place = numbers[places, start : start + _AT_ONCE]
                for i in range(len(mine)):
                    wide[mine[i], at + np.uint64(place[i]) * step] += counts[i] * abs(values[i])
            elif function == GREATEST:
                for i in range(len(mine)):
                    value = counts[i] * (sign * values[i] + np.int64(ABOVE))
                    wide[mine[i], at] = max(value, wide[mine[i], at])
            else:
                for i in range(len(mine)):
                    # What does not count may say any bit: no number is moved by more than it has.
                    wide[mine[i], at] |= np.int64(counts[i]) << (values[i] & np.int64(63))
