"""Work on what comes next while what came is used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield items, none of which is None, while a thread works on the next one.

    >>> list(one_ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1) as aside:
        ahead = aside.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = aside.submit(next, items, None)
            yield item
            del item  # nothing of it is held here while the next one is waited for
