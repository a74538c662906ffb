"""Features of snapshots, from one SQL over (snapshots join transactions), aggregated once."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from credit_core.data.duck import identifier
from credit_core.data.ledger import Ledger
from credit_core.features.catalogue import MONTH, Catalogue, Level

_BITS = 62
"""Highest bit of a 64-bit mask; older weeks and months share it."""
_CATEGORIES = """, used AS (
  SELECT snapshot, category, count(*) AS n, sum(abs(amount)) AS moved
  FROM placed GROUP BY snapshot, category
), categories AS (
  SELECT *, list_position($categories, category) AS category_index FROM used
)"""
_CHANNELS = """, channels AS (
  SELECT snapshot, channel FROM joined GROUP BY snapshot, channel
)"""


def feature_sql(catalogue: Catalogue, relation: str, columns: frozenset[str]) -> str:
    """Return the query over ``snapshots`` (snapshot, customer_id, as_of) and a ledger relation.

    A transaction counts for a snapshot only inside ``[as_of - observation_days, as_of)``. The
    parameter ``categories`` is the catalogue's list. Snapshots without a transaction give no row.
    """
    blocks = max(1, catalogue.observation_days // MONTH)
    levels = sorted({feature.over for feature in catalogue.features}, reverse=True)
    present = columns.intersection(("balance", "channel", "category", "is_fraud"))
    passed = "".join(f", t.{name}" for name in sorted(present))
    below = ", balance < 0 AS is_below" if "balance" in columns else ""
    parts = ",\n".join(_level_sql(catalogue, level) for level in levels)
    names = ", ".join(identifier(name) for name in catalogue.names)
    joined = f"by_{levels[0]}" + "".join(
        f" JOIN by_{level} USING (snapshot)" for level in levels[1:]
    )
    return f"""
WITH joined AS (
  SELECT s.snapshot, t.timestamp, t.amount{passed},
         date_diff('second', t.timestamp, s.as_of) AS seconds
  FROM snapshots s JOIN {relation} t ON t.customer_id = s.customer_id
  WHERE t.timestamp < s.as_of
    AND t.timestamp >= s.as_of - to_days({catalogue.observation_days})
), placed AS NOT MATERIALIZED (
  SELECT *, greatest(amount, 0) AS paid, greatest(-amount, 0) AS received,
         amount > 0 AS is_out, amount < 0 AS is_in{below},
         least(CAST((seconds - 1) // {MONTH * 86400} AS INTEGER), {blocks - 1}) AS block
  FROM joined
), observed AS NOT MATERIALIZED (
  SELECT *, CAST(seconds AS DOUBLE) / CAST(86400 AS DOUBLE) AS age, block = 0 AS is_last,
         isodow(timestamp) >= 6 AS is_weekend, hour(timestamp) < 6 AS is_night,
         CAST(1 AS BIGINT) << least(block, {_BITS}) AS month_bit,
         CAST(1 AS BIGINT) << least(CAST(seconds // 604800 AS INTEGER), {_BITS}) AS week_bit
  FROM placed
), months AS (
  SELECT snapshot, block, count(*) AS n, count(*) FILTER (WHERE is_out) AS n_out,
         count(*) FILTER (WHERE is_in) AS n_in, sum(paid) AS paid, sum(received) AS received
  FROM placed GROUP BY snapshot, block
){_CATEGORIES if "category" in columns else ""}{_CHANNELS if "channel" in columns else ""},
{parts}
SELECT snapshot, {names} FROM {joined}"""


def _level_sql(catalogue: Catalogue, level: Level) -> str:
    """Return the common table expression of the features over one level."""
    features = "".join(
        f",\n    CAST({feature.sql} AS DOUBLE) AS {identifier(feature.name)}"
        for feature in catalogue.features
        if feature.over == level
    )
    source = "observed" if level == "transactions" else level
    return f"by_{level} AS (\n  SELECT snapshot{features}\n  FROM {source} GROUP BY snapshot\n)"


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
    found = connection.execute(query, parameters).fetchnumpy()
    connection.unregister("snapshots")
    rows = found["snapshot"]
    empty = {"zero": 0.0, "window": float(catalogue.observation_days), "missing": np.nan}
    columns = {}
    for feature in catalogue.features:
        # A snapshot without a row is silent; a NULL is a value that cannot be said.
        values = np.full(len(snapshots), empty[feature.empty])
        values[rows] = np.ma.filled(found.pop(feature.name), np.nan)
        columns[feature.name] = values
    return pd.DataFrame(columns)


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
