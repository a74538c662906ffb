"""Features of very many snapshots: the catalogue's aggregates, kept as exact whole numbers.

DuckDB joins, works out the columns, and lastly the features from the aggregates; in between,
compiled loops keep a record of whole numbers for each snapshot. It is the same SQL as in
`credit_core.features.build` with the same result, to the bit: integers and money in its smallest
unit are added exactly in any order. Where groups are many and dozens of numbers are kept of each,
that takes less than half the time of a GROUP BY, and little more where a group's rows are far
apart than where they are together.

Few and narrow columns leave the engine: what a row carries out of it costs more than the join.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from credit_core.data.ledger import Ledger
from credit_core.features import kernels
from credit_core.features.aggregates import Aggregate, Slot, Term, calls_in, inside, slots_for
from credit_core.features.build import (
    DERIVED,
    MONTHLY,
    Computed,
    Put,
    bindings,
    expressions_of,
    placed_sql,
    selected_sql,
)
from credit_core.features.catalogue import MONTH_PLACE, TOP, Catalogue
from credit_core.features.records import laid_out, shared_out, size_of, step_of
from credit_core.memory import give_back, in_large_pages

_ROWS = 65_536
"""Rows of a chunk: few enough for a core's own cache."""
_AHEAD = 2
"""Chunks that wait to be taken in."""
_GROUPS = 32_768
"""Groups whose features are worked out at once."""
_LANES = 2
"""Threads that take rows in, each for some of the aggregates."""
_TURNED = 1_024
"""Records that are taken apart at once."""
_DIGITS = 18
_LIMIT = 10**_DIGITS
"""What no sum may reach: decimals of so many digits are 64-bit numbers to the engine, too."""
_FAR = _LIMIT / 10_000
"""What is so small that thousands of chunks with it stay below the limit."""
_COMPARE = {"<": np.less, ">": np.greater, "=": np.equal}

_NONE = np.empty(0, dtype=np.int64)
Rows = NDArray[np.uint8]
"""1 for each row of a chunk that counts, 0 elsewhere."""


_ROWS_OF = {"rows": "count(*)"}
_ROWS_TAKEN_IN = Aggregate.of(_ROWS_OF["rows"])


class Chunk:
    """Some rows: columns of whole numbers, decimals in their smallest units."""

    def __init__(self, columns: dict[str, pa.Array]) -> None:
        self._units = {
            name: 10**column.type.scale
            for name, column in columns.items()
            if pa.types.is_decimal(column.type)
        }
        self.numbers = {name: _numbers(column) for name, column in columns.items()}
        self._known = {
            name: _known(column) for name, column in columns.items() if column.null_count
        }
        self._holds: dict[Term, Rows] = {}

    def counted(self, column: str, terms: tuple[Term, ...]) -> Rows | None:
        """Return the rows where a column is known and all terms hold; None for all rows."""
        rows = [self._known[column]] if column in self._known else []
        rows += [self._hold(term) for term in terms]
        return reduce(np.bitwise_and, rows) if rows else None

    def reach(self, column: str) -> float:
        """Return what sums of the column can change by at most, taken together.

        A bound that is quickly found will do where it is far from the limit.
        """
        numbers = self.numbers[column]
        if column in self._known:  # anything may stand where it is not known
            numbers = numbers[self._known[column] == 1]
        if len(numbers) == 0:
            return 0.0
        bound = len(numbers) * max(float(numbers.max()), -float(numbers.min()))
        return bound if bound < _FAR else float(np.abs(numbers).sum(dtype=np.float64))

    def _hold(self, term: Term) -> Rows:
        if (found := self._holds.get(term)) is None:
            number = term.number * self._units.get(term.column, 1)
            found = _COMPARE[term.sign](self.numbers[term.column], number).view(np.uint8)
            if term.column in self._known:
                found = found & self._known[term.column]
            self._holds[term] = found
        return found


class _Room:
    """Memory for a table of so many rows and ever other numbers of columns."""

    def __init__(self, height: int, kind: np.dtype[Any]) -> None:
        self._height, self._memory = height, np.empty(height * _ROWS, dtype=kind)

    def of(self, width: int) -> NDArray[Any]:
        """Return a table, in which anything may stand; it takes the place of the one before."""
        size = self._height * width
        if size > len(self._memory):
            self._memory = np.empty(size, dtype=self._memory.dtype)
        return self._memory[:size].reshape(self._height, width)


class Totals:
    """Aggregates of so many groups, taken in chunk by chunk.

    The numbers of a group stand side by side, so that a row touches little memory wherever its
    group is. A sum of nothing is 0 here, where SQL says NULL: the catalogue makes no difference.
    """

    def __init__(self, slots: Sequence[Slot], groups: int) -> None:
        self._layout = laid_out(slots)
        size = 4 * self._layout.size
        self._memory = in_large_pages(groups * size)
        records = np.frombuffer(self._memory, dtype=np.uint8, count=groups * size)
        self._narrow = records.reshape(groups, size).view(np.int32)
        self._wide = self._narrow.view(np.int64)
        self.aggregates = {slot.aggregate for slot in slots}
        self._counted = list(dict.fromkeys((*slot.aggregate.counts, slot.spread) for slot in slots))
        values = (slot.aggregate.column for slot in slots if size_of(slot) > 1)
        self._columns = list(dict.fromkeys(values))
        self.spreads = list(dict.fromkeys(slot.spread for slot in slots if slot.over))
        self._plan = np.array([self._planned(slot) for slot in slots], dtype=np.int32)
        lines = [(at, self._row_of(by), step) for at, by, step in self._layout.lines]
        self._lines = np.array(lines, dtype=np.int32).reshape(-1, 3)
        # Used for chunk after chunk: memory touched anew costs more than what is written to it.
        self._numbers = _Room(len(self._columns) + len(self.spreads), np.dtype(np.int64))
        self._rows = _Room(len(self._counted), np.dtype(np.uint8))

    def _planned(self, slot: Slot) -> tuple[int, ...]:
        aggregate, size = slot.aggregate, size_of(slot)
        at, step = self._layout.places[slot]
        function = kernels.FUNCTIONS[aggregate.function]
        return (
            kernels.SUM_OF_SIZES if aggregate.absolute else function,
            at // size,
            self._counted.index((*aggregate.counts, slot.spread)),
            self._columns.index(aggregate.column) if size > 1 else 0,
            _sign(aggregate),
            self._row_of(slot),
            step // size,
        )

    def _row_of(self, slot: Slot | None) -> int:
        """Return the row of numbers that says at which place of a slot a row counts, or -1."""
        if slot is None or not slot.over:
            return -1
        return len(self._columns) + self.spreads.index(slot.spread)

    def take_in(self, groups: NDArray[np.int32], chunk: Chunk) -> None:
        """Take in the rows of a chunk; ``groups`` says which group each belongs to."""
        numbers = self._numbers.of(len(groups))
        for i, column in enumerate(self._columns):
            numbers[i] = chunk.numbers[column]
        placed: dict[tuple[str, int, int], Rows] = {}
        for i, (over, first, width) in enumerate(self.spreads, len(self._columns)):
            # Outside of the slot, or not known, is no place: it counts for nothing, at place 0.
            place = chunk.numbers[over] - first
            within = (place >= 0) & (place < width)
            if (known := chunk.counted(over, ())) is not None:
                within &= known.view(np.bool_)
            numbers[i] = place * within
            placed[over, first, width] = within.view(np.uint8)
        counted = self._rows.of(len(groups))
        for row, (column, terms, spread) in zip(counted, self._counted, strict=True):
            rows = chunk.counted(column, terms)
            row[:] = 1 if rows is None else rows
            if spread in placed:
                row &= placed[spread]
        kernels.take_in(
            groups.view(np.uint32),
            counted,
            numbers,
            self._plan,
            self._lines,
            self._wide,
            self._narrow,
        )

    def taken_out(self, groups: slice) -> dict[Slot, NDArray[Any]]:
        """Return each slot's numbers for some groups, (width, groups), and forget them."""
        found: dict[Slot, NDArray[Any]] = {}
        columns: list[tuple[NDArray[Any], NDArray[Any]]] = []
        for slot, (at, step) in self._layout.places.items():
            size = size_of(slot)
            records = (self._narrow if size == 1 else self._wide)[groups]
            found[slot] = np.empty((slot.width, len(records)), dtype=records.dtype)
            for k in range(slot.width):
                columns.append((found[slot][k], records[:, (at + k * step) // size]))
        # A few records at a time, which caches can hold.
        for begin in range(0, groups.stop - groups.start, _TURNED):
            some = slice(begin, begin + _TURNED)
            for column, numbers in columns:
                column[some] = numbers[some]
        size = self._narrow.strides[0]
        give_back(self._memory, groups.start * size, groups.stop * size)
        return found


def _sign(aggregate: Aggregate) -> int:
    """Return what numbers are multiplied by as they are taken in."""
    return -1 if aggregate.negative or aggregate.function == "min" else 1


def _column(aggregate: Aggregate, state: NDArray[Any], types: dict[str, pa.DataType]) -> pa.Array:
    """Return an aggregate's results as whole numbers or decimals, by the type of its column."""
    if aggregate.function == "count":
        return pa.array(state.astype(np.int64))
    kind = types[aggregate.column]
    unknown = None
    if aggregate.function != "sum":
        unknown = state == 0
    if aggregate.function in ("min", "max"):
        state = _sign(aggregate) * (state - kernels.ABOVE)
    if not pa.types.is_decimal(kind):
        return pa.array(state, mask=unknown)
    valid = pa.array(~unknown).buffers()[1] if unknown is not None and unknown.any() else None
    units = pa.py_buffer(np.ascontiguousarray(state))
    return pa.Array.from_buffers(pa.decimal64(_DIGITS, kind.scale), len(state), [valid, units])


def grouped_features(
    ledger: Ledger, snapshots: pd.DataFrame, catalogue: Catalogue, values: dict[str, list[str]]
) -> Computed | None:
    """Take in the transactions of ``snapshots`` and return what computes the features of parts.

    Returns None where the aggregates do not fit: a column of too many values is counted distinct,
    or sums may have more than 18 digits.
    """
    written = expressions_of(catalogue, ("transactions", "categories"), values)
    expressions = {feature: _spelled_out(sql, catalogue) for feature, sql in written.items()}
    monthly = expressions_of(catalogue, ("months",))
    if "DISTINCT" in "".join(expressions.values()):
        return None
    calls = _aggregates([*_ROWS_OF.values(), *expressions.values()])
    of_month = _aggregates([*_ROWS_OF.values(), *MONTHLY.values()] if monthly else [])
    by_month = {a: Slot(a, "block", 0, catalogue.blocks) for a in of_month.values()}
    places = slots_for(calls.values(), _with_counts(by_month.values(), calls.values()))
    slots = dict.fromkeys([*(slot for slot, _ in places.values()), *by_month.values()])
    ordered = sorted(slots, key=lambda slot: slot.aggregate.function)
    threads = _threads(ledger)
    totals = [Totals(some, len(snapshots)) for some in shared_out(ordered, min(threads, _LANES))]
    types = _take_in(ledger, snapshots, catalogue, values, totals)
    if types is None:
        return None
    of_all = f"SELECT snapshot, {selected_sql(_renamed(expressions, calls))} FROM aggregates"
    of_months = f"""SELECT snapshot, {selected_sql(monthly)}
    FROM (SELECT snapshot, block, {selected_sql(_renamed(MONTHLY | _ROWS_OF, of_month))}
      FROM aggregates)
    WHERE rows > 0 GROUP BY snapshot"""

    def states_of(groups: slice) -> dict[Slot, NDArray[Any]]:
        return {slot: state for some in totals for slot, state in some.taken_out(groups).items()}

    def computed(part: slice, put: Put) -> None:
        absent: list[NDArray[np.int64]] = []
        months: deque[Future[None]] = deque()

        def put_months(groups: slice, states: dict[Slot, NDArray[Any]]) -> None:
            flat = {a: states[slot].T.ravel() for a, slot in by_month.items()}
            snapshots, blocks = np.arange(groups.start, groups.stop), np.arange(catalogue.blocks)
            keys = {
                "snapshot": np.repeat(snapshots, len(blocks)),
                "block": np.tile(blocks, len(snapshots)),
            }
            batches = [pa.record_batch({**keys, **_columns(flat, of_month, types)})]
            _evaluated(ledger, batches, of_months, put)

        def taken_out() -> Iterator[pa.RecordBatch]:
            for start in range(part.start, part.stop, _GROUPS):
                groups = slice(start, min(start + _GROUPS, part.stop))
                states = states_of(groups)
                if monthly:
                    if len(months) == _AHEAD:
                        months.popleft().result()
                    months.append(aside.submit(put_months, groups, states))
                flat = {
                    a: states[slot].sum(axis=0) if place is None else states[slot][place]
                    for a, (slot, place) in places.items()
                }
                # Those without a row are worked out, too: leaving them out would cost more.
                snapshots = np.arange(groups.start, groups.stop)
                absent.append(snapshots[flat[_ROWS_TAKEN_IN] == 0])
                yield pa.record_batch({"snapshot": snapshots, **_columns(flat, calls, types)})

        with ThreadPoolExecutor(1) as aside:
            _evaluated(ledger, taken_out(), of_all, put)
            for task in months:
                task.result()
        put((), np.concatenate([_NONE, *absent]))

    return computed


def _spelled_out(sql: str, catalogue: Catalogue) -> str:
    """Return an expression in which fewer columns are named, for each that is read costs."""
    sql = re.sub(r"\bmoved\b", DERIVED["moved"], sql)
    return sql.replace(MONTH_PLACE, "block") if catalogue.blocks <= TOP else sql


def _with_counts(whole: Iterable[Slot], aggregates: Iterable[Aggregate]) -> list[Slot]:
    """Return slots over one column with as many counts as have room beside them at no cost.

    First come those of which the number at one place is asked for, too.
    """
    found = list(whole)
    if not found:
        return []
    room = step_of(found) - sum(map(size_of, found))
    asked = list(aggregates)
    counts = [
        a
        for a in asked
        if a.function == "count" and all(t.column != found[0].over for t in a.terms)
    ]
    slots = [slot for a in counts if (slot := replace(found[0], aggregate=a)) not in found]
    slots.sort(key=lambda slot: sum(inside(a, slot) is not None for a in asked), reverse=True)
    return [*found, *slots[:room]]


def _aggregates(expressions: Iterable[str]) -> dict[str, Aggregate]:
    """Return every aggregate call in some expressions."""
    return {call: Aggregate.of(call) for sql in expressions for call in calls_in(sql)}


def _renamed(expressions: dict[str, str], calls: dict[str, Aggregate]) -> dict[str, str]:
    """Return expressions with each aggregate call replaced by the name of its column."""
    names = {call: f"a{i}" for i, call in enumerate(calls)}
    found = {}
    for feature, sql in expressions.items():
        for call in calls_in(sql):
            sql = sql.replace(call, names[call])
        found[feature] = sql
    return found


def _columns(
    states: dict[Aggregate, NDArray[Any]],
    calls: dict[str, Aggregate],
    types: dict[str, pa.DataType],
) -> dict[str, pa.Array]:
    """Return each call's results, named in order."""
    return {
        f"a{i}": _column(aggregate, states[aggregate], types)
        for i, aggregate in enumerate(calls.values())
    }


def _threads(ledger: Ledger) -> int:
    (threads,) = ledger.one("SELECT current_setting('threads')")
    return int(threads)


def _evaluated(ledger: Ledger, aggregates: Iterable[pa.RecordBatch], query: str, put: Put) -> None:
    """Put what a query says of aggregates, which are asked for as they are needed."""
    aggregates = iter(aggregates)
    for first in aggregates:
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], aggregates))
        with ledger.connection.cursor() as connection:
            connection.register("aggregates", reader)
            put(connection.sql(query).to_arrow_reader(_GROUPS), _NONE)


def _take_in(
    ledger: Ledger,
    snapshots: pd.DataFrame,
    catalogue: Catalogue,
    values: dict[str, list[str]],
    totals: Sequence[Totals],
) -> dict[str, pa.DataType] | None:
    """Let every transaction inside a window count; return the types of the columns.

    None where a sum may have more than 18 digits.
    """
    aggregates = {aggregate for some in totals for aggregate in some.aggregates}
    terms = {term for aggregate in aggregates for term in aggregate.terms}
    read = {a.column for a in aggregates} | {term.column for term in terms}
    read |= {over for some in totals for over, _, _ in some.spreads}
    group_of = _group_of(ledger, snapshots)
    names = [ledger.key if group_of is not None else "snapshot", *sorted(read - {""})]
    selected = ", ".join(f"{sql} AS v{i}" for i, sql in enumerate(names))
    relation, bound = ledger.relation, {}
    if group_of is not None:
        relation = f"(SELECT *, CAST($as_of AS TIMESTAMP) AS as_of FROM {relation})"
        bound["as_of"] = snapshots["as_of"].iloc[0]
    placed = placed_sql(
        catalogue,
        selected,
        relation,
        ledger.columns,
        values,
        single=group_of is not None,
        key=ledger.key,
    )
    query = f"SELECT {selected}\nFROM ({placed}\n)"
    bound |= bindings(catalogue, values, query)
    reach = {a.column: 0.0 for a in aggregates if a.function == "sum"}
    with ExitStack() as opened:
        opened.enter_context(ledger.given("snapshots", snapshots))
        found = ledger.connection.sql(query, params=bound or None)
        reader = opened.enter_context(found.to_arrow_reader(_ROWS))
        # One thread each: chunks are taken in one after the other.
        lanes = [opened.enter_context(ThreadPoolExecutor(1)) for _ in totals]
        types = dict(zip(names, reader.schema.types, strict=True))
        ahead: deque[list[Future[None]]] = deque()
        for batch in reader:
            groups = _numbers(batch.column(0))
            if group_of is not None:
                groups = group_of[groups]
                if (others := groups < 0).any():
                    batch, groups = batch.filter(pa.array(~others)), groups[~others]
            if batch.num_rows == 0:
                continue
            chunk = Chunk(dict(zip(names[1:], batch.columns[1:], strict=True)))
            for column in reach:
                reach[column] += chunk.reach(column)
                if reach[column] >= _LIMIT:
                    return None
            work = zip(lanes, totals, strict=True)
            ahead.append([lane.submit(some.take_in, groups, chunk) for lane, some in work])
            if len(ahead) > _AHEAD:
                for task in ahead.popleft():
                    task.result()
        for task in chain.from_iterable(ahead):
            task.result()
    return types


def _group_of(ledger: Ledger, snapshots: pd.DataFrame) -> NDArray[np.int32] | None:
    """Return the snapshot of each customer's number, -1 for none, where that takes no join.

    So it is where most customers have a snapshot, one each, all at one time.
    """
    if ledger.key == "customer_id" or snapshots["as_of"].nunique(dropna=False) != 1:
        return None
    (last,) = ledger.one(f"SELECT max({ledger.key}) FROM customers")
    numbers = snapshots[ledger.key].to_numpy()
    known = numbers >= 0
    found = np.full(last + 1, -1, dtype=np.int32)
    found[numbers[known]] = np.flatnonzero(known)
    enough = 2 * known.sum() > last and (found >= 0).sum() == known.sum()
    return found if enough else None


def _known(column: pa.Array) -> NDArray[np.uint8]:
    """Return 1 where a column holds a value, 0 where it is NULL."""
    bits = np.frombuffer(column.buffers()[0], dtype=np.uint8)
    found = np.unpackbits(bits, bitorder="little", count=column.offset + len(column))
    return found[column.offset :]


def _numbers(column: pa.Array) -> NDArray[Any]:
    """Return a column's whole numbers, anything for NULL; a decimal's are its smallest units."""
    money = pa.types.is_decimal64(column.type)
    kind = np.dtype(np.int64) if money else column.type.to_pandas_dtype()
    numbers = np.frombuffer(column.buffers()[1], dtype=kind)
    return numbers[column.offset : column.offset + len(column)]
