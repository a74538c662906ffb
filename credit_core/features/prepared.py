"""Features of one customer at a time, from statements that are planned once.

Planning the catalogue's SQL takes longer than running it over one customer's transactions. So the
same statements are prepared on connections that stay open, over an Arrow stream that gives the
customer at hand. (Over a table that changes, the engine would plan them anew at each execution.)
What they cost is by expression and hardly by row, so half of them run beside the other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from credit_core.data.contract import BY_NAME, SQL_TYPES, Kind
from credit_core.data.duck import connect, identifier, text_literal
from credit_core.features.build import feature_sql
from credit_core.features.catalogue import Catalogue, Level
from credit_core.settings import Settings

_MEMORY_MB = 200
_LANES: tuple[tuple[Level, ...], ...] = (("categories", "months"), ("transactions",))
"""Levels that are computed one after the other; the lanes are side by side, and take about as long
as one another."""
_GIVEN: dict[Kind, pa.DataType] = {
    "timestamp": pa.timestamp("us"),
    "money": pa.float64(),
    "integer": pa.int64(),
    "flag": pa.bool_(),
    "text": pa.string(),
}


class _Stream:
    """The rows that the prepared statements read; asked for anew at each execution."""

    def __init__(self, schema: pa.Schema) -> None:
        self._empty = pa.RecordBatch.from_pylist([], schema)
        self.rows = self._empty

    def forget(self) -> None:
        self.rows = self._empty

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.rows.schema, [self.rows])
        return reader.__arrow_c_stream__(requested_schema)


class _Lane:
    """Statements prepared on a connection of their own."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        levels: Sequence[Level],
        kept: Mapping[str, Kind],
        columns: frozenset[str],
        schema: pa.Schema,
    ) -> None:
        self._connection = connect(settings, memory_mb=_MEMORY_MB)
        self._stream = _Stream(schema)
        self._connection.register("given", self._stream)
        typed = ", ".join(
            f"CAST({identifier(name)} AS {SQL_TYPES[kind]}) AS {identifier(name)}"
            for name, kind in kept.items()
        )
        run = self._connection.execute
        run(f"CREATE VIEW transactions AS SELECT as_of, {typed} FROM given")
        categories = ", ".join(text_literal(category) for category in catalogue.categories)
        self._statements: dict[Level, list[str]] = {}
        for level in levels:
            # EXECUTE takes no list, so the catalogue's own goes in as text.
            query = feature_sql(catalogue, (level,), "transactions", columns, single=True)
            query = query.replace("$categories", f"CAST([{categories}] AS VARCHAR[])")
            run(f"PREPARE {level} AS {query}")
            self._statements[level] = [f.name for f in catalogue.features if f.over == level]

    def values(self, rows: pa.RecordBatch) -> dict[str, float]:
        """Return what the statements say of these rows; nothing where no row counts."""
        values: dict[str, float] = {}
        self._stream.rows = rows
        try:
            for level, names in self._statements.items():
                ((counted, *found),) = self._connection.execute(f"EXECUTE {level}").fetchall()
                if counted:
                    known = (np.nan if value is None else value for value in found)
                    values.update(zip(names, known, strict=True))
        finally:
            self._stream.forget()  # what was given leaves no trace
        return values

    def close(self) -> None:
        self._connection.unregister("given")
        self._connection.close()


class PreparedFeatures:
    """A catalogue's statements, prepared; for one thread.

    ``columns`` are the ledger columns that transactions may bring.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, columns: frozenset[str]) -> None:
        single = settings.model_copy(update={"threads": 1})
        kept = {name: BY_NAME[name].kind for name in BY_NAME if name in columns - {"customer_id"}}
        self._schema = pa.schema({name: _GIVEN[kind] for name, kind in kept.items()})
        used = {feature.over for feature in catalogue.features}
        lanes = [[level for level in lane if level in used] for lane in _LANES]
        schema = self._schema.append(pa.field("as_of", _GIVEN["timestamp"]))
        self._lanes = [
            _Lane(single, catalogue, lane, kept, columns, schema) for lane in lanes if lane
        ]
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="features")
        self._silent = catalogue.silent

    def values(
        self, transactions: Sequence[Mapping[str, Any]], as_of: datetime
    ) -> dict[str, float]:
        """Return each feature's value as known just before ``as_of``, UTC.

        ``transactions`` are the customer's, in canonical columns, with times in UTC.
        """
        moved = pa.RecordBatch.from_pylist(transactions, self._schema)
        moment = pa.repeat(pa.scalar(as_of, _GIVEN["timestamp"]), len(transactions))
        rows = moved.append_column("as_of", moment)
        first, *others = self._lanes
        aside = [self._aside.submit(lane.values, rows) for lane in others]
        values = self._silent | first.values(rows)
        for found in aside:
            values |= found.result()
        return values

    def close(self) -> None:
        self._aside.shutdown()
        for lane in self._lanes:
            lane.close()
