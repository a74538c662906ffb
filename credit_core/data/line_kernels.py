"""Loops over the bytes of a text in which every line is a record, compiled when first used.

They take what is plain, and only that: a cell that they do not read for certain makes its whole
line doubtful, and doubtful lines are left to the rules that know every form.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import (
    byte,
    compiled,
    count_bits,
    eight_bytes,
    filled,
    first_bit,
    given,
    marks,
)
from credit_core.data.contract import MAX_MONEY, Kind

SKIPPED, TEXT, TIME, MONEY, INTEGER, FLAG = range(6)
KINDS: dict[Kind, int] = {
    "text": TEXT,
    "timestamp": TIME,
    "money": MONEY,
    "integer": INTEGER,
    "flag": FLAG,
}
"""What a column of the file holds."""
YEAR, MONTH, DAY, HOUR, MINUTE, SECOND = range(6)
"""What a digit of a date belongs to; other bytes of its shape stand for themselves."""
ROWS, DOUBTS, LINES, POSITION = range(4)
"""What `read_lines` counts."""
DOUBTFUL, UNASKED, NO_WORD, FOREIGN = -1, -2, -3, -4
"""No meaning of a text is below 0."""
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Whole = NDArray[np.int64]

_LINE_FEED, _RETURN, _SPACE, _MINUS, _ZERO, _QUOTE = b'\n\r -0"'
_PLACES = 4
_TENS = (10_000, 1_000, 100, 10, 1)
_MOST_MONEY = MAX_MONEY * 10_000
_MOST_DIGITS = len(str(MAX_MONEY))
_INTEGER_DIGITS = 9
_DAY_US = 86_400_000_000
_WORDS = (np.frombuffer(b"false", np.uint8), np.frombuffer(b"true", np.uint8))


@compiled(types.int64, types.int64, returns=types.int64)
def _days_in(year: int, month: int) -> int:
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31


@compiled(types.int64, types.int64, types.int64, returns=types.int64)
def _days_since_1970(year: int, month: int, day: int) -> int:
    # Years begin in March here, so that the leap day is the last: Hinnant, days_from_civil.
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@compiled(
    given(types.uint8),
    types.int64,
    given(types.uint8),
    filled(types.int64),
    returns=types.boolean,
)
def _read_digits(data: Bytes, position: int, shape: Bytes, fields: Whole) -> bool:
    """Read the digits of a date of this shape into ``fields``; False where something else is."""
    fields[:] = 0
    j = 0
    while j < len(shape):
        part = shape[j]
        if part > SECOND:
            if byte(data, position + j) != part:
                return False
            j += 1
            continue
        value = 0
        while j < len(shape) and shape[j] == part:
            digit = byte(data, position + j) - _ZERO
            if not 0 <= digit <= 9:
                return False
            value = value * 10 + digit
            j += 1
        fields[part] = value
    return True


@compiled(given(types.uint8), types.int64, types.int64, returns=types.int64)
def _read_flag(data: Bytes, begin: int, end: int) -> int:
    """Return 0 or 1, or -1 where the cell is no plain flag."""
    if end - begin == 1 and _ZERO <= byte(data, begin) <= _ZERO + 1:
        return byte(data, begin) - _ZERO
    for value in range(2):
        word = _WORDS[value]
        if end - begin == len(word):
            same = True
            for j in range(len(word)):
                same &= byte(data, begin + j) | 32 == word[j]  # in small letters
            if same:
                return value
    return -1


_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)


@compiled(given(types.uint8), types.int64, types.int64, returns=types.uint64)
def first_bytes(data: Bytes, begin: int, length: int) -> np.uint64:
    """Return the first eight bytes of a text, or as many as it has, as one number."""
    if begin + 8 <= len(data):
        return eight_bytes(data, begin) & _MASKS[max(min(length, 8), 0)]
    found = np.uint64(0)
    for j in range(min(length, 8)):
        found |= np.uint64(byte(data, begin + j)) << np.uint64(8 * j)
    return found


@compiled(
    given(types.uint8),
    types.int64,
    types.int64,
    types.int64,
    given(types.uint8, 2),
    given(types.int64, 2),
    returns=types.int64,
)
def _meaning(data: Bytes, begin: int, end: int, column: int, words: Bytes, facts: Whole) -> int:
    """Return what a cell means, as one of the words of its column does, in small or large letters.

    ``NO_WORD`` where it is none of them, ``FOREIGN`` where letters of other alphabets stand in it.
    """
    for j in range(begin, end):
        if byte(data, j) > 127:
            return FOREIGN
    for i in range(len(words)):
        if facts[i, 0] != column or facts[i, 1] != end - begin:
            continue
        same = True
        for j in range(end - begin):
            letter = byte(data, begin + j)
            letter += 32 if 65 <= letter <= 90 else 0
            same = same and letter == words[i, j]
        if same:
            return facts[i, 2]
    return NO_WORD


@compiled(
    given(types.uint8),
    types.int64,
    types.uint64,
    types.uint8,
    returns=types.Tuple((types.int64, types.int64, types.uint64)),
)
def _next_end(
    data: Bytes, looked: int, ends: np.uint64, delimiter: int
) -> tuple[int, int, np.uint64]:
    """Return where the next cell or line ends, and the 64 bytes looked at with their other ends."""
    while ends == 0:
        looked += 64
        ends = marks(data, looked, delimiter, _LINE_FEED)
    return looked + first_bit(ends), looked, ends & (ends - np.uint64(1))


@compiled(given(types.uint8), types.int64, types.int64, types.uint8, returns=types.int64)
def _count(data: Bytes, begin: int, end: int, value: int) -> np.uint64:
    """Count the bytes of a value; 64 bytes behind the end may be looked at."""
    found = np.uint64(0)
    for position in range(begin, end, 64):
        here = marks(data, position, value, value)
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
    given(types.uint8),
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
    shape: Bytes,
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
    width, capacity = len(kinds), numbers.shape[1]
    fields = np.zeros(6, dtype=np.int64)
    earliest, latest, longest = limits[0], limits[1], limits[2]
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
            end, looked, ends = _next_end(data, looked, ends, delimiter)
            if quoted and byte(data, position) == _QUOTE:
                close = position + 1
                while byte(data, close) != _QUOTE and byte(data, close) != _LINE_FEED:
                    close += 1
                while end < close:  # what parts cells elsewhere parts none in quotation marks
                    end, looked, ends = _next_end(data, looked, ends, delimiter)
            cell, position = position, end + 1
            last = byte(data, end) == _LINE_FEED
            if last and end > cell and byte(data, end - 1) == _RETURN:
                end -= 1
            if last and column == 0 and end == cell:
                break  # a line with nothing in it
            sure = last == (column == width - 1)
            if quoted and byte(data, cell) == _QUOTE:
                sure = sure and end == close + 1 and close > cell
                cell, end = cell + 1, close
                wrapped += 1
            kind = kinds[column]
            if not sure or kind == SKIPPED:
                column += 1
                continue
            if kind == TIME:
                sure = end - cell == len(shape) and _read_digits(data, cell, shape, fields)
                year, month, day = fields[YEAR], fields[MONTH], fields[DAY]
                named = (year * 100 + month) * 100 + day
                if sure and named != date:  # rows of one day often follow one another
                    sure = 1 <= month <= 12 and 1 <= day <= _days_in(year, month)
                    if sure:
                        date, midnight = named, _days_since_1970(year, month, day) * _DAY_US
                sure = sure and fields[HOUR] < 24 and fields[MINUTE] < 60 and fields[SECOND] < 60
                seconds = (fields[HOUR] * 60 + fields[MINUTE]) * 60 + fields[SECOND]
                moment = midnight + seconds * 1_000_000
                sure = sure and earliest <= moment <= latest
                numbers[column, rows] = moment
                known[column, rows] = 1
            elif kind in (MONEY, INTEGER):
                at = cell
                negative = byte(data, at) == _MINUS
                at += negative
                value = digits = places = 0
                while _ZERO <= byte(data, at) <= _ZERO + 9 and digits <= _MOST_DIGITS:
                    value = value * 10 + (byte(data, at) - _ZERO)
                    digits += 1
                    at += 1
                if kind == MONEY:
                    sure = digits <= _MOST_DIGITS
                    if digits > 0 and byte(data, at) == point:
                        at += 1
                        while _ZERO <= byte(data, at) <= _ZERO + 9 and places <= _PLACES:
                            value = value * 10 + (byte(data, at) - _ZERO)
                            places += 1
                            at += 1
                        sure = sure and 1 <= places <= _PLACES
                    if sure:
                        value *= _TENS[places]
                        sure = value <= _MOST_MONEY
                else:
                    sure = digits <= _INTEGER_DIGITS
                # An empty cell may hold nothing; a sign alone may not.
                sure = sure and at == end and (digits > 0 or not (negative or required[column]))
                numbers[column, rows] = -value if negative else value
                known[column, rows] = digits > 0
            else:
                while cell < end and byte(data, cell) == _SPACE:
                    cell += 1
                while cell < end and byte(data, end - 1) == _SPACE:
                    end -= 1
                known[column, rows] = end > cell
                if kind == TEXT:
                    begins[column, rows] = cell
                    lengths[column, rows] = end - cell
                    sure = end - cell <= longest and (end > cell or not required[column])
                    if otherwise[column] != UNASKED:
                        meaning = _meaning(data, cell, end, column, words, facts)
                        if meaning == NO_WORD:
                            meaning = otherwise[column]
                        numbers[column, rows] = meaning
                        sure = sure and meaning >= 0
                elif end > cell:
                    flag = _read_flag(data, cell, end)
                    numbers[column, rows] = flag
                    sure = flag >= 0
            column += 1
        if sure and column == 0:
            continue
        if sure and quoted:
            sure = 2 * wrapped == _count(data, begin, position, _QUOTE)
        if sure and len(either) > 0:
            some = False
            for i in range(len(either)):
                some = some or known[either[i], rows] == 1
            sure = some
        if sure and position - begin <= limits[3]:
            rows += 1
            continue
        while not last:
            end, looked, ends = _next_end(data, looked, ends, delimiter)
            position, last = end + 1, byte(data, end) == _LINE_FEED
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
    ``words`` (2 for each of ``first``) and ``table`` (a power of two, more than ``first``) are room
    to work in.
    """
    table[:] = -1
    found = 0
    last = np.uint64(len(table) - 1)
    for i in range(len(begins)):
        begin, length = begins[i], lengths[i]
        codes[i] = 0
        if length == 0:
            continue
        # Sixteen bytes in two words are a text as it is; of a longer one they are its beginning.
        low, high = first_bytes(data, begin, length), first_bytes(data, begin + 8, length - 8)
        mixed = (low ^ high * np.uint64(31)) * np.uint64(0x9E37_79B9_7F4A_7C15)
        place = (mixed >> np.uint64(40)) & last
        while True:
            code = table[place]
            if code < 0:
                if found == len(first):
                    return -1
                first[found] = i
                words[found, 0], words[found, 1] = low, high
                table[place] = found
                codes[i] = found
                found += 1
                break
            if words[code, 0] == low and words[code, 1] == high:
                other = first[code]
                same = lengths[other] == length
                for j in range(16, length):
                    same = same and byte(data, begin + j) == byte(data, begins[other] + j)
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
    """Write cells one behind the other, where each begins, and a hash of each."""
    place = 0
    offsets[0] = 0
    for i in range(len(begins)):
        mixed = np.uint64(14_695_981_039_346_656_037)  # FNV-1a, and a last stirring
        for j in range(begins[i], begins[i] + lengths[i]):
            joined[place] = byte(data, j)
            place += 1
            mixed = (mixed ^ np.uint64(byte(data, j))) * np.uint64(1_099_511_628_211)
        offsets[i + 1] = place
        hashes[i] = mixed ^ (mixed >> np.uint64(29))
