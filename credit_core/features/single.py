"""Features of one customer at a time: the same SQL as for a whole file, without the engine.

Setting up the catalogue's aggregates costs DuckDB more than adding up one customer's transactions.
Here `credit_core.features.expressions` works them out, with the same result to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from credit_core.data.contract import BY_NAME, UNITS
from credit_core.features.build import (
    DERIVED,
    SECONDS,
    block_sql,
    expressions_of,
    inside_sql,
)
from credit_core.features.catalogue import MOVED, Catalogue
from credit_core.features.expressions import Cells, Kind, Program

_KINDS: dict[str, Kind] = {"timestamp": "whole", "money": "money", "flag": "flag", "text": "text"}
_LIMIT = 2**62
"""Sums that may be larger are of Python's numbers instead of 64-bit ones."""


class SingleFeatures:
    """A catalogue read once, for one customer after the other; for any number of threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        given = {c.name: _KINDS[c.kind] for c in BY_NAME.values() if c.kind in _KINDS}
        kinds: dict[str, Kind] = {**given, "as_of": "whole", "seconds": "whole", "block": "whole"}
        months: dict[str, Kind] = {"block": "whole", **dict.fromkeys(MOVED, "money")}
        placed = {"seconds": SECONDS, "block": block_sql(catalogue)}
        of_all = expressions_of(catalogue, ("transactions", "categories"))
        of_months = expressions_of(catalogue, ("months",))
        moved = MOVED if of_months else {}
        lists = {"categories": catalogue.categories}
        self._placed = Program([inside_sql(catalogue), *placed], kinds, placed)
        self._all = Program([*of_all.values(), *moved.values()], kinds, DERIVED, lists)
        self._months = Program(of_months.values(), months) if of_months else None
        self._of_all, self._names = len(of_all), [*of_all, *of_months]
        read = self._placed.columns | self._all.columns
        self._read = sorted(read & given.keys())
        self._silent = catalogue.silent

    def values(
        self, transactions: Mapping[str, Sequence[Any]], as_of: datetime
    ) -> dict[str, float]:
        """Return each feature's value as known just before ``as_of``, UTC.

        ``transactions`` are the customer's, as canonical columns, with times in UTC.
        """
        given = len(transactions.get("timestamp", ()))
        if given == 0:
            return dict(self._silent)
        table = {name: _cells(name, transactions[name]) for name in self._read}
        table["as_of"] = _cells("timestamp", [as_of])
        inside, table["seconds"], table["block"] = self._placed.run(table, given)
        del table["as_of"]
        rows = int(np.count_nonzero(inside.values))
        if rows < given:
            table = {name: cells.at(inside.values) for name, cells in table.items()}
        if rows == 0:
            return dict(self._silent)
        found = self._all.run(table, rows)
        found[self._of_all :] = self._of_months(table["block"].values, found[self._of_all :])
        known = (np.nan if value is None else value for value in found)
        return self._silent | dict(zip(self._names, known, strict=True))

    def _of_months(self, block: np.ndarray, moved: Sequence[Cells]) -> list[Any]:
        """Return what is said of months, from what each transaction adds to the sums of its own."""
        if self._months is None:
            return []
        order = np.argsort(block, kind="stable")
        blocks = block[order]
        begins = np.flatnonzero(np.diff(blocks, prepend=-1))
        sums = {
            name: Cells(np.add.reduceat(cells.or_else(0)[order], begins))
            for name, cells in zip(MOVED, moved, strict=True)
        }
        return self._months.run({"block": Cells(blocks[begins]), **sums}, len(begins))


def _cells(name: str, values: Sequence[Any]) -> Cells:
    """Return a column of a ledger as it was given."""
    kind = BY_NAME[name].kind
    if kind == "timestamp":
        return Cells(pa.array(values, pa.timestamp("us")).to_numpy().view(np.int64))
    if kind == "money":
        return _money(np.array(values, dtype=np.float64))
    if kind == "flag":
        return Cells(np.array([value is True for value in values]))
    return Cells(np.array(values, dtype=object))


def _money(amounts: np.ndarray) -> Cells:
    """Return amounts in the smallest unit; rounded as DuckDB casts a double to a decimal."""
    known = ~np.isnan(amounts)
    units = np.where(known, amounts, 0.0) * UNITS
    units = np.rint(units + np.sign(units) * 1e-9)
    many = len(units) * np.abs(units).max() >= _LIMIT
    whole = units.astype(np.int64)
    return Cells(whole.astype(object) if many else whole, None if known.all() else known)
