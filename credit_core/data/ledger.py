"""A dataset opened for questions: a locked connection with the view ``transactions``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import duckdb
import pandas as pd
import pyarrow as pa

from credit_core.data.contract import COLUMNS, SQL_TYPES
from credit_core.data.duck import connect, identifier, text_literal
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.settings import Settings

NUMBER = "customer_number"
"""The column by which large ledgers, and their customers, say in short which customer it is."""


class Span(Protocol):
    """What begins and ends, as a ledger does."""

    @property
    def first(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


@dataclass(frozen=True)
class Ledger:
    """Transactions behind a DuckDB relation, and the facts feature building needs.

    ``columns`` are the canonical columns present; ``end`` is the midnight after the last
    transaction, the latest moment a snapshot may be taken at. ``numbered`` says that the view
    ``transactions`` and the customers have a customer's number, too; ``compiles`` that there is
    memory for compiled loops. ``values`` has, for some columns of the view ``transactions``, every
    value with its rows, most frequent first.
    """

    connection: duckdb.DuckDBPyConnection
    columns: frozenset[str]
    has_time_of_day: bool
    has_money_in: bool
    first: datetime
    end: datetime
    relation: str = "transactions"
    numbered: bool = False
    compiles: bool = True
    values: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)

    @property
    def customers(self) -> str:
        """SQL for the customers: ``customer_id``, ``transactions``, ``first`` and ``last``."""
        if self.relation == "transactions":
            return "customers"
        return f"({customers_sql(self.relation)})"

    @property
    def key(self) -> str:
        """The column of ``relation`` by which a customer's transactions are found fastest."""
        whole = self.relation == "transactions"
        return NUMBER if self.numbered and whole else "customer_id"

    def values_of(self, column: str) -> Sequence[tuple[str, int]] | None:
        """Return a column's values with their rows, most frequent first; None if not known."""
        return self.values.get(column) if self.relation == "transactions" else None

    @contextmanager
    def given(self, name: str, table: pd.DataFrame | pa.Table) -> Iterator[None]:
        """Let queries read a table under a name."""
        self.connection.register(name, table)
        try:
            yield
        finally:
            self.connection.unregister(name)

    def frame(self, query: str, parameters: dict[str, Any] | None = None) -> pd.DataFrame:
        """Run a query on this ledger's connection and return its rows."""
        return self.connection.execute(query, parameters or {}).fetch_df()

    def run(self, statement: str, parameters: dict[str, Any] | None = None) -> None:
        """Run a statement for its effect on this connection."""
        self.connection.execute(statement, parameters or {}).fetchall()

    def one(self, query: str, parameters: dict[str, Any] | None = None) -> tuple[Any, ...]:
        """Run a query that gives exactly one row, and return it."""
        rows = self.connection.execute(query, parameters or {}).fetchall()
        (row,) = rows
        return row

    @property
    def abilities(self) -> frozenset[str]:
        """What features may ask for: the columns, ``time_of_day`` and ``money_in``."""
        extra = {"time_of_day"} if self.has_time_of_day else set()
        return self.columns | extra | ({"money_in"} if self.has_money_in else set())


def midnight_after(moment: datetime) -> datetime:
    """Return the first midnight strictly after ``moment``.

    >>> midnight_after(datetime(2024, 3, 31, 9, 30))
    datetime.datetime(2024, 4, 1, 0, 0)
    """
    return datetime(moment.year, moment.month, moment.day) + timedelta(days=1)


def customers_sql(relation: str) -> str:
    """Return the query of the customers of a relation of transactions."""
    return f"""SELECT customer_id, count(*) AS transactions,
        min(timestamp) AS first, max(timestamp) AS last
    FROM {relation} GROUP BY customer_id"""


@contextmanager
def open_ledger(dataset: Dataset, settings: Settings) -> Iterator[Ledger]:
    """Open a stored dataset's transactions."""
    if dataset.first is None or dataset.last is None:
        raise InputError(f"{dataset.name} holds applications but no transactions.")
    with connect(settings, [dataset.folder]) as connection:
        path = text_literal(str(dataset.transactions_path.resolve()))
        customers, numbered = customers_sql("transactions"), False
        if dataset.customers_path.exists():  # a dataset stored earlier has none
            listed = text_literal(str(dataset.customers_path.resolve()))
            customers = f"SELECT * FROM read_parquet({listed})"
            numbered = NUMBER in connection.sql(customers).columns
        # Only the canonical columns and this one: the file may carry intake's own.
        columns = [identifier(name) for name in dataset.columns] + [NUMBER] * numbered
        connection.execute(
            f"CREATE VIEW transactions AS SELECT {', '.join(columns)} FROM read_parquet({path})"
        )
        connection.execute(f"CREATE VIEW customers AS {customers}")
        yield Ledger(
            connection,
            frozenset(dataset.columns),
            dataset.has_time_of_day,
            dataset.has_money_in,
            datetime(dataset.first.year, dataset.first.month, dataset.first.day),
            midnight_after(dataset.last),
            numbered=numbered,
            compiles=settings.compiles,
            values=dataset.values,
        )


@contextmanager
def ledger_of(frame: pd.DataFrame, settings: Settings) -> Iterator[Ledger]:
    """Open canonical transactions held in memory (one applicant, a what-if)."""
    columns = [column for column in COLUMNS if column.name in frame.columns]
    typed = ", ".join(f"CAST({c.name} AS {SQL_TYPES[c.kind]}) AS {c.name}" for c in columns)
    with connect(settings) as connection:
        connection.register("given", frame)
        connection.execute(f"CREATE TABLE transactions AS SELECT {typed} FROM given")
        connection.execute(f"CREATE VIEW customers AS {customers_sql('transactions')}")
        first, last = frame["timestamp"].min(), frame["timestamp"].max()
        yield Ledger(
            connection,
            frozenset(column.name for column in columns),
            has_time_of_day=True,
            has_money_in=True,
            first=first.to_pydatetime(),
            end=midnight_after(last.to_pydatetime()),
        )
