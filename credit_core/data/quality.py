"""What a stored ledger is like: its size and span, and what a reader should beware of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from credit_core.data.duck import identifier, text_literal
from credit_core.data.reading import Reading
from credit_core.data.remarks import ODD_CUSTOMER
from credit_core.data.store import MOST_VALUES, VALUED, Dataset, Values
from credit_core.errors import InputError

_MOST_ODD = 5
_FENCE = 1.5
"""Interquartile ranges beyond the upper quartile (Tukey's fence), on the log of amounts."""


@dataclass(frozen=True)
class Gap:
    """Consecutive days without any transaction, both ends included."""

    start: str
    end: str
    days: int


@dataclass(frozen=True)
class Quality:
    """Facts about a ledger.

    ``single_transaction_customers`` are customers with one transaction; ``silent_days`` days of
    the span without any, the longest stretch of them being ``longest_gap``. ``constant_columns``
    hold one value (or none) throughout. ``exact_copies`` are rows equal to an earlier one in every
    column; they are kept, since without a transaction id two equal payments are possible.
    ``outliers`` counts amounts above ``outlier_limit``, one and a half interquartile ranges of
    log10 |amount| above its upper quartile (in hundredths of a decade); ``largest`` is the largest
    |amount|. ``odd_customers`` are (id, rows) of ids that look like none, most rows first.
    ``currencies`` are (code, rows), most frequent first.
    """

    rows: int
    customers: int
    first: datetime | None
    last: datetime | None
    has_time_of_day: bool
    has_money_in: bool
    single_transaction_customers: int
    silent_days: int
    longest_gap: Gap | None
    constant_columns: tuple[str, ...]
    exact_copies: int
    outliers: int
    outlier_limit: float | None
    largest: float
    odd_customers: tuple[tuple[str, int], ...]
    currencies: tuple[tuple[str, int], ...]

    def facts(self) -> dict[str, Any]:
        """Return what is not told elsewhere about the dataset, JSON-ready."""
        told = ("rows", "customers", "first", "last", "has_time_of_day", "has_money_in")
        return {name: value for name, value in asdict(self).items() if name not in told}


def complete(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    columns: tuple[str, ...],
    values: dict[str, Values],
) -> dict[str, Values]:
    """Return the known ``values``, and those of other columns that are kept where they are few."""
    found, stored = dict(values), f"read_parquet({text_literal(str(dataset.transactions_path))})"
    for name in VALUED.intersection(columns).difference(values):
        rows = _values(connection, stored, name, limit=MOST_VALUES + 1)
        if len(rows) <= MOST_VALUES:
            found[name] = rows
    return found


class Listed(NamedTuple):
    """Facts about the customers of a ledger, as `Quality` has them."""

    customers: int
    single: int
    odd: list[tuple[str, int]] | None


def measure_customers(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> Listed:
    """Measure the stored list of a ledger's customers."""
    found = _one(
        connection,
        f"""SELECT count(*), count(*) FILTER (WHERE transactions = 1),
            list((customer_id, transactions) ORDER BY transactions DESC, customer_id) FILTER (WHERE
                regexp_full_match(customer_id, {text_literal(ODD_CUSTOMER)}))[:{_MOST_ODD}]
        FROM read_parquet({text_literal(str(dataset.customers_path))})""",
    )
    return Listed(*found)


def measure(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    columns: tuple[str, ...],
    reading: Reading,
    values: dict[str, Values],
    listed: Callable[[], Listed],
) -> Quality:
    """Measure a stored ledger of these canonical columns.

    ``values`` are those of columns of which they are known, None among them, each with its rows.
    ``listed`` returns what is known of its customers; it is called last, for it may have to wait.

    Raises
    ------
    InputError
        Where amounts are in several currencies, so that no sum of them means anything.
    """
    path = dataset.transactions_path
    stored = f"read_parquet({text_literal(str(path))})"
    rows, least, most = _one(
        connection,
        f"SELECT count(*), coalesce(min(amount), 0), coalesce(max(amount), 0) FROM {stored}",
    )
    days: list[tuple[date, datetime, datetime]] = connection.execute(
        f"""SELECT CAST(timestamp AS DATE) AS day, min(timestamp), max(timestamp)
        FROM {stored} GROUP BY day ORDER BY day"""
    ).fetchall()
    if "currency" in columns and "currency" not in values:
        values = {**values, "currency": _values(connection, stored, "currency")}
    currencies = _currencies(values.get("currency", Counter()))
    refuse_several_currencies(currencies, reading.source.name)
    silent, gap = _gaps([day for day, _, _ in days])
    outliers, limit = _outliers(connection, stored)
    copies = 0 if "transaction_id" in columns else _copies(connection, stored, columns)
    known = {name: len(+found) < 2 for name, found in values.items()}
    constant = _constant(connection, path, columns, known) if rows > 1 else ()
    customers, single, odd = listed()
    return Quality(
        rows=rows,
        customers=customers,
        first=days[0][1] if days else None,
        last=days[-1][2] if days else None,
        has_time_of_day=any(latest.time() != time.min for _, _, latest in days),
        has_money_in=least < 0,
        single_transaction_customers=single,
        silent_days=silent,
        longest_gap=gap,
        constant_columns=constant,
        exact_copies=copies,
        outliers=outliers,
        outlier_limit=limit,
        largest=float(max(abs(least), abs(most))),
        odd_customers=tuple((str(name), int(count)) for name, count in odd or ()),
        currencies=currencies,
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    (row,) = connection.execute(query).fetchall()
    return tuple(row)


def _constant(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    columns: tuple[str, ...],
    known: dict[str, bool],
) -> tuple[str, ...]:
    """Return the columns with one value, or none, throughout: by the file's statistics, if any.

    Of some it may be ``known`` already.

    These are texts, of which nothing but equality means anything.
    """
    found = connection.execute(
        f"""SELECT path_in_schema, count(stats_null_count) = 0 AS unknown,
            coalesce(sum(stats_null_count) = sum(num_values), false)
            OR coalesce(sum(stats_null_count) = 0 AND count(stats_min_value) = count(*)
                AND min(least(stats_min_value, stats_max_value))
                  = max(greatest(stats_min_value, stats_max_value)), false) AS same
        FROM parquet_metadata({text_literal(str(path))}) GROUP BY 1"""
    ).fetchall()
    same = {name for name, unknown, constant in found if constant and not unknown}
    same |= {name for name, constant in known.items() if constant}
    open_yet = {name for name, unknown, _ in found if unknown}
    for name in open_yet.intersection(columns).difference(known):
        few = f"SELECT DISTINCT {identifier(name)} FROM read_parquet({text_literal(str(path))})"
        if len(connection.execute(f"{few} LIMIT 2").fetchall()) < 2:
            same.add(name)
    return tuple(name for name in columns if name in same)


def _values(
    connection: duckdb.DuckDBPyConnection, stored: str, column: str, limit: int = 1 << 31
) -> Values:
    """Return the values of a column as they are written, so many of them at most."""
    query = f"SELECT {identifier(column)}, count(*) FROM {stored} GROUP BY 1 LIMIT {limit}"
    return Counter(dict(connection.execute(query).fetchall()))


def _currencies(codes: Values) -> tuple[tuple[str, int], ...]:
    """Return (code, rows) of the currencies, in capital letters, most frequent first."""
    found: Counter[str] = Counter()
    for code, rows in codes.items():
        if code is not None:
            found[code.upper()] += rows
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def refuse_several_currencies(found: Sequence[tuple[str, int]], name: str) -> None:
    """Refuse a ledger in more than one currency; ``found`` has (code, rows), most rows first."""
    if len(found) > 1:
        listed = ", ".join(f"{code[:12]!r} {count:,} rows" for code, count in found[:5])
        raise InputError(
            f"{name} has amounts in {len(found)} currencies ({listed}), and sums over several "
            "mean nothing. Convert them first, or choose the one to keep in the mapping "
            f"(currency: {found[0][0][:12]}); rows in another are then set aside."
        )


def _gaps(days: list[date]) -> tuple[int, Gap | None]:
    """Return the number of days without a transaction and the longest stretch of them.

    ``days`` are those with one, in order.
    """
    spans = [(after - before).days - 1 for before, after in pairwise(days)]
    if not any(spans):
        return 0, None
    at = int(np.argmax(spans))
    one = timedelta(days=1)
    start, end = (days[at] + one).isoformat(), (days[at + 1] - one).isoformat()
    return sum(spans), Gap(start, end, spans[at])


def _copies(connection: duckdb.DuckDBPyConnection, stored: str, columns: tuple[str, ...]) -> int:
    hashes = connection.execute(f"SELECT hash({', '.join(columns)}) AS h FROM {stored}")
    sorted_hashes = np.sort(hashes.fetchnumpy()["h"])
    return int((sorted_hashes[1:] == sorted_hashes[:-1]).sum())


def _outliers(connection: duckdb.DuckDBPyConnection, stored: str) -> tuple[int, float | None]:
    """Return how many amounts are far out, and the limit beyond which they are."""
    rows = connection.execute(
        f"""SELECT CAST(floor(log10(CAST(abs(amount) AS DOUBLE)) * 100) AS INTEGER) AS size,
                   count(*) FROM {stored} WHERE amount <> 0 GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    if not rows:
        return 0, None
    sizes, counts = np.array(rows).T
    share = np.cumsum(counts) / counts.sum()
    lower, upper = sizes[np.searchsorted(share, [0.25, 0.75])]
    if upper == lower:
        return 0, None
    fence = upper + 1 + _FENCE * (upper - lower)
    return int(counts[sizes >= fence].sum()), float(10 ** (fence / 100))
