"""The catalogue on Spark: the same SQL, transpiled, so that both engines give the same features.

What the two engines mean differently by the same words is said here, once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from credit_core.features.build import feature_sql
from credit_core.features.catalogue import LEVELS, Catalogue, Feature, Level

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def spark_sql(catalogue: Catalogue, level: Level, columns: frozenset[str]) -> str:
    """Return `feature_sql` of one level in Spark's words, over ``snapshots``, ``transactions``.

    Times are TIMESTAMPs in a session whose zone is UTC. The parameter ``categories``, where it
    occurs, is an array of texts.
    """
    query = feature_sql(catalogue, (level,), "transactions", columns)
    return sqlglot.parse_one(query, read="duckdb").transform(_in_spark).sql("spark")


def _in_spark(node: exp.Expression) -> exp.Expression:
    """Return a node of the catalogue's SQL as Spark says it; what sqlglot knows is left to it."""
    if isinstance(node, exp.DateDiff):
        # DuckDB counts the seconds that begin in between, Spark the whole ones that pass.
        start, end = node.expression, node.this
        return exp.Sub(this=_call("unix_seconds", end), expression=_call("unix_seconds", start))
    if isinstance(node, exp.DayOfWeekIso):
        return exp.Paren(this=_call("weekday", node.this) + 1)  # there Monday is 0
    if isinstance(node, exp.ToDays):
        return _call("make_dt_interval", node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "list_position":
        listed, value = node.expressions
        # An empty array has no type of its own.
        return _call("array_position", exp.cast(listed.copy(), "ARRAY<STRING>"), value)
    if isinstance(node, exp.DataType) and node.is_type(exp.DataType.Type.INT128):
        return exp.DataType.build("DECIMAL(38, 0)")
    return node


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])


def spark_features(
    session: SparkSession,
    transactions: DataFrame,
    snapshots: DataFrame,
    catalogue: Catalogue,
) -> DataFrame:
    """Compute the catalogue's features of ``snapshots`` (snapshot, customer_id, as_of, ...).

    Parameters
    ----------
    transactions : DataFrame
        The canonical columns of a ledger; ``amount`` and ``balance`` DECIMAL.
    snapshots : DataFrame
        One row a snapshot, ``snapshot`` naming it; further columns are handed through.

    Returns
    -------
    DataFrame
        The columns of ``snapshots`` and one DOUBLE a feature, in no order; as `build_features`
        gives them, NULL for NaN.
    """
    from pyspark.sql import functions as sql

    columns = frozenset(transactions.columns)
    transactions.createOrReplaceTempView("transactions")
    snapshots.createOrReplaceTempView("snapshots")
    found = snapshots
    for level in LEVELS:
        features = [feature for feature in catalogue.features if feature.over == level]
        if not features:
            continue
        query = spark_sql(catalogue, level, columns)
        categories = sql.array(*[sql.lit(name) for name in catalogue.categories])
        bound = {"categories": categories} if ":categories" in query else {}
        computed = session.sql(query, args=bound).withColumn("seen", sql.lit(True))
        found = found.join(computed, on="snapshot", how="left")
        found = found.withColumns({f.name: _value(f, catalogue) for f in features}).drop("seen")
    return found


def _value(feature: Feature, catalogue: Catalogue) -> Column:
    """Return the column of a feature: as computed, or what its absence of transactions means."""
    from pyspark.sql import functions as sql

    value = catalogue.silent[feature.name]
    silent = sql.lit(None if math.isnan(value) else value).cast("double")
    return sql.when(sql.col("seen"), sql.col(_quoted(feature.name))).otherwise(silent)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
