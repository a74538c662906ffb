"""A transactions file in slices of whole records, each checked alone, by the rules of intake.

What a slice cannot know, whether another one repeats its transactions, is left to whoever puts the
slices together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_core.data.contract import Column, Kind
from credit_core.data.duck import connect, sentences
from credit_core.data.intake import locate_staged, name_problems
from credit_core.data.reading import Reading
from credit_core.data.rejects import shown_value, values_of
from credit_core.data.source import Source, index_records
from credit_core.data.staging import first_pass, staged_rows
from credit_core.errors import InputError
from credit_core.settings import Settings

_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "timestamp": pa.timestamp("us"),
    "money": pa.decimal128(18, 4),
    "integer": pa.int32(),
    "flag": pa.bool_(),
}
_REJECTED = ("line", "rejected_column", "rejected_reason", "rejected_value")


@dataclass(frozen=True)
class Slice:
    """Whole records of a file: bytes ``[start, end)`` of a text, row groups of Parquet.

    ``before`` lines (of Parquet: rows) of the file come before it.
    """

    start: int
    end: int
    before: int


@dataclass(frozen=True)
class _SliceOf(Source):
    """A slice as a source of its own, that speaks of the whole file's lines."""

    before: int = 0

    def never_closed(self, line: int) -> InputError:
        return super().never_closed(line + self.before)


def cut(source: Source, size: int) -> list[Slice]:
    """Cut a file into slices of about ``size`` bytes; a row group is never cut."""
    if source.kind == "parquet":
        with pq.ParquetFile(source.path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
        begins = np.cumsum([0, *(group.num_rows for group in groups)])
        return [Slice(i, i + 1, int(begins[i])) for i in range(len(groups))]
    index = index_records(source)
    if len(index.starts) == 0:
        return []
    # The first record of each block of bytes begins a slice.
    first = np.unique(index.starts // size, return_index=True)[1]
    starts = index.starts[first]
    ends = [*starts[1:], index.ends[-1]]
    lines = index.lines[first]
    return [
        Slice(int(start), int(end), int(line) - 1)
        for start, end, line in zip(starts, ends, lines, strict=True)
    ]


def slice_schema(columns: list[Column]) -> pa.Schema:
    """Return the columns of `read_slice`: the canonical ones, and what is said of rejects.

    ``line`` is the row's line in the whole file; the ``rejected_`` columns are NULL where the row
    is good, the canonical ones where it is set aside.
    """
    kinds = {"line": pa.int64()}
    return pa.schema(
        [(column.name, _TYPES[column.kind]) for column in columns]
        + [(name, kinds.get(name, pa.string())) for name in _REJECTED]
    )


def read_slice(reading: Reading, piece: Slice, settings: Settings) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a slice, good ones and rejects, with the columns of `slice_schema`.

    Raises
    ------
    InputError
        Where the slice cannot be read from beginning to end, or a quotation mark swallows rows.
    """
    schema = slice_schema(reading.columns)
    with tempfile.TemporaryDirectory(prefix="candor-slice-") as name:
        folder = Path(name)
        source = _written(reading.source, piece, folder)
        reading = replace(reading, source=source)
        stage = folder / "stage.parquet"
        with sentences(source.name), connect(settings, [folder], [source.path]) as connection:
            passed = first_pass(connection, reading, stage, settings)
            located = locate_staged(source, passed)
            rejects = name_problems(connection, passed, located, stage)
            values = values_of(rejects, reading, located, passed.broken)
            table = {
                "line": rejects.table["line"].to_numpy() + piece.before,
                "rejected_column": rejects.table["column"].to_numpy(),
                "rejected_reason": rejects.table["reason"].to_numpy(),
                "rejected_value": [shown_value(value) for value in values],
            }
            yield from _filled(pa.table(table), schema).to_batches()
            connection.register("lines", _lines(located.lines if located else None, passed.staged))
            good = connection.sql(
                f"""SELECT {reading.names}, line + {piece.before} AS line
                FROM (SELECT *, file_row_number AS n FROM {staged_rows(stage)})
                JOIN lines USING (n) WHERE problem IS NULL
                UNION ALL
                SELECT {reading.names}, line + {piece.before} FROM second WHERE problem IS NULL"""
            )
            for batch in good.to_arrow_reader(50_000):
                yield from _filled(pa.Table.from_batches([batch]), schema).to_batches()


def _lines(lines: np.ndarray | None, rows: int) -> pa.Table:
    numbers = np.arange(rows, dtype=np.int64)
    return pa.table({"n": numbers, "line": numbers + 1 if lines is None else lines})


def _filled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with all columns of the schema, those it lacks as NULL."""
    absent = {
        field.name: pa.nulls(table.num_rows, field.type)
        for field in schema
        if field.name not in table.column_names
    }
    for name, column in absent.items():
        table = table.append_column(name, column)
    return table.select(schema.names).cast(schema)


def _written(source: Source, piece: Slice, folder: Path) -> _SliceOf:
    """Write a slice to a file of its own and return it as a source without a header."""
    given = {field.name: getattr(source, field.name) for field in fields(Source)}
    if source.kind == "parquet":
        path = folder / "slice.parquet"
        with pq.ParquetFile(source.path) as file:
            groups = list(range(piece.start, piece.end))
            pq.write_table(file.read_row_groups(groups), path)
        return _SliceOf(**given | {"path": path, "before": piece.before})
    path = folder / "slice.csv"
    with source.path.open("rb") as whole:
        whole.seek(piece.start)
        content = whole.read(piece.end - piece.start)
    path.write_bytes(content)
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    shown = {"path": path, "lines": lines, "header_line": 0, "skip": 0, "before": piece.before}
    return _SliceOf(**given | shown)
