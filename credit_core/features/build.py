"""Features of snapshots, from one SQL over (snapshots join transactions), aggregated once."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from credit_core.data.duck import identifier
from credit_core.data.ledger import Ledger
from credit_core.features.catalogue import MONTH, Catalogue

_WEEK_BITS = 62
"""Weeks a 64-bit mask can hold; older weeks share the last bit."""


def feature_sql(catalogue: Catalogue, relation: str, columns: frozenset[str]) -> str:
    """Return the query over ``snapshots`` (snapshot, customer_id, as_of) and a ledger relation.

    A transaction counts for a snapshot only inside ``[as_of - observation_days, as_of)``. The
    parameter ``categories`` is the catalogue's list. Snapshots without a transaction give no row.
    """
    optional = [name for name in ("balance", "channel", "category", "is_fraud") if name in columns]
    passed = "".join(f", t.{name}" for name in optional)
    index = (
        ", list_position($categories, t.category) AS category_index"
        if ("category" in columns and catalogue.categories)
        else ""
    )
    blocks = max(1, catalogue.observation_days // MONTH)
    of_transactions, of_months = (
        "".join(
            f",\n    CAST({feature.sql} AS DOUBLE) AS {identifier(feature.name)}"
            for feature in catalogue.features
            if feature.over == level
        )
        for level in ("transactions", "months")
    )
    below = "count(*) FILTER (WHERE balance < 0)" if "balance" in columns else "0"
    names = ", ".join(identifier(name) for name in catalogue.names)
    return f"""
WITH joined AS (
  SELECT s.snapshot, t.amount, greatest(t.amount, 0) AS paid, greatest(-t.amount, 0) AS received,
         date_diff('second', t.timestamp, s.as_of) AS seconds,
         isodow(t.timestamp) AS weekday, hour(t.timestamp) AS hour{passed}{index}
  FROM snapshots s JOIN {relation} t ON t.customer_id = s.customer_id
  WHERE t.timestamp < s.as_of
    AND t.timestamp >= s.as_of - to_days({catalogue.observation_days})
), observed AS NOT MATERIALIZED (
  SELECT *, CAST(seconds AS DOUBLE) / CAST(86400 AS DOUBLE) AS age,
         least(CAST(seconds // {MONTH * 86400} AS INTEGER), {blocks - 1}) AS block,
         CAST(1 AS BIGINT) << least(CAST(seconds // 604800 AS INTEGER), {_WEEK_BITS}) AS week_bit
  FROM joined
), months AS (
  SELECT snapshot, block, sum(paid) AS paid, sum(received) AS received, {below} AS below
  FROM observed GROUP BY snapshot, block
), by_transaction AS (
  SELECT snapshot{of_transactions}
  FROM observed GROUP BY snapshot
), by_month AS (
  SELECT snapshot{of_months}
  FROM months GROUP BY snapshot
)
SELECT snapshot, {names} FROM by_transaction JOIN by_month USING (snapshot)"""


def build_features(ledger: Ledger, snapshots: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Compute the catalogue's features.

    Parameters
    ----------
    snapshots : DataFrame
        Columns ``customer_id`` and ``as_of``, one row a snapshot.

    Returns
    -------
    DataFrame
        One float64 column a feature, one row a snapshot in the given order. A snapshot without
        any transaction in its window takes each feature's declared ``empty`` value.
    """
    connection = ledger.connection
    numbered = pd.DataFrame(
        {
            "snapshot": np.arange(len(snapshots), dtype=np.int64),
            "customer_id": snapshots["customer_id"].to_numpy(),
            "as_of": snapshots["as_of"].to_numpy(),
        }
    )
    connection.register("snapshots", numbered)
    query = feature_sql(catalogue, ledger.relation, ledger.columns)
    parameters = {"categories": list(catalogue.categories)} if "$categories" in query else {}
    found = ledger.frame(query, parameters)
    connection.unregister("snapshots")
    table = found.set_index("snapshot").reindex(np.arange(len(snapshots)))
    silent = ~table.index.isin(found["snapshot"])
    if silent.any():
        empty = {"zero": 0.0, "window": float(catalogue.observation_days), "missing": np.nan}
        table.loc[silent] = [empty[feature.empty] for feature in catalogue.features]
    return table.reset_index(drop=True).astype("float64")


def frequent_categories(ledger: Ledger, before: datetime, limit: int) -> tuple[str, ...]:
    """Return the most frequent categories before a date, most frequent first, ties by name."""
    if limit == 0 or "category" not in ledger.columns:
        return ()
    rows = ledger.connection.execute(
        f"""SELECT category FROM {ledger.relation}
        WHERE category IS NOT NULL AND timestamp < $before
        GROUP BY category ORDER BY count(*) DESC, category LIMIT $limit""",
        {"before": before, "limit": limit},
    ).fetchall()
    return tuple(row[0] for row in rows)
