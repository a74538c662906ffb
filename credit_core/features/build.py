"""Features of snapshots, from SQL over (snapshots join transactions): one aggregation a level."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from credit_core.data.duck import identifier
from credit_core.data.ledger import Ledger
from credit_core.features.catalogue import BIT, LEVELS, MONTH, MOVED, Catalogue, Level, total_of
from credit_core.memory import in_small_pages

_ROWS = 65_536
"""Rows that leave the engine together."""
_BITS = 62
"""Values of a column that each get a bit of a 64-bit mask."""
_MANY = 1000
"""Snapshots from which numbering the values of a column is worth a query."""
MOST_GROUPED_BY_SQL = 50_000
"""Snapshots up to which DuckDB's own aggregates are at least as fast as `totals`."""
MOST_AT_ONCE = 500_000
"""Snapshots of which `totals` keeps something at once."""
_LEDGER_COLUMNS = ("amount", "balance", "is_fraud", "channel", "category")
DERIVED = {
    "is_weekend": "isodow(timestamp) >= 6",
    "is_night": "hour(timestamp) < 6",
    "category_index": "list_position($categories, category)",
    "is_refund": "category = 'refund'",
    "moved": "abs(amount)",
}
"""What depends on the transaction alone."""
SECONDS = "CAST(date_diff('second', t.timestamp, as_of) AS INTEGER)"
"""How long before as_of a transaction was."""
MONTHLY = {name: total_of(each) for name, each in MOVED.items()}
"""What the features over months are computed from, for each snapshot and block."""


def inside_sql(catalogue: Catalogue) -> str:
    """Return the condition that a transaction lies in the observation window."""
    days = catalogue.observation_days
    return f"t.timestamp < as_of AND t.timestamp >= as_of - to_days({days})"


def block_sql(catalogue: Catalogue) -> str:
    """Return the 30-day block of a transaction, from its ``seconds``."""
    return f"least(CAST((seconds - 1) // {MONTH * 86400} AS INTEGER), {catalogue.blocks - 1})"


def placed_sql(
    catalogue: Catalogue,
    expressions: str,
    relation: str,
    columns: frozenset[str],
    numbered: Iterable[str] = (),
    *,
    single: bool = False,
    key: str = "customer_id",
) -> str:
    """Return the query of the transactions inside the windows of ``snapshots``.

    Its columns are ``snapshot``, ``seconds`` before as_of, ``block`` and those of the ledger, or
    derived from it, that the expressions name; in a ``single`` query there is no ``snapshot``, and
    ``key`` where the expressions name it. The other parameters are those of `feature_sql`.
    """
    derived = {name: name for name in _LEDGER_COLUMNS if name in columns} | DERIVED
    for name in numbered:
        derived[f"{name}_place"] = f"list_position(${name}_values, {name})"
    read = set(re.findall(r"\w+", expressions))
    # What depends on the transaction alone is worked out before the join, where columns of few
    # values still come as a dictionary and are worked out once a value.
    kept = [
        sql if sql == name else f"{sql} AS {name}" for name, sql in derived.items() if name in read
    ]
    window, seconds = inside_sql(catalogue), f"{SECONDS} AS seconds"
    if single:
        kept += [key] * (key in read)
        inside = f"SELECT {', '.join([seconds, *kept])} FROM {relation} t WHERE {window}"
    else:
        inside = f"""SELECT s.snapshot, t.*, {seconds}
      FROM snapshots s
      JOIN (SELECT {", ".join([key, "timestamp", *kept])} FROM {relation}) t
        ON t.{key} = s.{key}
      WHERE {window}"""
    return f"""
    SELECT *, {block_sql(catalogue)} AS block
    FROM (
      {inside}
    )"""


def expressions_of(
    catalogue: Catalogue, levels: Sequence[Level], numbered: Iterable[str] = ()
) -> dict[str, str]:
    """Return {feature: its SQL} of levels; distinct values of ``numbered`` are counted by mask."""
    found = {f.name: f"CAST({f.sql} AS DOUBLE)" for f in catalogue.features if f.over in levels}
    for name in numbered:
        counted = f"coalesce(bit_count(bit_or({BIT} << {name}_place)), 0)"
        found = {f: sql.replace(f"count(DISTINCT {name})", counted) for f, sql in found.items()}
    return found


def selected_sql(expressions: dict[str, str]) -> str:
    """Return the list of a SELECT that gives each expression its name."""
    return ", ".join(f"{sql} AS {identifier(name)}" for name, sql in expressions.items())


def feature_sql(
    catalogue: Catalogue,
    levels: Sequence[Level],
    relation: str,
    columns: frozenset[str],
    numbered: Iterable[str] = (),
    *,
    key: str = "customer_id",
) -> str:
    """Return the query of levels over ``snapshots`` (snapshot, ``key``, as_of) and a ledger.

    A transaction counts for a snapshot only inside ``[as_of - observation_days, as_of)``. Snapshots
    without a transaction give no row. Months are a level by themselves; the others can be asked
    together. The parameter ``categories``, where it occurs, is the catalogue's list.

    Columns in ``numbered`` have few values, given by the parameter of that name with ``_values``
    after it: counting them distinct is then counting the bits of a mask.
    """
    selected = selected_sql(expressions_of(catalogue, levels, numbered))
    monthly = selected_sql(MONTHLY)
    read = monthly if "months" in levels else selected
    placed = placed_sql(catalogue, read, relation, columns, numbered, key=key)
    if "months" in levels:
        placed = f"""
    SELECT snapshot, block, {monthly}
    FROM ({placed}
    ) GROUP BY snapshot, block"""
    return f"SELECT snapshot, {selected}\nFROM ({placed}\n) GROUP BY snapshot"


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
    (table,) = features_in_parts(ledger, snapshots, catalogue, [slice(0, len(snapshots))])
    return table


def features_in_parts(
    ledger: Ledger, snapshots: pd.DataFrame, catalogue: Catalogue, parts: Iterable[slice]
) -> Iterator[pd.DataFrame]:
    """Compute the features of parts of ``snapshots``, one after the other, as they are asked for.

    The tables are those of `build_features`, to the bit. Where snapshots are many the transactions
    are read once for several parts, and half a kilobyte is kept of each snapshot.
    """
    keyed = _keyed(ledger, snapshots)
    for some in _together(parts):
        first, last = some[0].start, some[-1].stop
        numbered = keyed.iloc[first:last].reset_index(drop=True)
        numbered.insert(0, "snapshot", np.arange(last - first, dtype=np.int32))
        computed = _computed(ledger, numbered, catalogue)
        for part in some:
            inside = slice(part.start - first, part.stop - first)
            yield _table(computed, inside, catalogue)


def _together(parts: Iterable[slice]) -> Iterator[list[slice]]:
    """Yield the parts for which transactions are read at once."""
    some: list[slice] = []
    for part in parts:
        if some and part.stop - some[0].start > MOST_AT_ONCE:
            yield some
            some = []
        some.append(part)
    if some:
        yield some


def _table(computed: Computed, part: slice, catalogue: Catalogue) -> pd.DataFrame:
    places = {feature.name: j for j, feature in enumerate(catalogue.features)}
    rows = part.stop - part.start
    # Written by and by, column by column: a page at a time costs a quarter of numpy's large ones.
    memory = in_small_pages(8 * len(places) * rows)
    table = np.frombuffer(memory, count=len(places) * rows).reshape(len(places), rows)
    seen = np.zeros(rows, dtype=np.bool_)

    def put(found: Iterable[pa.RecordBatch], absent: NDArray[np.integer]) -> None:
        for batch in found:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            mine = _places_of(columns.pop("snapshot").to_numpy() - part.start)
            seen[mine] = True
            for name, column in columns.items():
                table[places[name]][mine] = column.to_numpy(zero_copy_only=False)
        seen[absent - part.start] = False

    computed(part, put)
    # A snapshot without a row is silent; a NULL is a value that cannot be said.
    table[:, ~seen] = np.array(list(catalogue.silent.values()))[:, None]
    return pd.DataFrame(table.T, columns=list(places), copy=False)


def _keyed(ledger: Ledger, snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return snapshots with the column that is the ledger's key of a customer, and as_of."""
    found = snapshots[["customer_id", "as_of"]].reset_index(drop=True)
    if ledger.key == "customer_id":
        return found
    query = f"SELECT row, {ledger.key} FROM snapshots JOIN customers USING (customer_id)"
    rows = {"customer_id": pa.array(found["customer_id"]), "row": found.index.to_numpy()}
    with ledger.given("snapshots", pa.table(rows)):
        known = ledger.connection.execute(query).fetchnumpy()
    numbers = np.full(len(found), -1, dtype=np.int32)  # no customer has this one
    numbers[known["row"]] = known[ledger.key]
    return found[["as_of"]].assign(**{ledger.key: numbers})


def _places_of(rows: NDArray[np.integer]) -> NDArray[np.integer] | slice:
    """Return what to index by: rows that follow one another are written much faster as a slice."""
    if len(rows) and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


Put = Callable[[Iterable[pa.RecordBatch], NDArray[np.integer]], None]
"""What takes the values of features, at the places in the column ``snapshot``, and the places of
snapshots that have no transaction, whatever is said of them."""
Computed = Callable[[slice, Put], None]
"""What computes the features of a part of the snapshots and hands on what it found: perhaps several
threads at once, each of other snapshots or features."""


def _computed(ledger: Ledger, snapshots: pd.DataFrame, catalogue: Catalogue) -> Computed:
    """Return what computes the features of parts of a table: snapshot (from 0), key and as_of."""
    values = _few_values(ledger, len(snapshots))
    if ledger.compiles and len(snapshots) > MOST_GROUPED_BY_SQL:
        from credit_core.features.totals import grouped_features

        found = grouped_features(ledger, snapshots, catalogue, values)
        if found is not None:
            return found

    def by_sql(part: slice, put: Put) -> None:
        for level in LEVELS:
            if all(feature.over != level for feature in catalogue.features):
                continue
            query = feature_sql(
                catalogue, (level,), ledger.relation, ledger.columns, values, key=ledger.key
            )
            bound = bindings(catalogue, values, query)
            with ledger.given("snapshots", snapshots.iloc[part]):
                found = ledger.connection.sql(query, params=bound or None)
                put(found.to_arrow_reader(_ROWS), np.empty(0, dtype=np.int32))

    return by_sql


def bindings(
    catalogue: Catalogue, values: dict[str, list[str]], query: str
) -> dict[str, list[str]]:
    """Return what the parameters of a query stand for."""
    parameters = {f"{name}_values": given for name, given in values.items()}
    parameters["categories"] = list(catalogue.categories)
    return {name: value for name, value in parameters.items() if f"${name}" in query}


def _few_values(ledger: Ledger, snapshots: int) -> dict[str, list[str]]:
    """Return the values of the columns that have few of them, where counting them so pays."""
    if snapshots < _MANY:
        return {}
    found: dict[str, list[str]] = {}
    for name in ("channel", "category"):
        if (known := ledger.values_of(name)) is not None:
            values = [(value,) for value, _ in known]
        elif name in ledger.columns:
            query = f"SELECT DISTINCT {name} FROM {ledger.relation} WHERE {name} IS NOT NULL"
            values = ledger.connection.execute(f"{query} LIMIT {_BITS + 1}").fetchall()
        else:
            continue
        if len(values) <= _BITS:
            found[name] = [value for (value,) in values]
    return found


def frequent_categories(ledger: Ledger, before: datetime, limit: int) -> tuple[str, ...]:
    """Return the most frequent categories before a date, most frequent first, ties by name."""
    if limit == 0 or "category" not in ledger.columns:
        return ()
    known = ledger.values_of("category")
    if known is not None and before >= ledger.end:
        return tuple(value for value, _ in known[:limit])
    rows = ledger.connection.execute(
        f"""SELECT category FROM {ledger.relation}
        WHERE category IS NOT NULL AND timestamp < $before
        GROUP BY category ORDER BY count(*) DESC, category LIMIT $limit""",
        {"before": before, "limit": limit},
    ).fetchall()
    return tuple(row[0] for row in rows)
