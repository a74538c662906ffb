"""Rows set aside: where each stands in the file, what is wrong with it, and the file of them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.data.reading import LONGEST_LINE, REASONS, Reading
from credit_core.data.source import RecordIndex, Source, index_records
from credit_core.errors import InputError

_DANGEROUS_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001
_LONGEST_VALUE = 200
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Broken:
    """A record the reader could not hand out: its line, its text, and why.

    ``reason`` is None where only a cell could not be cast, so that the record can be read again.
    """

    line: int
    text: str
    reason: str | None


def turned_away(connection: duckdb.DuckDBPyConnection, source: Source) -> list[Broken]:
    """Return the records the reader turned away in its last pass, by line."""
    kinds = {
        "MISSING COLUMNS": "too_few_fields",
        "TOO MANY COLUMNS": "too_many_fields",
        "LINE SIZE OVER MAXIMUM": "line_too_long",
        "INVALID ENCODING": "not_utf8",
    }
    _refuse_endless(connection, source)
    # DuckDB's own line numbers skip blank lines and count quoted newlines differently; the byte
    # position is exact. One record may have several errors; a cast is the least of them.
    rows = connection.execute(
        """SELECT line_byte_position, max(CAST(error_type AS VARCHAR))
                  FILTER (WHERE error_type <> 'CAST'), any_value(csv_line)
        FROM reject_errors GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    lines = source.lines_at(position for position, _, _ in rows)
    found = []
    for position, kind, text in rows:
        text = (text or "").strip("\r\n")
        reason = None if kind is None else kinds.get(kind, "unreadable")
        if reason is None and len(source.cells(text)) != len(source.header):
            reason = "unreadable"
        if reason == "unreadable" and source.runs_on(text):
            raise source.never_closed(lines[position])
        found.append(Broken(lines[position], text, reason))
    return found


def _refuse_endless(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Refuse a file with a quoted cell too long for the reader, which then loses its way."""
    lost = connection.execute(
        "SELECT count(*) FROM reject_errors WHERE error_type = 'UNQUOTED VALUE'"
    ).fetchall()
    if lost[0][0]:
        index = index_records(source)
        endless = np.flatnonzero(index.ends - index.starts > LONGEST_LINE)
        if len(endless):
            raise source.never_closed(int(index.lines[endless[0]]))


@dataclass(frozen=True)
class Located:
    """The records the reader handed out, in the file's order: the line each starts on.

    ``index`` also says where each lies, None where a parser had to count them.
    """

    lines: IntArray
    index: RecordIndex | None


def locate(source: Source, broken: list[Broken], staged: int) -> Located:
    """Find the lines of all records the reader handed out.

    Raises
    ------
    InputError
        Where the file holds another number of records than the reader saw: a quotation mark
        swallowed some.
    """
    skipped = {record.line for record in broken}
    index = index_records(source).without(skipped)
    if len(index.starts) == staged:
        several = np.flatnonzero(np.diff(index.lines, append=source.lines + 1) > 1)
        texts = _texts(source, Located(index.lines, index), list(index.lines[several]))
        for line, text in zip(index.lines[several], texts, strict=True):
            if source.swallows(source.cells(text)):
                raise source.never_closed(int(line))
        return Located(index.lines, index)
    # Quotation marks inside unquoted cells mislead the index, not a parser.
    lines = _lines(source, skipped)
    _refuse_lost_records(source, len(lines), staged)
    return Located(lines, None)


def expect_records(source: Source, staged: int) -> None:
    """Check the reader's count against the lines of the file, and count records if they differ."""
    if source.kind == "csv" and staged != source.lines - source.header_line:
        _refuse_lost_records(source, len(_lines(source, set())), staged)


def _lines(source: Source, skipped: set[int]) -> IntArray:
    """Return the lines the records start on, as a parser counts them, but for those skipped.

    Raises
    ------
    InputError
        Where a cell holds whole records, so that two quotation marks were never closed.
    """
    lines = []
    for line, cells in source.records():
        if line in skipped:
            continue
        if any("\n" in cell for cell in cells) and source.swallows(cells):
            raise source.never_closed(line)
        lines.append(line)
    return np.array(lines, dtype=np.int64)


def _refuse_lost_records(source: Source, counted: int, staged: int) -> None:
    """Refuse a file of which the reader saw another number of records than a parser counts."""
    if counted == staged:
        return
    if not source.quoted:  # the engine's reader gives up where too much in a row is wrong
        raise InputError(
            f"{source.name}: too many rows on end do not have the {len(source.header)} columns of "
            "the header, so it could not be read to its end; check that every row has as many "
            "cells as the header, and export it again."
        )
    longest, span, last = 0, 0, 0
    for line, _ in source.records():
        if line - last > span:
            longest, span, last = last, line - last, line
        last = line
    if source.lines - last > span:
        longest = last
    raise source.never_closed(longest)


@dataclass(frozen=True)
class Rejects:
    """All rows set aside, by line: ``line``, ``column`` ('' = the whole row) and ``reason``."""

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @staticmethod
    def of(lines: list[int] | IntArray, columns: list[str], reasons: list[str]) -> Rejects:
        table = pd.DataFrame(
            {
                "line": np.asarray(lines, dtype=np.int64),
                "column": pd.Series(columns, dtype="str"),
                "reason": pd.Series(reasons, dtype="str"),
            }
        )
        return Rejects(table)

    def joined(self, other: Rejects) -> Rejects:
        """Return the rows of both, by line."""
        both = pd.concat([self.table, other.table], ignore_index=True)
        return Rejects(both.sort_values("line", kind="stable", ignore_index=True))

    def by_reason(self) -> dict[str, int]:
        """Return {'column: reason' in words: rows}."""
        pairs = Counter(zip(self.table["column"], self.table["reason"], strict=True))
        return {describe(column, reason): count for (column, reason), count in pairs.items()}

    def rows(self) -> Iterator[tuple[int, str, str]]:
        return zip(self.table["line"], self.table["column"], self.table["reason"], strict=True)


def describe(column: str, reason: str) -> str:
    """Return 'column: reason' in words."""
    return f"{column}: {REASONS[reason]}" if column else REASONS[reason]


def write_rejects(
    rejects: Rejects, values: Iterable[str], path: Path
) -> tuple[int, str, str] | None:
    """Write line, column, value and reason of each row; return the first (line, what, value)."""
    first = None
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["line", "column", "value", "reason"])
        for (line, column, reason), value in zip(rejects.rows(), values, strict=True):
            first = first or (int(line), describe(column, reason), value)
            writer.writerow([line, column, shown_value(value), REASONS[reason]])
    return first


def shown_value(value: str) -> str:
    """Return what stood in a rejected cell as the file of rejects shows it."""
    return plain_cell(value[:_LONGEST_VALUE])


def plain_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> plain_cell("=1+1"), plain_cell("rent")
    ("'=1+1", 'rent')
    """
    return "'" + text if text.startswith(_DANGEROUS_STARTS) else text


def values_of(
    rejects: Rejects, reading: Reading, located: Located | None, broken: list[Broken]
) -> Iterator[str]:
    """Yield what stood in each rejected cell, as text (the whole row where no cell is named)."""
    source = reading.source
    if source.kind == "parquet":
        yield from _parquet_values(rejects, reading)
        return
    turned = {record.line: record.text for record in broken}
    texts = _texts(source, located, [line for line in rejects.table["line"] if line not in turned])
    for line, column, _ in rejects.rows():
        text = turned[line] if line in turned else next(texts)
        if not column:
            yield text
            continue
        yield source.cells(text)[reading.header_index(column)]


def _texts(source: Source, located: Located | None, lines: list[int]) -> Iterator[str]:
    """Yield the records that start on these lines (ascending), as text."""
    if not lines:
        return
    if located is None or located.index is None:
        wanted = set(lines)
        for line, cells in source.records():
            if line in wanted:
                yield source.joined(cells)
        return
    places = np.searchsorted(located.lines, lines)
    starts, ends = located.index.starts, located.index.ends
    with source.path.open("rb") as stream:
        for place in places:
            stream.seek(int(starts[place]))
            yield (
                stream.read(int(ends[place] - starts[place]))
                .decode("utf-8", errors="replace")
                .rstrip("\r\n")
            )


def _parquet_values(rejects: Rejects, reading: Reading) -> Iterator[str]:
    import pyarrow.parquet as pq

    header = reading.source.header
    headers = {
        name: header[reading.header_index(name)] for name in rejects.table["column"].unique()
    }
    table = pq.read_table(reading.source.path, columns=list(headers.values()))
    for line, column, _ in rejects.rows():
        value = table.column(headers[column])[int(line) - 1].as_py()
        yield "" if value is None else str(value)
