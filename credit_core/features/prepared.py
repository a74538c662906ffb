"""Features of one customer at a time, from statements that are planned once.

Planning the catalogue's SQL takes longer than running it over one customer's transactions. So the
same statements are prepared on a connection that stays open, over an Arrow stream that gives the
customer at hand. (Over a table that changes, the engine would plan them anew at each execution.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_STATEMENTS: dict[str, tuple[Level, ...]] = {
    "by_transaction": ("transactions", "categories"),
    "by_month": ("months",),
}
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


class PreparedFeatures:
    """A catalogue's statements, prepared; for one thread.

    ``columns`` are the ledger columns that transactions may bring.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, columns: frozenset[str]) -> None:
        self.catalogue = catalogue
        single = settings.model_copy(update={"threads": 1})
        self._connection = connect(single, memory_mb=_MEMORY_MB)
        kept = {name: BY_NAME[name].kind for name in BY_NAME if name in columns - {"customer_id"}}
        self._schema = pa.schema({name: _GIVEN[kind] for name, kind in kept.items()})
        self._stream = _Stream(self._schema.append(pa.field("as_of", _GIVEN["timestamp"])))
        self._connection.register("given", self._stream)
        typed = ", ".join(
            f"CAST({identifier(name)} AS {SQL_TYPES[kind]}) AS {identifier(name)}"
            for name, kind in kept.items()
        )
        run = self._connection.execute
        run(f"CREATE VIEW transactions AS SELECT as_of, {typed} FROM given")
        categories = ", ".join(text_literal(category) for category in catalogue.categories)
        self._statements: dict[str, list[str]] = {}
        for name, levels in _STATEMENTS.items():
            found = [feature.name for feature in catalogue.features if feature.over in levels]
            if found:
                # EXECUTE takes no list, so the catalogue's own goes in as text.
                query = feature_sql(catalogue, levels, "transactions", columns, single=True)
                query = query.replace("$categories", f"CAST([{categories}] AS VARCHAR[])")
                run(f"PREPARE {name} AS {query}")
                self._statements[name] = found

    def values(
        self, transactions: Sequence[Mapping[str, Any]], as_of: datetime
    ) -> dict[str, float]:
        """Return each feature's value as known just before ``as_of``, UTC.

        ``transactions`` are the customer's, in canonical columns, with times in UTC.
        """
        empty = {
            "zero": 0.0,
            "window": float(self.catalogue.observation_days),
            "missing": np.nan,
        }
        values = {feature.name: empty[feature.empty] for feature in self.catalogue.features}
        moved = pa.RecordBatch.from_pylist(transactions, self._schema)
        moment = pa.repeat(pa.scalar(as_of, _GIVEN["timestamp"]), len(transactions))
        self._stream.rows = moved.append_column("as_of", moment)
        try:
            for statement, names in self._statements.items():
                rows = self._connection.execute(f"EXECUTE {statement}").fetchall()
                ((counted, *found),) = rows
                if counted:
                    known = (np.nan if value is None else value for value in found)
                    values.update(zip(names, known, strict=True))
        finally:
            self._stream.forget()  # what was given leaves no trace
        return values

    def close(self) -> None:
        self._connection.unregister("given")
        self._connection.close()
