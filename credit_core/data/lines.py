"""Large plain texts, in which every line is a record, typed block by block by compiled loops.

Only what is certain comes out of here. A line with the wrong number of cells, or with a cell that
is not in the one form its column was planned to have, is handed back as text, for the rules that
know every form and every reason.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from credit_core.ahead import one_ahead
from credit_core.data.reading import LONGEST_LINE, Reading
from credit_core.data.rejects import Broken
from credit_core.data.source import Source
from credit_core.data.store import Values
from credit_core.data.typist import Block, Typist, changed, shape_of
from credit_core.settings import Settings

LEAST_BYTES = 128 << 20
"""Below, what the compiler takes to start, half a second and 120 MB, weighs more than it saves."""
MOST_DOUBTFUL = 200_000
"""Records read a second time one by one; beyond, the whole file is read with tolerant SQL."""
_BLOCK = 12 << 20
"""Bytes typed, and stored, at once: what a block costs whatever is in it is paid less often."""
_LOOKED_AT = 1 << 20
"""Bytes by which it is decided how columns are stored."""
_PLACES = 16
"""Places at which it is looked whether something is missing in a column."""
_TYPISTS = 4
"""Threads that type at most: more would wait for the one that writes."""


@dataclass(frozen=True)
class Read:
    """What was read: the number of certain rows, and the doubtful lines.

    ``finished`` says that what could be read after all stands behind the certain rows, and that no
    two rows have one transaction id; then ``customers`` are theirs, None where they are too many to
    be numbered, and ``values`` those of text columns that have few, each with its rows.
    """

    rows: int
    broken: list[Broken]
    finished: bool
    customers: pa.Table | None = None
    values: dict[str, Values] = field(default_factory=dict)


def can_read(reading: Reading, settings: Settings) -> bool:
    """Return True where a file is large and plain, and every column has one form."""
    source, mapping = reading.source, reading.mapping
    forms = [cell.form for cell in reading.cells if cell.kind == "timestamp"]
    return (
        source.kind == "csv"
        and source.plain
        and source.path.stat().st_size >= LEAST_BYTES
        and settings.compiles
        and mapping.pair in (None, ("debit", "credit"))
        and (mapping.timezone == "UTC" or all(form.endswith("Z") for form in forms))
        and all(cell.form or cell.comma or cell.kind == "text" for cell in reading.cells)
        and all(shape_of(form) is not None for form in forms)
    )


class _MissingError(Exception):
    """Something is missing where nothing was, as far as was looked."""


def read_lines(
    reading: Reading,
    stage: Path,
    settings: Settings,
    again: Callable[[list[Broken]], pa.Table],
    tell: Callable[[float], None],
    *,
    finish: bool,
) -> Read | None:
    """Write every certain row to ``stage``, in the file's order, with an empty ``problem``.

    Each row gets its customer's number, too. ``again`` reads doubtful lines with the tolerant rules
    and returns the good rows among them; with ``finish`` they are written, too, unless a
    transaction id may stand twice. ``tell`` hears the share that is done, at every tenth. Returns
    None where too many lines are doubtful to look at each, or a line has quotation marks in odd
    places.
    """
    told = 0.0

    def tell_more(share: float) -> None:
        nonlocal told
        told = max(told, share)
        tell(told)

    try:
        return _read(reading, stage, settings, again, tell_more, finish=finish, hopeful=True)
    except _MissingError:  # where some cells of a column are empty, an early one mostly is
        return _read(reading, stage, settings, again, tell_more, finish=finish, hopeful=False)


def _read(
    reading: Reading,
    stage: Path,
    settings: Settings,
    again: Callable[[list[Broken]], pa.Table],
    tell: Callable[[float], None],
    *,
    finish: bool,
    hopeful: bool,
) -> Read | None:
    """Do as `read_lines`; a ``hopeful`` reader takes it that full columns stay so."""
    source = reading.source
    rows, line = 0, source.header_line
    broken: list[Broken] = []
    with ExitStack() as opened:
        file = opened.enter_context(source.path.open("rb", buffering=0))
        blocks = _cut(file.fileno(), source.header_line)
        typist = Typist(reading, settings, file.fileno())
        some = _some(file.fileno(), source.header_line)
        typist.decide([typist.typed(*part) for part in some], hopeful=hopeful)
        # Whatever happens, no block is being read any more when the file is closed.
        typed = _side_by_side(typist, blocks, min(settings.threads, _TYPISTS))
        opened.enter_context(closing(typed))
        staged = opened.enter_context(closing(one_ahead(map(typist.staged, typed))))
        with pq.ParquetWriter(stage, typist.schema, **typist.storage) as writer:
            for block, tables in staged:
                for table in tables:
                    if typist.lacks(table):
                        raise _MissingError
                    writer.write_table(table)
                    rows += table.num_rows
                if any(_oddly_marked(text, source) for _, text in block.doubts):
                    return None
                broken += [_broken(line + before, text, reading) for before, text in block.doubts]
                tenths = line * 10 // source.lines
                line += block.lines
                if line * 10 // source.lines > tenths:
                    tell(line / source.lines)
                if len(broken) > MOST_DOUBTFUL:
                    return None
            if line != source.lines:
                raise changed(source.name)
            good = again([record for record in broken if record.reason is None])
            if "transaction_id" in good.column_names:
                typist.ids.take_in(typist.hashed(good["transaction_id"]))
            finished = finish and typist.ids.hold(settings.threads)
            if finished and len(good):
                if typist.lacks(good):
                    raise _MissingError
                for batch in good.cast(typist.columns).to_batches():
                    writer.write_table(typist.numbered(batch))
    if not finished:
        return Read(rows, broken, finished)
    return Read(rows, broken, finished, typist.customers.table(), typist.values)


def _cut(file: int, skipped: int) -> Iterator[tuple[int, int]]:
    """Yield where blocks of whole lines begin and end, behind the first ``skipped`` lines."""
    size = os.fstat(file).st_size
    begin = 0
    for _ in range(skipped):
        begin = _next_line(file, begin)
    while begin < size:
        end = _next_line(file, min(begin + _BLOCK, size))
        yield begin, end
        begin = end


def _some(file: int, skipped: int) -> Iterator[tuple[int, int]]:
    """Yield where some parts begin and end: the first lines, and a few all over the file."""
    size = os.fstat(file).st_size
    for begin, _ in islice(_cut(file, skipped), 1):
        yield begin, _next_line(file, min(begin + _LOOKED_AT, size))
        step = max((size - begin) // _PLACES, 1)
        for place in range(begin + step, size, step):
            start = _next_line(file, place)
            if start < size:
                yield start, _next_line(file, min(start + _LOOKED_AT // _PLACES, size))


def _next_line(file: int, position: int) -> int:
    """Return where the first line begins behind a position, or where the file ends."""
    while ahead := os.pread(file, 4096, position):
        if (found := ahead.find(b"\n")) >= 0:
            return position + found + 1
        position += len(ahead)
    return position


def _oddly_marked(text: bytes, source: Source) -> bool:
    """Return True where only the engine can say what a line's quotation marks mean."""
    return b'"' in text and not source.well_marked(text.decode("utf-8").rstrip("\r\n"))


def _broken(line: int, text: bytes, reading: Reading) -> Broken:
    """Return a doubtful line; its reason is None where the tolerant rules may still read it."""
    record = text.decode("utf-8", errors="replace").rstrip("\r\n")
    cells, width = len(reading.source.cells(record)), len(reading.source.header)
    if len(text) > LONGEST_LINE:
        return Broken(line, record, "line_too_long")
    if cells != width:
        return Broken(line, record, "too_few_fields" if cells < width else "too_many_fields")
    return Broken(line, record, None)


def _side_by_side(
    typist: Typist, blocks: Iterable[tuple[int, int]], threads: int
) -> Generator[Block, None, None]:
    """Yield typed blocks in their order, a few of them worked on ahead."""
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Block]] = deque()
        for block in blocks:
            ahead.append(pool.submit(typist.typed, *block))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
