"""Single cells read by compiled loops: dates, numbers, flags and words of a known meaning.

Eight bytes are looked at as one number, so that a cell costs hardly more the longer it is, and the
processor has no branch to mispredict at its end.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from credit_core.data.compiled import Text, compiled, eight_bytes, first_bit, given, pointer

YEAR, MONTH, DAY, HOUR, MINUTE, SECOND = range(6)
"""What a digit of a date belongs to; other bytes of its shape stand for themselves."""
NO_WORD, FOREIGN = -3, -4
"""No meaning of a text is below 0."""
NO_MOMENT = -(2**63)
NO_NUMBER = -1
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Whole = NDArray[np.int64]

_ZERO = ord("0")
_DAY_US = 86_400_000_000
_FALSE, _TRUE = (int.from_bytes(word, "little") for word in (b"false", b"true"))
MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
"""The first bytes of a word, by their number."""
_EACH = 0x0101_0101_0101_0101
"""A word of ones; times a value, a word of that value."""
_JOINED = (
    (8, 10, 0x00FF_00FF_00FF_00FF),
    (16, 100, 0x0000_FFFF_0000_FFFF),
    (32, 10_000, 0x0000_0000_FFFF_FFFF),
)
"""By what neighbours of so many bits are joined, and the bits that are kept."""
_LENGTH = SECOND + 1


def form_of(shape: list[int]) -> tuple[Words, Whole]:
    """Return a date's shape as `read_moment` wants it.

    Three words for each eight bytes: what is expected of them, 0 for a digit; which of them stand
    for themselves; and the highest bits of those that are digits. And where each part of the date
    begins, -1 for none, and how long it is.
    """
    words = np.zeros((-(-len(shape) // 8), 3, 8), dtype=np.uint8)
    parts = np.full(_LENGTH + 1, -1, dtype=np.int64)
    parts[_LENGTH] = len(shape)
    for i, part in reversed(list(enumerate(shape))):
        if part > SECOND:
            words[i // 8, :, i % 8] = part, 0xFF, 0
        else:
            words[i // 8, :, i % 8], parts[part] = (_ZERO, 0, 0x80), i
    return words.view("<u8").astype(np.uint64).ravel(), parts


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


@compiled(types.uint64, types.uint64, returns=types.uint64)
def _others(digits: np.uint64, wanted: np.uint64) -> np.uint64:
    """Return which of the ``wanted`` highest bits belong to bytes that are not 0 to 9."""
    low = np.uint64(0x7F * _EACH)
    return (((digits & low) + np.uint64(0x76 * _EACH)) | digits) & wanted


@compiled(pointer(types.uint8), types.int64, types.int64, returns=types.int64)
def _two_digits(text: Text, begin: int, part: int) -> int:
    if part < 0:
        return 0
    tens, ones = text[begin + part], text[begin + part + 1]
    return tens * 10 + ones - 11 * _ZERO


@compiled(
    pointer(types.uint8),
    types.int64,
    types.int64,
    pointer(types.uint64),
    pointer(types.int64),
    types.int64,
    types.int64,
    returns=types.Tuple((types.int64, types.int64, types.int64)),
)
def read_moment(
    text: Text, begin: int, end: int, form: Words, parts: Whole, date: int, midnight: int
) -> tuple[int, int, int]:
    """Return the microseconds since 1970 that a date says, ``NO_MOMENT`` where it is none.

    ``form`` and ``parts`` are of `form_of`; 24 bytes may be looked at. ``date`` and ``midnight``
    are those of another date, returned by an earlier call: rows of one day often follow one
    another.
    """
    if end - begin != parts[_LENGTH]:
        return NO_MOMENT, date, midnight
    wrong = np.uint64(0)
    for i in range((parts[_LENGTH] + 7) >> 3):
        found = eight_bytes(text, begin + 8 * i) ^ form[3 * i]
        wrong |= (found & form[3 * i + 1]) | _others(found, form[3 * i + 2])
    if wrong:
        return NO_MOMENT, date, midnight
    year = _two_digits(text, begin, parts[YEAR]) * 100
    year += _two_digits(text, begin, parts[YEAR] + 2)
    month, day = _two_digits(text, begin, parts[MONTH]), _two_digits(text, begin, parts[DAY])
    named = (year * 100 + month) * 100 + day
    if named != date:
        if not (1 <= month <= 12 and 1 <= day <= _days_in(year, month)):
            return NO_MOMENT, date, midnight
        date, midnight = named, _days_since_1970(year, month, day) * _DAY_US
    hour, minute = _two_digits(text, begin, parts[HOUR]), _two_digits(text, begin, parts[MINUTE])
    second = _two_digits(text, begin, parts[SECOND])
    if hour > 23 or minute > 59 or second > 59:
        return NO_MOMENT, date, midnight
    return midnight + ((hour * 60 + minute) * 60 + second) * 1_000_000, date, midnight


@compiled(types.uint64, returns=types.int64)
def _value(digits: np.uint64) -> int:
    """Return the number of eight digits, the first of which is the lowest byte.

    Neighbours are joined to pairs, pairs to fours, fours to the number.
    """
    for size, power, kept in _JOINED:
        digits = (digits * np.uint64(power) + (digits >> np.uint64(size))) & np.uint64(kept)
    return int(digits)


@compiled(
    pointer(types.uint8),
    types.int64,
    types.int64,
    types.uint8,
    returns=types.Tuple((types.int64, types.int64, types.int64)),
)
def _read_long(text: Text, begin: int, end: int, point: int) -> tuple[int, int, int]:
    """Do as `read_number` with any number of bytes; 18 digits are all that is read."""
    value = digits = 0
    pointed = -1
    for position in range(begin, end):
        digit = text[position] - _ZERO
        if text[position] == point and digits > 0 and pointed < 0:
            pointed = digits
        elif 0 <= digit <= 9 and digits < 18:
            value, digits = value * 10 + digit, digits + 1
        else:
            return NO_NUMBER, 0, 0
    if pointed < 0:
        return value, digits, 0
    return (value if pointed < digits else NO_NUMBER), pointed, digits - pointed


@compiled(
    pointer(types.uint8),
    types.int64,
    types.int64,
    types.uint8,
    returns=types.Tuple((types.int64, types.int64, types.int64)),
)
def read_number(text: Text, begin: int, end: int, point: int) -> tuple[int, int, int]:
    """Return the digits of a cell as one number, and how many stand before and behind the point.

    The first is ``NO_NUMBER`` where anything else stands there, or nothing on a side of the point.
    Eight bytes behind the end may be looked at.
    """
    if end - begin > 8:
        return _read_long(text, begin, end, point)
    # The last of the bytes becomes the highest one of the word; before the first stand zeros.
    missing = 8 - (end - begin)
    word = eight_bytes(text, begin) << np.uint64(8 * (missing & 7))
    digits = (word ^ np.uint64(_ZERO * _EACH)) & ~MASKS[missing]
    places = 0
    same = digits ^ np.uint64(point ^ _ZERO) * np.uint64(_EACH)
    same = (same - np.uint64(_EACH)) & ~same & np.uint64(0x80 * _EACH)
    if same:
        at = first_bit(same) >> 3
        places = 7 - at
        if places == 0 or at == missing:
            return NO_NUMBER, 0, 0
        digits = (digits & MASKS[at]) << np.uint64(8) | (digits & ~MASKS[at + 1])
        missing += 1
    if _others(digits, np.uint64(0x80 * _EACH)):
        return NO_NUMBER, 0, 0
    return _value(digits), 8 - missing - places, places


@compiled(pointer(types.uint8), types.int64, types.int64, returns=types.int64)
def read_flag(text: Text, begin: int, end: int) -> int:
    """Return 0 or 1, or -1 where the cell is no plain flag; eight bytes are looked at."""
    length = end - begin
    if length == 1 and _ZERO <= text[begin] <= _ZERO + 1:
        return text[begin] - _ZERO
    small = eight_bytes(text, begin) | np.uint64(0x20 * _EACH)
    if length == 4 and small & MASKS[4] == np.uint64(_TRUE):
        return 1
    if length == 5 and small & MASKS[5] == np.uint64(_FALSE):
        return 0
    return -1


@compiled(pointer(types.uint8), types.int64, types.int64, types.int64, returns=types.uint64)
def first_bytes(text: Text, begin: int, length: int, end: int) -> np.uint64:
    """Return the first eight bytes of a text, or as many as it has, as one number.

    Nothing is looked at from ``end`` on.
    """
    if begin + 8 <= end:
        return eight_bytes(text, begin) & MASKS[max(min(length, 8), 0)]
    found = np.uint64(0)
    for j in range(min(length, 8)):
        found |= np.uint64(text[begin + j]) << np.uint64(8 * j)
    return found


@compiled(types.uint64, types.uint64, returns=types.uint64)
def stirred(mixed: np.uint64, word: np.uint64) -> np.uint64:
    """Return a hash of what was hashed before and of eight bytes more."""
    mixed = (mixed ^ word) * np.uint64(0x9E37_79B9_7F4A_7C15)
    return mixed ^ mixed >> np.uint64(32)


@compiled(
    pointer(types.uint8),
    types.int64,
    types.int64,
    types.int64,
    given(types.uint8, 2),
    given(types.int64, 2),
    returns=types.int64,
)
def meaning_of(text: Text, begin: int, end: int, column: int, words: Bytes, facts: Whole) -> int:
    """Return what a cell means, as one of the words of its column does, in small or large letters.

    ``NO_WORD`` where it is none of them, ``FOREIGN`` where letters of other alphabets stand in it.
    """
    for j in range(begin, end):
        if text[j] > 127:
            return FOREIGN
    for i in range(len(words)):
        if facts[i, 0] != column or facts[i, 1] != end - begin:
            continue
        same = True
        for j in range(end - begin):
            letter = text[begin + j]
            letter += 32 if 65 <= letter <= 90 else 0
            same = same and letter == words[i, j]
        if same:
            return facts[i, 2]
    return NO_WORD
