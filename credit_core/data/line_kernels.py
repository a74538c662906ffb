"""Loops over the bytes of a text in which every line is a record, compiled when first used.

They take what is plain, and only that: a cell that they do not read for certain makes its whole
line doubtful, and doubtful lines are left to the rules that know every form.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.cell_kernels import (
    MASKS,
    NO_NUMBER,
    NO_WORD,
    first_bytes,
    meaning_of,
    read_flag,
    read_moment,
    read_number,
    stirred,
)
from credit_core.data.compiled import (
    Text,
    address,
    compiled,
    count_bits,
    eight_bytes,
    filled,
    first_bit,
    given,
    marks,
    pointer,
    put_eight_bytes,
)
from credit_core.data.contract import MAX_MONEY, UNITS, Kind

SKIPPED, TEXT, TIME, MONEY, INTEGER, FLAG = range(6)
KINDS: dict[Kind, int] = {
    "text": TEXT,
    "timestamp": TIME,
    "money": MONEY,
    "integer": INTEGER,
    "flag": FLAG,
}
"""What a column of the file holds."""
ROWS, DOUBTS, LINES, POSITION = range(4)
"""What `read_lines` counts."""
DOUBTFUL, UNASKED = -1, -2
"""What any text of a column means that is none of its words; no meaning is below 0."""
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Whole = NDArray[np.int64]

_LINE_FEED, _RETURN, _SPACE, _MINUS, _QUOTE = b'\n\r -"'
_PLACES = 4
_TENS = (10_000, 1_000, 100, 10, 1)
_MOST_MONEY = MAX_MONEY * UNITS
_MOST_DIGITS = len(str(MAX_MONEY))
_INTEGER_DIGITS = 9


@compiled(
    pointer(types.uint8),
    types.int64,
    types.uint64,
    types.uint8,
    returns=types.Tuple((types.int64, types.int64, types.uint64)),
)
def _next_end(
    text: Text, looked: int, ends: np.uint64, delimiter: int
) -> tuple[int, int, np.uint64]:
    """Return where the next cell or line ends, and the 64 bytes looked at with their other ends."""
    while ends == 0:
        looked += 64
        ends = marks(text, looked, delimiter, _LINE_FEED)
    return looked + first_bit(ends), looked, ends & (ends - np.uint64(1))


@compiled(pointer(types.uint8), types.int64, types.int64, types.uint8, returns=types.int64)
def _count(text: Text, begin: int, end: int, value: int) -> np.uint64:
    """Count the bytes of a value; 64 bytes behind the end may be looked at."""
    found = np.uint64(0)
    for position in range(begin, end, 64):
        here = marks(text, position, value, value)
        if end - position < 64:
            here &= (np.uint64(1) << np.uint64(end - position)) - np.uint64(1)
        found += count_bits(here)
    return found


@compiled(
    given(types.uint8),
    types.int64,
    types.int64,
    types.uint8,
    types.uint8,
    types.boolean,
    given(types.int64),
    given(types.boolean),
    given(types.uint64),
    given(types.int64),
    given(types.int64),
    given(types.uint8, 2),
    given(types.int64, 2),
    given(types.int64),
    given(types.int64),
    filled(types.int64, 2),
    filled(types.uint8, 2),
    filled(types.int32, 2),
    filled(types.int32, 2),
    filled(types.int64, 2),
    filled(types.int64),
)
def read_lines(
    data: Bytes,
    start: int,
    stop: int,
    delimiter: int,
    point: int,
    quoted: bool,
    kinds: Whole,
    required: NDArray[np.bool_],
    form: NDArray[np.uint64],
    parts: Whole,
    limits: Whole,
    words: Bytes,
    facts: Whole,
    otherwise: Whole,
    either: Whole,
    numbers: Whole,
    known: Bytes,
    begins: Ints,
    lengths: Ints,
    doubts: Whole,
    counts: Whole,
) -> None:
    """Read lines from ``start`` until ``stop``, or until the rows or the doubts are full.

    ``point`` is the decimal mark. With ``quoted`` cells may stand in quotation marks; marks
    elsewhere make a line doubtful.
    ``kinds`` and ``required`` say of each column what it holds and whether it must hold something;
    ``form`` and ``parts``, of `form_of`, are of its dates;
    ``limits`` are the earliest and the latest time, in microseconds since 1970, the longest text
    and the longest line. Of columns whose texts mean something, ``words`` are the words in small
    letters, ``facts`` (., 3) each one's column, length and meaning, and ``otherwise`` says of each
    column what any other text means: ``DOUBTFUL``, or ``UNASKED`` where texts mean nothing. One of
    the columns ``either`` must hold something.

    For column c of row r, ``known[c, r]`` is 1 where the cell holds something; ``numbers`` takes
    its value (microseconds, ten-thousandths of money, integers, flags, meanings), ``begins`` and
    ``lengths`` where a text stands, without spaces around it. ``doubts`` takes where a doubtful
    line begins and ends, and how many lines were seen with it. ``counts`` takes the number of rows,
    of doubtful lines and of lines, and the place of the first line not looked at. The last byte
    before ``stop`` is a line feed; 64 bytes behind it may be looked at.
    """
    text = address(data)
    width, capacity = len(kinds), numbers.shape[1]
    earliest, latest, longest = limits[0], limits[1], limits[2]
    dates, places_of = address(form), address(parts)
    date = midnight = close = -1
    rows = doubtful = lines = 0
    position = start
    ends, looked = np.uint64(0), start - 64
    while position < stop and rows < capacity and doubtful < len(doubts):
        begin = position
        lines += 1
        sure, last = True, False
        column = wrapped = 0
        while sure and not last:
            end, looked, ends = _next_end(text, looked, ends, delimiter)
            if quoted and text[position] == _QUOTE:
                close = position + 1
                while text[close] != _QUOTE and text[close] != _LINE_FEED:
                    close += 1
                while end < close:  # what parts cells elsewhere parts none in quotation marks
                    end, looked, ends = _next_end(text, looked, ends, delimiter)
            cell, position = position, end + 1
            last = text[end] == _LINE_FEED
            if last and end > cell and text[end - 1] == _RETURN:
                end -= 1
            if last and column == 0 and end == cell:
                break  # a line with nothing in it
            sure = last == (column == width - 1)
            if quoted and text[cell] == _QUOTE:
                sure = sure and end == close + 1 and close > cell
                cell, end = cell + 1, close
                wrapped += 1
            kind = kinds[column]
            if not sure or kind == SKIPPED:
                column += 1
                continue
            if kind == TIME:
                moment, date, midnight = read_moment(
                    text, cell, end, dates, places_of, date, midnight
                )
                sure = earliest <= moment <= latest
                numbers[column, rows] = moment
                known[column, rows] = 1
            elif kind in (MONEY, INTEGER):
                negative = text[cell] == _MINUS
                mark = point if kind == MONEY else _LINE_FEED
                value, digits, places = read_number(text, cell + negative, end, mark)
                sure = value != NO_NUMBER
                if kind == MONEY:
                    sure = sure and digits <= _MOST_DIGITS and places <= _PLACES
                    if sure:
                        value *= _TENS[places]
                        sure = value <= _MOST_MONEY
                else:
                    sure = sure and digits <= _INTEGER_DIGITS
                # An empty cell may hold nothing; a sign alone may not.
                sure = sure and (digits > 0 or not (negative or required[column]))
                numbers[column, rows] = -value if negative else value
                known[column, rows] = digits > 0
            else:
                while cell < end and text[cell] == _SPACE:
                    cell += 1
                while cell < end and text[end - 1] == _SPACE:
                    end -= 1
                known[column, rows] = end > cell
                if kind == TEXT:
                    begins[column, rows] = cell
                    lengths[column, rows] = end - cell
                    sure = end - cell <= longest and (end > cell or not required[column])
                    if otherwise[column] != UNASKED:
                        meaning = meaning_of(text, cell, end, column, words, facts)
                        if meaning == NO_WORD:
                            meaning = otherwise[column]
                        numbers[column, rows] = meaning
                        sure = sure and meaning >= 0
                elif end > cell:
                    flag = read_flag(text, cell, end)
                    numbers[column, rows] = flag
                    sure = flag >= 0
            column += 1
        if sure and column == 0:
            continue
        if sure and quoted:
            sure = 2 * wrapped == _count(text, begin, position, _QUOTE)
        if sure and len(either) > 0:
            some = False
            for i in range(len(either)):
                some = some or known[either[i], rows] == 1
            sure = some
        if sure and position - begin <= limits[3]:
            rows += 1
            continue
        while not last:
            end, looked, ends = _next_end(text, looked, ends, delimiter)
            position, last = end + 1, text[end] == _LINE_FEED
        doubts[doubtful, 0] = begin
        doubts[doubtful, 1] = position
        doubts[doubtful, 2] = lines
        doubtful += 1
    counts[ROWS] = rows
    counts[DOUBTS] = doubtful
    counts[LINES] = lines
    counts[POSITION] = position


@compiled(
    given(types.uint8),
    given(types.int32),
    given(types.int32),
    filled(types.int32),
    filled(types.int32),
    filled(types.uint64, 2),
    filled(types.int32),
    returns=types.int64,
)
def number_texts(
    data: Bytes,
    begins: Ints,
    lengths: Ints,
    codes: Ints,
    first: Ints,
    words: NDArray[np.uint64],
    table: Ints,
) -> int:
    """Number the distinct texts among cells, in the order they come.

    ``codes`` takes each cell's number; empty cells are left out. ``first`` takes the cell in which
    each text first stands. Returns the number of texts, -1 where ``first`` cannot hold them.
    ``words`` (3 for each of ``first``) and ``table`` (a power of two, more than ``first``) are room
    to work in.
    """
    table[:] = -1
    text, behind, found = address(data), len(data), 0
    last = np.uint64(len(table) - 1)
    for i in range(len(begins)):
        begin, length = begins[i], lengths[i]
        codes[i] = 0
        if length == 0:
            continue
        # Sixteen bytes in two words are a text as it is; of a longer one they are its beginning.
        low = first_bytes(text, begin, length, behind)
        high = first_bytes(text, begin + 8, length - 8, behind)
        size = np.uint64(length)
        place = stirred(low ^ high * np.uint64(31), size) & last
        while True:
            code = table[place]
            if code < 0:
                if found == len(first):
                    return -1
                first[found] = i
                words[found, 0], words[found, 1], words[found, 2] = low, high, size
                table[place] = found
                codes[i] = found
                found += 1
                break
            if words[code, 0] == low and words[code, 1] == high and words[code, 2] == size:
                other = begins[first[code]] if length > 16 else 0
                same = True
                for j in range(16, length):
                    same = same and text[begin + j] == text[other + j]
                if same:
                    codes[i] = code
                    break
            place = (place + np.uint64(1)) & last
    return found


@compiled(
    given(types.uint8),
    given(types.int32),
    given(types.int32),
    filled(types.uint8),
    filled(types.int32),
    filled(types.uint64),
)
def join_texts(
    data: Bytes,
    begins: Ints,
    lengths: Ints,
    joined: Bytes,
    offsets: Ints,
    hashes: NDArray[np.uint64],
) -> None:
    """Write cells one behind the other, where each begins, and a hash of each.

    Eight bytes behind the last cell may be written to, and looked at behind each.
    """
    text, out, place = address(data), address(joined), 0
    offsets[0] = 0
    for i in range(len(begins)):
        begin, length = begins[i], lengths[i]
        mixed = np.uint64(length)
        for j in range(0, length, 8):
            word = eight_bytes(text, begin + j)
            put_eight_bytes(out, place + j, word)
            mixed = stirred(mixed, word & MASKS[min(length - j, 8)])
        place += length
        offsets[i + 1] = place
        hashes[i] = mixed
