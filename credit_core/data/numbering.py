"""Customers numbered in the order they first appear, each with its transactions counted.

A number is read and looked up at a fraction of what a text costs: features of very many customers
are computed by it (`credit_core.features.totals`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import types
from numpy.typing import NDArray

from credit_core.data.cell_kernels import first_bytes, stirred
from credit_core.data.compiled import address, compiled, fetch, filled, given, pointer
from credit_core.data.ledger import NUMBER

MOST_CUSTOMERS = 2_000_000
"""Customers up to which they are numbered: a record takes 64 bytes."""
_LOW, _HIGH, _HASH, _BEGIN, _LENGTH, _COUNT, _FIRST, _LAST = range(8)
"""A customer's record: the id's first sixteen bytes in two words, its hash and where it stands
among all ids; the number of transactions, the time of the first and of the last."""
_MOST_TRIES = 1_000
"""Places tried for an id; more are needed only where somebody wants them to be."""
_AT_ONCE = 256
"""Rows whose records are fetched before any is needed."""
_WIDTH = _LAST + 1
_GIVEN_UP = -1
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Words = NDArray[np.uint64]
Whole = NDArray[np.int64]


@compiled(pointer(types.int64), types.int64, types.int64)
def _count_row(records: Whole, number: int, moment: int) -> None:
    """Count a row at some time for a customer."""
    at = number * _WIDTH
    if records[at + _COUNT] == 0:
        records[at + _FIRST] = records[at + _LAST] = moment
    records[at + _COUNT] += 1
    records[at + _FIRST] = min(records[at + _FIRST], moment)
    records[at + _LAST] = max(records[at + _LAST], moment)


@compiled(
    given(types.uint8),
    given(types.int32),
    given(types.int64),
    filled(types.int64, 2),
    filled(types.uint64, 2),
    filled(types.uint8),
    filled(types.int32),
    filled(types.int32),
    types.int64,
    returns=types.int64,
)
def number_names(
    data: Bytes,
    offsets: Ints,
    times: Whole,
    records: Whole,
    words: Words,
    names: Bytes,
    table: Ints,
    numbers: Ints,
    found: int,
) -> int:
    """Write the numbers of texts that stand one behind the other; return how many are known then.

    Each text is counted with its time, where ``times`` has any.
    ``found`` are known before. A new one gets the next of ``records``, which ``words`` is another
    view of, and its bytes are added to ``names``; both have room. ``table`` (a power of two, twice
    the records) has the number that belongs at a place, or -1. Returns -1 where too many texts
    have one place.
    """
    text, size, places, kept = address(data), len(data), address(table), address(records)
    last, one = np.uint64(len(table) - 1), np.uint64(1)
    timed = len(times) > 0
    begun = np.empty((_AT_ONCE, 3), dtype=np.uint64)
    end = records[found - 1, _BEGIN] + records[found - 1, _LENGTH] if found else 0
    rows = len(offsets) - 1
    for start in range(0, rows, _AT_ONCE):
        stop = min(start + _AT_ONCE, rows)
        for i in range(start, stop):
            begin, behind = offsets[i], offsets[i + 1]
            low = first_bytes(text, begin, behind - begin, size)
            high = first_bytes(text, begin + 8, behind - begin - 8, size)
            mixed = stirred(stirred(low, np.uint64(0)), high)
            for j in range(begin + 16, behind):
                mixed = stirred(mixed, np.uint64(text[j]))
            begun[i - start, 0], begun[i - start, 1], begun[i - start, 2] = low, high, mixed
            fetch(places, np.int64(mixed & last))
        for i in range(stop - start):
            fetch(kept, np.int64(max(table[begun[i, 2] & last], 0)) * _WIDTH)
        for i in range(start, stop):
            begin, length = offsets[i], offsets[i + 1] - offsets[i]
            low, high, mixed = begun[i - start, 0], begun[i - start, 1], begun[i - start, 2]
            place, tries = mixed & last, 0
            while True:
                number = table[place]
                if number < 0:
                    number, found = found, found + 1
                    table[place] = number
                    words[number, _LOW], words[number, _HIGH] = low, high
                    words[number, _HASH] = mixed
                    records[number, _BEGIN], records[number, _LENGTH] = end, length
                    for j in range(begin, begin + length):
                        names[end] = text[j]
                        end += 1
                    break
                same = records[number, _LENGTH] == length
                same = same and words[number, _LOW] == low and words[number, _HIGH] == high
                if same:
                    there = records[number, _BEGIN]
                    for j in range(16, length):
                        same = same and text[begin + j] == names[there + j]
                    if same:
                        break
                place, tries = (place + one) & last, tries + 1
                if tries > _MOST_TRIES:
                    return _GIVEN_UP
            numbers[i] = number
            if timed:
                _count_row(kept, number, times[i])
    return found


@compiled(given(types.uint64, 2), filled(types.int32))
def place_again(words: Words, table: Ints) -> None:
    """Fill an empty ``table`` with the numbers of known texts."""
    last, one = np.uint64(len(table) - 1), np.uint64(1)
    for number in range(len(words)):
        place = words[number, _HASH] & last
        while table[place] >= 0:
            place = (place + one) & last
        table[place] = number


@compiled(given(types.int32), given(types.int64), filled(types.int64, 2))
def count_rows(numbers: Ints, times: Whole, records: Whole) -> None:
    """Count each row for its customer, with its time."""
    kept = address(records)
    for i in range(len(numbers)):
        _count_row(kept, numbers[i], times[i])


class Customers:
    """The customers of the rows taken in so far."""

    def __init__(self) -> None:
        self._found = 0
        self._records = np.zeros((1 << 12, 8), dtype=np.int64)
        self._names = np.empty(1 << 16, dtype=np.uint8)
        self._table = np.full(2 * len(self._records), -1, dtype=np.int32)

    def take_in(self, rows: pa.RecordBatch) -> pa.Array:
        """Count rows and return their customers' numbers: all NULL once there are too many.

        ``customer_id`` are texts, or a dictionary of texts; neither it nor ``timestamp`` is NULL.
        """
        names, times = rows["customer_id"], rows["timestamp"]
        moments = np.frombuffer(times.buffers()[1], dtype=np.int64)
        moments = moments[times.offset : times.offset + len(times)]
        if not pa.types.is_dictionary(names.type):
            numbers = self._numbered(names, moments)
        else:
            numbers = self._numbered(names.dictionary, moments[:0])
            if len(numbers) and self._found != _GIVEN_UP:
                numbers = numbers[names.indices.to_numpy()]
                count_rows(numbers, moments, self._records)
        if self._found == _GIVEN_UP:
            return pa.nulls(rows.num_rows, pa.int32())
        return pa.array(numbers)

    def table(self) -> pa.Table | None:
        """Return the customers as a ledger's are, by number; None where there are too many."""
        if self._found == _GIVEN_UP:
            return None
        records = self._records[: self._found]
        ends = records[:, _BEGIN] + records[:, _LENGTH]
        offsets = np.concatenate([[0], ends]).astype(np.int32)
        used = pa.py_buffer(self._names[: offsets[-1]])
        buffers = [None, pa.py_buffer(offsets), used]
        moment = pa.timestamp("us")
        return pa.table(
            {
                "customer_id": pa.Array.from_buffers(pa.string(), len(records), buffers),
                NUMBER: np.arange(len(records), dtype=np.int32),
                "transactions": np.ascontiguousarray(records[:, _COUNT]),
                "first": pa.array(np.ascontiguousarray(records[:, _FIRST])).cast(moment),
                "last": pa.array(np.ascontiguousarray(records[:, _LAST])).cast(moment),
            }
        )

    def _numbered(self, names: pa.StringArray, times: Whole) -> Ints:
        numbers = np.empty(len(names), dtype=np.int32)
        if self._found == _GIVEN_UP or len(names) == 0:
            return numbers
        _, ends, joined = names.buffers()
        offsets = np.frombuffer(ends, dtype=np.int32)[names.offset : names.offset + len(names) + 1]
        data = np.frombuffer(joined or b"", dtype=np.uint8)
        self._make_room(len(names), int(offsets[-1] - offsets[0]))
        words = self._records.view(np.uint64)
        self._found = number_names(
            data,
            offsets,
            times,
            self._records,
            words,
            self._names,
            self._table,
            numbers,
            self._found,
        )
        if self._found > MOST_CUSTOMERS:
            self._found = _GIVEN_UP
        return numbers

    def _make_room(self, names: int, size: int) -> None:
        """Make room for so many names of this size in all, as if all were new."""
        found = self._found
        if found + names > len(self._records):
            records = np.zeros((2 * (found + names), 8), dtype=np.int64)
            records[:found] = self._records[:found]
            self._records = records
        if found + names > len(self._table) // 2:
            self._table = np.full(1 << (2 * (found + names)).bit_length(), -1, dtype=np.int32)
            place_again(self._records[:found].view(np.uint64), self._table)
        used = int(self._records[found - 1, _BEGIN:_COUNT].sum()) if found else 0
        if used + size > len(self._names):
            self._names = np.concatenate([self._names[:used], np.empty(used + 2 * size, np.uint8)])
