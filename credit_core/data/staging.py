"""The pass over a transactions file: every record checked and staged, and what repeats found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from credit_core.data import lines
from credit_core.data.contract import SQL_TYPES
from credit_core.data.duck import text_literal
from credit_core.data.reading import Reading, checked_sql, raw_sql
from credit_core.data.rejects import Broken, turned_away
from credit_core.data.store import Values
from credit_core.settings import Settings

_ROW_GROUP = 40_960


@dataclass(frozen=True)
class Pass:
    """What one pass over the file gave.

    ``staged`` records were handed out by the reader, ``broken`` turned away; those of them that
    only a cell kept back were read a second time and lie, typed and checked, in the table
    ``second``. ``finished`` says that the stage is the ledger as it is to be, with what could be
    read the second time; its ``customers`` may be known then, and the ``values`` of some columns.
    """

    staged: int
    problems: int
    broken: list[Broken]
    finished: bool = False
    customers: pa.Table | None = None
    values: dict[str, Values] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        return self.staged + len(self.broken)


def first_pass(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    stage: Path,
    settings: Settings,
    tell: Callable[[float], None] = lambda _share: None,
    *,
    finish: bool = False,
) -> Pass:
    """Write every record the reader hands out to ``stage``, in order, with its problem.

    With ``finish`` the stage may already be finished, where the file is such that it can be.
    ``tell`` hears the share of a large file that is done.
    """
    if lines.can_read(reading, settings):

        def again(broken: list[Broken]) -> pa.Table:
            _read_again(connection, reading, broken, settings)
            query = f"SELECT {reading.names} FROM second WHERE problem IS NULL ORDER BY line"
            return connection.sql(query).to_arrow_table()

        read = lines.read_lines(reading, stage, settings, again, tell, finish=finish)
        if read is not None:
            return Pass(read.rows, 0, read.broken, read.finished, read.customers, read.values)
    checked = checked_sql(reading, settings, raw_sql(reading))
    try:
        copy_to(connection, checked, stage)
        broken = turned_away(connection, reading.source) if reading.source.kind == "csv" else []
    except duckdb.OutOfMemoryException:
        if reading.cast_by_reader:
            return first_pass(connection, reading.tolerant(), stage, settings)
        raise
    doubtful = [record for record in broken if record.reason is None]
    if len(doubtful) > lines.MOST_DOUBTFUL:
        connection.execute("DELETE FROM reject_errors")
        return first_pass(connection, reading.tolerant(), stage, settings)
    _read_again(connection, reading, doubtful, settings)
    staged, problems = one_row(
        connection, f"SELECT count(*), count(problem) FROM {staged_rows(stage)}"
    )
    return Pass(staged, problems, broken)


def _read_again(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    again: list[Broken],
    settings: Settings,
) -> None:
    """Fill the table ``second`` with records the reader could not cast, read by tolerant SQL."""
    if not again:  # planning all of it takes longer than many a file
        typed = "".join(f"{column.name} {SQL_TYPES[column.kind]}, " for column in reading.columns)
        connection.execute(f"CREATE OR REPLACE TABLE second (line BIGINT, {typed}problem VARCHAR)")
        return
    reading = reading.tolerant()
    texts = [reading.source.cells(record.text) for record in again]
    width = len(reading.source.header)
    raw = pd.DataFrame(texts, columns=[f"c{i}" for i in range(width)], dtype="str")
    raw.insert(0, "line", np.array([record.line for record in again], dtype=np.int64))
    connection.register("turned_away", raw)
    checked = checked_sql(reading, settings, "turned_away", carried="line, ")
    connection.execute(f"CREATE OR REPLACE TABLE second AS {checked}")
    connection.unregister("turned_away")


def copy_to(connection: duckdb.DuckDBPyConnection, select: str, target: Path) -> None:
    connection.execute(
        f"COPY ({select}) TO {text_literal(str(target))} "
        f"(FORMAT parquet, PARQUET_VERSION v2, ROW_GROUP_SIZE {_ROW_GROUP}, "
        f"DICTIONARY_SIZE_LIMIT {_ROW_GROUP // 20})"
    )


def staged_rows(path: Path) -> str:
    return f"read_parquet({text_literal(str(path))}, file_row_number=true)"


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY always gives one row
    return row


def find_repeated(connection: duckdb.DuckDBPyConnection, reading: Reading, stage: Path) -> int:
    """Fill the table ``repeated`` with transaction ids seen more than once; return their count.

    ``conflicting`` says that the rows under the id differ.
    """
    connection.execute("CREATE TABLE repeated (transaction_id VARCHAR, conflicting BOOLEAN)")
    if "transaction_id" not in reading.mapping.columns:
        return 0
    rows = good_rows(reading, stage)
    # Sorted hashes find what repeats in a third of the memory of grouping the ids themselves.
    hashes = connection.execute(
        f"SELECT hash(transaction_id) AS h FROM ({rows}) WHERE transaction_id IS NOT NULL"
    ).fetchnumpy()["h"]
    hashes.sort()
    twice = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    if len(twice) == 0:
        return 0
    connection.register("twice", pd.DataFrame({"h": twice}))
    others = ", ".join(c.name for c in reading.columns if c.name != "transaction_id")
    connection.execute(
        f"""INSERT INTO repeated
        SELECT transaction_id, count(DISTINCT hash({others})) > 1
        FROM ({rows}) WHERE hash(transaction_id) IN (SELECT h FROM twice)
        GROUP BY 1 HAVING count(*) > 1"""
    )
    connection.unregister("twice")
    count: int = one_row(connection, "SELECT count(*) FROM repeated")[0]
    return count


def good_rows(reading: Reading, stage: Path) -> str:
    """Return SQL for the canonical columns of every row without a problem of its own."""
    names = reading.names
    return (
        f"SELECT {names} FROM {staged_rows(stage)} WHERE problem IS NULL "
        f"UNION ALL SELECT {names} FROM second WHERE problem IS NULL"
    )
