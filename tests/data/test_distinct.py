"""Hashes are distinct where a set of them has as many."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from numpy.typing import NDArray

from credit_core.data.distinct import Distinct


def hold(blocks: list[NDArray[np.uint64]]) -> bool:
    hashes = Distinct(sum(len(block) for block in blocks))
    for block in blocks:
        hashes.take_in(block)
    return hashes.hold(2)


@given(st.lists(st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1)), max_size=4))
@example([[5, 6], [], [7, 5]])
@example([[0]])
@effort(max_examples=40)
def test_hashes_are_distinct_where_none_stands_twice(blocks: list[list[int]]) -> None:
    everything = [number for block in blocks for number in block]
    arrays = [np.array(block, dtype=np.uint64) for block in blocks]
    assert hold(arrays) == (len(set(everything)) == len(everything))


def test_many_hashes_are_distinct_but_for_one() -> None:
    rng = np.random.default_rng(0)
    many = [rng.integers(0, 2**64, 10_000, dtype=np.uint64) for _ in range(20)]
    assert hold(many)
    assert not hold([*many, many[3][17:18].copy()])
