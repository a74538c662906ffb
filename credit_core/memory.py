"""Memory for large tables of numbers, straight from the system.

What numpy takes of the system comes by two megabytes, set to 0 before the first number is written,
and goes back when the whole array does. That is right for numbers that are read in any order, and
wrong for a table that is written from one end to the other.
"""

from __future__ import annotations

import mmap

ROWS_IN_CACHE = 512
"""Rows of a table that are turned into columns, or back, at once, so that caches can hold them."""
_OPTIONS = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}


def in_small_pages(size: int) -> mmap.mmap:
    """Return so many zero bytes, of which each page is taken when it is first written.

    Free memory that was not used for a while is the dearest to take, on virtual machines above
    all; small pages are mostly ones that have been given back just before.
    """
    return mmap.mmap(-1, max(size, 1), **_OPTIONS)


def in_large_pages(size: int) -> mmap.mmap:
    """Return so many zero bytes for reading and writing here and there."""
    memory = in_small_pages(size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def give_back(memory: mmap.mmap, begin: int, end: int) -> None:
    """Give the pages between two places back to the system; nothing may be read there any more."""
    begin, end = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
    if end > begin and hasattr(mmap, "MADV_DONTNEED"):
        memory.madvise(mmap.MADV_DONTNEED, begin, end - begin)
