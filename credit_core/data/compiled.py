"""Loops compiled by Numba when their module is first imported, and kept on disk afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(*arguments: Any, returns: Any = types.void) -> Callable[[Loop], Loop]:
    """Return a decorator that compiles a function for arguments of these Numba types.

    It runs without holding the interpreter's lock. Where nothing can be kept on disk, neither
    beside the module nor under the user's caches, it is compiled anew by each process.
    """

    def decorated(function: Loop) -> Loop:
        try:
            return numba.njit(returns(*arguments), nogil=True, cache=True)(function)
        except RuntimeError:  # no folder to keep it in
            return numba.njit(returns(*arguments), nogil=True)(function)

    return decorated


def given(kind: Any, dimensions: int = 1) -> Any:
    """Return the type of an array that is only read."""
    return types.Array(kind, dimensions, "C", readonly=True)


def filled(kind: Any, dimensions: int = 1) -> Any:
    """Return the type of an array that is written to."""
    return types.Array(kind, dimensions, "C")
