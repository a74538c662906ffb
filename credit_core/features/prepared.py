"""Features of one customer at a time, from statements that are planned once.

Planning the catalogue's SQL takes longer than running it over one customer's transactions. So the
same statements are prepared on a connection that stays open, over views of one row of JSON. With
its optimizer the engine would plan them anew at each execution; without it the plan is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from credit_core.data.contract import BY_NAME, SQL_TYPES
from credit_core.data.duck import connect, identifier, text_literal
from credit_core.features.build import feature_sql
from credit_core.features.catalogue import Catalogue, Level
from credit_core.settings import Settings

_MEMORY_MB = 200
_STATEMENTS: dict[str, tuple[Level, ...]] = {
    "by_transaction": ("transactions", "categories"),
    "by_month": ("months",),
}
_ROW = {"customer_id": "'one'", "as_of": "CAST(as_of AS TIMESTAMP)"}


class PreparedFeatures:
    """A catalogue's statements, prepared; for one thread.

    ``columns`` are the ledger columns that transactions may bring.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, columns: frozenset[str]) -> None:
        self.catalogue = catalogue
        single = settings.model_copy(update={"threads": 1})
        self._connection = connect(single, optimised=False, memory_mb=_MEMORY_MB)
        kept = [name for name in BY_NAME if name in columns and name != "customer_id"]
        shape = json.dumps([{name: SQL_TYPES[BY_NAME[name].kind] for name in kept}])
        names = ", ".join(f"moved.{identifier(name)}" for name in kept)
        run = self._connection.execute
        run("CREATE TABLE given (as_of VARCHAR, moved VARCHAR)")
        run(
            "CREATE VIEW snapshots AS SELECT CAST(0 AS BIGINT) AS snapshot, "
            f"{_ROW['customer_id']} AS customer_id, {_ROW['as_of']} AS as_of FROM given"
        )
        run(
            f"CREATE VIEW transactions AS SELECT {_ROW['customer_id']} AS customer_id, {names} "
            f"FROM (SELECT unnest(from_json(moved, {text_literal(shape)})) AS moved FROM given)"
        )
        categories = ", ".join(text_literal(category) for category in catalogue.categories)
        self._statements: dict[str, list[str]] = {}
        for name, levels in _STATEMENTS.items():
            found = [feature.name for feature in catalogue.features if feature.over in levels]
            if found:
                # EXECUTE takes no list, so the catalogue's own goes in as text.
                query = feature_sql(catalogue, levels, "transactions", columns, few=True)
                query = query.replace("$categories", f"CAST([{categories}] AS VARCHAR[])")
                run(f"PREPARE {name} AS {query}")
                self._statements[name] = found

    def values(
        self, transactions: Sequence[Mapping[str, Any]], as_of: datetime
    ) -> dict[str, float]:
        """Return each feature's value as known just before ``as_of``, UTC.

        ``transactions`` are the customer's, in canonical columns; times are ISO texts in UTC.
        """
        empty = {
            "zero": 0.0,
            "window": float(self.catalogue.observation_days),
            "missing": np.nan,
        }
        values = {feature.name: empty[feature.empty] for feature in self.catalogue.features}
        run = self._connection.execute
        moved = json.dumps(transactions, ensure_ascii=False)
        run("BEGIN")
        try:
            run("INSERT INTO given VALUES ($1, $2)", [as_of.isoformat(), moved])
            for statement, names in self._statements.items():
                row = run(f"EXECUTE {statement}").fetchone()
                if row is not None:
                    found = (np.nan if value is None else value for value in row[1:])
                    values.update(zip(names, found, strict=True))
        finally:
            run("ROLLBACK")  # what was given leaves no trace
        return values

    def close(self) -> None:
        self._connection.close()
