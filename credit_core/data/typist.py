"""Blocks of lines turned into typed rows by compiled loops, for `credit_core.data.lines`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import local
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from credit_core.data.contract import Kind
from credit_core.data.ledger import NUMBER
from credit_core.data.reading import LONGEST_LINE, Cell, Reading
from credit_core.data.store import MOST_VALUES, Values
from credit_core.errors import InputError
from credit_core.settings import Settings

_BEHIND = 65
"""Bytes behind a block: a line feed, and what the loops look at with it."""
_ROWS = 150_000
"""Rows of a batch. Of a power of two, all columns of a row would want the same place in a cache."""
_DOUBTS = 4_096
_FEW = MOST_VALUES
"""Values up to which a text column is stored as a dictionary."""
_OUT, _IN = 0, 1
"""What words of a direction mean."""
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "timestamp": pa.timestamp("us"),
    "money": pa.decimal64(18, 4),
    "integer": pa.int32(),
    "flag": pa.bool_(),
}


def shape_of(form: str) -> list[int] | None:
    """Return the bytes of a date's form: the part that a digit belongs to, or what stands there.

    None where its parts are not all digits of a fixed number.

    >>> shape_of("%d/%m/%Y")
    [2, 2, 47, 1, 1, 47, 0, 0, 0, 0]
    >>> shape_of("%d %b %Y") is None
    True
    """
    shape: list[int] = []
    letters = iter(form)
    for letter in letters:
        if letter != "%":
            shape.append(ord(letter))
        elif (part := next(letters)) in _DIGITS:
            shape += [list(_DIGITS).index(part)] * _DIGITS[part]
        else:
            return None
    return shape


@dataclass(frozen=True)
class Block:
    """A block of lines, typed: ``doubts`` are lines (from 1, within the block) with their text."""

    batches: list[pa.RecordBatch]
    doubts: list[tuple[int, bytes]]
    lines: int
    hashes: list[NDArray[np.uint64]]


def changed(name: str) -> InputError:
    """Return the refusal of a file that is not what it was when it was looked at."""
    return InputError(f"{name} changed while it was read; try again.")


class _Room(local):
    """What a thread works in, block after block: memory touched anew costs more than the work."""

    def __init__(self, width: int) -> None:
        self.data = np.empty(0, dtype=np.uint8)
        self.numbers = np.empty((width, _ROWS), dtype=np.int64)
        self.known = np.empty((width, _ROWS), dtype=np.uint8)
        self.begins = np.empty((width, _ROWS), dtype=np.int32)
        self.lengths = np.empty((width, _ROWS), dtype=np.int32)
        self.doubts = np.empty((_DOUBTS, 3), dtype=np.int64)
        self.counts = np.zeros(4, dtype=np.int64)
        self.first = np.empty(_FEW, dtype=np.int32)
        self.words = np.empty((_FEW, 3), dtype=np.uint64)
        self.table = np.empty(4 * 1024, dtype=np.int32)

    def read(self, file: int, begin: int, end: int) -> int | None:
        """Read bytes of a file into ``data``, with a line feed behind; return their number.

        None where the file has become shorter than that.
        """
        size = end - begin
        if size + _BEHIND > len(self.data):
            self.data = np.empty(size + _BEHIND, dtype=np.uint8)
        view, filled = memoryview(self.data.data), 0
        while filled < size:
            here = os.preadv(file, [view[filled:size]], begin + filled)
            if here == 0:
                return None
            filled += here
        if self.data[size - 1] != ord("\n"):
            self.data[size] = ord("\n")
            size += 1
        return size


class Typist:
    """Turns blocks of lines into typed rows."""

    def __init__(self, reading: Reading, settings: Settings, file: int) -> None:
        from credit_core.data import cell_kernels, line_kernels
        from credit_core.data.distinct import Distinct
        from credit_core.data.numbering import Customers

        self.customers, self.ids = Customers(), Distinct(reading.source.lines)
        self._kernels = line_kernels
        self._file, self._name = file, reading.source.name
        self._delimiter, self._quoted = ord(reading.source.delimiter), reading.source.quoted
        self._point = ord(reading.mapping.decimal)
        self._mapping = reading.mapping
        width = len(reading.source.header)
        by_name = {cell.name: cell for cell in reading.cells}
        self._places = {name: cell.index for name, cell in by_name.items()}
        summed = Cell("amount", "money", -1, required=True)  # where it is made of two columns
        self._cells = [by_name.get(column.name, summed) for column in reading.columns]
        self._kinds = np.full(width, line_kernels.SKIPPED, dtype=np.int64)
        self._required = np.zeros(width, dtype=np.bool_)
        for cell in reading.cells:
            self._kinds[cell.index] = line_kernels.KINDS[cell.kind]
            self._required[cell.index] |= cell.required
        shape = shape_of(by_name["timestamp"].form) or []
        self._form, self._parts = cell_kernels.form_of(shape)
        latest = int((datetime.now(UTC) + timedelta(days=1)).timestamp()) * 1_000_000
        limits = [0, latest, settings.max_cell_chars, LONGEST_LINE]
        self._limits = np.array(limits, dtype=np.int64)
        self._meanings = self._asked(width)
        pair = reading.mapping.pair or ()
        self._either = np.array([self._places[part] for part in pair], dtype=np.int64)
        self._room = _Room(width)
        # None as long as it is not decided.
        self._few: frozenset[str] | None = None
        self._counted: dict[str, Values] = {}
        self._full: frozenset[str] = frozenset()

    def _asked(self, width: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return the words that mean something, what they mean, and what any other text means."""
        mapping, kernels = self._mapping, self._kernels
        meant: list[tuple[str, str, int]] = []
        otherwise = np.full(width, kernels.UNASKED, dtype=np.int64)
        if mapping.direction is not None:
            meant += [("direction", word, _IN) for word in mapping.direction_in]
            meant += [("direction", word, _OUT) for word in mapping.direction_out]
            other = kernels.DOUBTFUL if mapping.direction_out else _OUT
            otherwise[self._places["direction"]] = other
        if mapping.currency is not None:
            meant.append(("currency", mapping.currency, 0))
            otherwise[self._places["currency"]] = kernels.DOUBTFUL
        found = [(name, word.strip().lower().encode(), meaning) for name, word, meaning in meant]
        words = np.zeros((len(found), max((len(w) for _, w, _ in found), default=1)), np.uint8)
        facts = np.zeros((len(found), 3), dtype=np.int64)
        for i, (name, word, meaning) in enumerate(found):
            words[i, : len(word)] = np.frombuffer(word, dtype=np.uint8)
            facts[i] = self._places[name], len(word), meaning
        return words, facts, otherwise

    def decide(self, blocks: Sequence[Block], *, hopeful: bool) -> None:
        """Decide by some blocks which columns are full, by the first which have few texts.

        In a column that is full nothing may be missing. With ``hopeful`` those are taken to be so
        in which nothing was missing as far as was looked; else none is.
        """
        batches = [batch for block in blocks for batch in block.batches]
        few = batches[0].schema if batches else pa.schema([])
        self._few = frozenset(f.name for f in few if pa.types.is_dictionary(f.type))
        self._counted = {name: Counter() for name in self._few}
        full = {cell.name for cell in self._cells}
        for batch in batches:
            full -= {name for name in full if batch[name].null_count}
        self._full = frozenset(full) if hopeful else frozenset()

    def lacks(self, table: pa.Table) -> bool:
        """Return True where something is missing in a column that was taken to be full."""
        return any(table[name].null_count for name in self._full)

    @property
    def columns(self) -> pa.Schema:
        """The columns of a batch, once it is decided how texts are stored."""
        few, types = self._few or (), {cell.name: _TYPES[cell.kind] for cell in self._cells}
        types |= dict.fromkeys(few, pa.dictionary(pa.int32(), pa.string()))
        # Where nothing can be missing, nothing is written of what is: a twentieth of the work.
        return pa.schema([pa.field(n, t, nullable=n not in self._full) for n, t in types.items()])

    @property
    def schema(self) -> pa.Schema:
        """The columns of the stage: those of a batch, the customer's number and the problem."""
        return pa.schema([*self.columns, (NUMBER, pa.int32()), ("problem", pa.string())])

    def staged(self, block: Block) -> tuple[Block, list[pa.Table]]:
        """Return a block with its rows as they are staged; to be asked in the file's order."""
        for hashes in block.hashes:
            self.ids.take_in(hashes)
        return block, [self.numbered(batch) for batch in block.batches]

    @property
    def values(self) -> dict[str, Values]:
        """Of each text column that has few values, how many rows hold each; None is no value."""
        return self._counted

    def _count(self, batch: pa.RecordBatch) -> None:
        for name, counted in list(self._counted.items()):
            cells = batch[name]
            codes = cells.indices.drop_null() if cells.null_count else cells.indices
            rows = np.bincount(codes.to_numpy(), minlength=len(cells.dictionary)).tolist()
            counted.update(dict(zip(cells.dictionary.to_pylist(), rows, strict=True)))
            if cells.null_count:
                counted[None] += cells.null_count
            if len(counted) > _FEW:
                del self._counted[name]

    def numbered(self, batch: pa.RecordBatch) -> pa.Table:
        """Return rows with their customers' numbers."""
        self._count(batch)
        more = [self.customers.take_in(batch), pa.nulls(batch.num_rows, pa.string())]
        return pa.Table.from_arrays([*batch.columns, *more], schema=self.schema)

    @property
    def storage(self) -> dict[str, Any]:
        """How Parquet is to hold them."""
        few = sorted(self._few or ())
        whole = [NUMBER]
        whole += [c.name for c in self._cells if c.kind in ("timestamp", "money", "integer")]
        return {
            "use_dictionary": few or False,
            "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
            # Compressing texts, or telling the least and greatest of them, costs as much again.
            "compression": "none",
            "write_batch_size": _ROWS,
            "write_statistics": whole,
            "store_decimal_as_integer": True,
            "store_schema": False,
        }

    def typed(self, begin: int, end: int) -> Block:
        """Type the lines between two places of the file."""
        room = self._room
        size = room.read(self._file, begin, end)
        if size is None:
            raise changed(self._name)
        batches: list[pa.RecordBatch] = []
        doubts: list[tuple[int, bytes]] = []
        hashes: list[NDArray[np.uint64]] = []
        lines = position = 0
        while position < size:
            self._kernels.read_lines(
                room.data,
                position,
                size,
                self._delimiter,
                self._point,
                self._quoted,
                self._kinds,
                self._required,
                self._form,
                self._parts,
                self._limits,
                *self._meanings,
                self._either,
                room.numbers,
                room.known,
                room.begins,
                room.lengths,
                room.doubts,
                room.counts,
            )
            rows, doubtful, seen, position = room.counts.tolist()
            if rows:
                columns = {cell.name: self._column(cell, rows, hashes) for cell in self._cells}
                batches.append(pa.record_batch(columns))
            for start, stop, line in room.doubts[:doubtful].tolist():
                doubts.append((lines + line, room.data[start:stop].tobytes()))
            lines += seen
        return Block(batches, doubts, lines, hashes)

    def _column(self, cell: Cell, rows: int, hashes: list[NDArray[np.uint64]]) -> pa.Array:
        if cell.name == "amount":
            units = pa.py_buffer(self._amounts(rows))
            return pa.Array.from_buffers(_TYPES["money"], rows, [None, units])
        known = self._room.known[cell.index, :rows]
        valid = None if known.all() else _bits(known)
        if cell.kind == "text":
            return self._texts(cell, rows, valid, hashes)
        numbers = self._room.numbers[cell.index, :rows]
        if cell.kind == "flag":
            return pa.Array.from_buffers(pa.bool_(), rows, [valid, _bits(numbers == 1)])
        numbers = numbers.astype(np.int32) if cell.kind == "integer" else numbers.copy()
        return pa.Array.from_buffers(_TYPES[cell.kind], rows, [valid, pa.py_buffer(numbers)])

    def _amounts(self, rows: int) -> NDArray[np.int64]:
        """Return signed amounts: above 0 money out, below 0 money in."""
        numbers, places = self._room.numbers[:, :rows], self._places
        if "amount" not in places:
            return np.abs(numbers[places["debit"]]) - np.abs(numbers[places["credit"]])
        amounts = numbers[places["amount"]]
        if "direction" in places:
            inward = numbers[places["direction"]] == _IN
            return np.abs(amounts) * (1 - 2 * inward.astype(np.int64))
        return -amounts if self._mapping.amount_sign == "in_positive" else amounts.copy()

    def _texts(
        self, cell: Cell, rows: int, valid: pa.Buffer | None, hashes: list[NDArray[np.uint64]]
    ) -> pa.Array:
        room = self._room
        begins, lengths = room.begins[cell.index, :rows], room.lengths[cell.index, :rows]
        few = cell.name in self._few if self._few is not None else cell.name != "transaction_id"
        if few:
            codes = np.empty(rows, dtype=np.int32)
            found = self._kernels.number_texts(
                room.data, begins, lengths, codes, room.first, room.words, room.table
            )
            if found >= 0:
                first = room.first[:found]
                values, _ = self._joined(room.data, begins[first], lengths[first], None)
                indices = pa.Array.from_buffers(pa.int32(), rows, [valid, pa.py_buffer(codes)])
                return pa.DictionaryArray.from_arrays(indices, values, safe=False)
        texts, hashed = self._joined(room.data, begins, lengths, valid)
        if cell.name == "transaction_id":
            hashes.append(hashed if valid is None else hashed[lengths > 0])
        return texts.dictionary_encode() if few and self._few is not None else texts

    def hashed(self, texts: pa.ChunkedArray) -> NDArray[np.uint64]:
        """Return the hashes of ids read elsewhere."""
        known = [text.encode() for text in texts.drop_null().to_pylist()]
        lengths = np.array([len(text) for text in known], dtype=np.int32)
        begins = (np.cumsum(lengths) - lengths).astype(np.int32)
        data = np.frombuffer(b"".join([*known, bytes(_BEHIND)]), dtype=np.uint8)
        return self._joined(data, begins, lengths, None)[1]

    def _joined(
        self,
        data: NDArray[np.uint8],
        begins: NDArray[np.int32],
        lengths: NDArray[np.int32],
        valid: pa.Buffer | None,
    ) -> tuple[pa.Array, NDArray[np.uint64]]:
        """Return cells of a text as an Arrow array, with a hash of each."""
        joined = np.empty(int(lengths.sum()) + _BEHIND, np.uint8)
        offsets = np.empty(len(begins) + 1, np.int32)
        hashes = np.empty(len(begins), np.uint64)
        self._kernels.join_texts(data, begins, lengths, joined, offsets, hashes)
        buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(joined)]
        return pa.Array.from_buffers(pa.string(), len(begins), buffers), hashes


def _bits(ones: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(ones, bitorder="little"))
