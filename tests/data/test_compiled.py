"""Compiled loops work where nothing of them can be kept."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numba

from credit_core.data.compiled import compiled


def test_loops_are_compiled_anew_where_there_is_no_folder_for_them() -> None:
    real = numba.njit

    def without_a_folder(*args: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **options)

    with mock.patch.object(numba, "njit", without_a_folder):
        doubled = compiled(numba.types.int64, returns=numba.types.int64)(lambda number: 2 * number)
    assert doubled(4) == 8
