"""Whether any of very many hashes stands twice, without sorting them all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import compiled, filled, given

Hashes = NDArray[np.uint64]


@compiled(
    given(types.uint64),
    filled(types.uint64),
    filled(types.uint64),
    types.boolean,
    returns=types.int64,
)
def find_marked(hashes: Hashes, marks: Hashes, found: Hashes, mark: bool) -> int:
    """Write to ``found`` the hashes whose place in a bitmap is marked; return their number.

    With ``mark`` each hash marks its place then. ``marks`` has a power of two of words.
    """
    last = np.uint64(len(marks) - 1)
    six, within, one = np.uint64(6), np.uint64(63), np.uint64(1)
    number = 0
    for i in range(len(hashes)):
        word = (hashes[i] >> six) & last
        bit = one << (hashes[i] & within)
        if marks[word] & bit:
            found[number] = hashes[i]
            number += 1
        if mark:
            marks[word] |= bit
    return number


class Distinct:
    """Hashes as they come, about so many.

    Few share a place in a large bitmap with an earlier one; only what shares a place with one of
    those few can stand twice, and is sorted at the end.
    """

    def __init__(self, about: int) -> None:
        self._marks = _bitmap(about)
        self._hashes: list[Hashes] = []
        self._later: list[Hashes] = []

    def take_in(self, hashes: Hashes) -> None:
        self._hashes.append(hashes)
        self._later.append(_marked(hashes, self._marks, mark=True))

    def hold(self, threads: int) -> bool:
        """Return True where none stands twice, as so many threads find."""
        later = np.concatenate([np.empty(0, dtype=np.uint64), *self._later])
        few = _bitmap(4 * len(later))
        _marked(later, few, mark=True)
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(lambda hashes: _marked(hashes, few, mark=False), self._hashes)
            both = np.concatenate([later[:0], *parts])
        both.sort()
        return not (both[1:] == both[:-1]).any()


def _bitmap(hashes: int) -> Hashes:
    """Return an empty bitmap with room for so many hashes, 16 to 32 bits each."""
    return np.zeros(1 << max(hashes // 4, 1).bit_length(), dtype=np.uint64)


def _marked(hashes: Hashes, marks: Hashes, *, mark: bool) -> Hashes:
    found = np.empty(len(hashes), dtype=np.uint64)
    return found[: find_marked(hashes, marks, found, mark)].copy()
