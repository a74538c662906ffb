"""What values look like: dates in their several forms, amounts, customer numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from credit_core.data.evidence import AmbiguousDatesError, Found, filled_cells
from credit_core.data.mapping import DateFormat

_DATE_SHAPES: dict[DateFormat, str] = {
    "iso": r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ].*)?",
    "yyyymmdd": r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])"
    r"([T ]?([01]\d|2[0-3]):?[0-5]\d(:?[0-5]\d)?Z?)?",
    "named": r"(?i)(\d{1,2}[-/. ])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
    r"([-/. ]|(\.?| \d{1,2}),? )(\d{4}|\d{2})\b.*",
    "epoch_ms": r"\d{12,13}",
    "epoch_s": r"\d{9,10}(\.\d+)?",
    "yymmdd": r"\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])",
}
_PARTS_OF_DATE = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_MOSTLY = 0.8


_NUMBER = re.compile(r"[-+−(]?[^\d()]{0,4}[-+−]?\d[\d.,'’\s]*\)?[^\d()]{0,4}[-+]?\)?")  # noqa: RUF001


def numbers(values: list[str], share: float) -> bool:
    """Return True where so many of the filled cells look like amounts."""
    filled = filled_cells(values)
    return not filled or sum(bool(_NUMBER.fullmatch(v)) for v in filled) >= share * len(filled)


def shape_of(filled: list[str]) -> Literal["dmy"] | DateFormat | None:
    """Return the form most cells have; ``dmy`` stands for either order of day and month."""
    for shape, pattern in _DATE_SHAPES.items():
        if sum(re.fullmatch(pattern, value) is not None for value in filled) >= _MOSTLY * len(
            filled
        ):
            return shape
    pairs = sum(_PARTS_OF_DATE.match(value) is not None for value in filled)
    return "dmy" if pairs >= _MOSTLY * len(filled) else None


def read_date_format(
    found: Found, header: str, name: str, dates: Sequence[str] | None
) -> DateFormat:
    """Decide the form of the dates by their values, all of them where ``dates`` gives all."""
    filled = filled_cells([value.strip() for value in dates] if dates else found.values[header])
    shape = shape_of(filled) if filled else None
    if shape is None:
        return "iso"
    if shape != "dmy":
        found.say("date_format", header, "high", f"values such as {filled[0]!r}")
        return shape
    matches = [match for value in filled if (match := _PARTS_OF_DATE.match(value))]
    first = max(int(match[1]) for match in matches)
    second = max(int(match[3]) for match in matches)
    if (first > 12) != (second > 12):
        decided: DateFormat = "dmy" if first > 12 else "mdy"
        which = "day" if first > 12 else "month"
        found.say(
            "date_format", header, "high", f"{which} first: a part goes up to {max(first, second)}"
        )
        return decided
    by_order = _by_order(matches) if max(first, second) <= 12 else None
    if by_order is not None and dates is not None:
        which = "day" if by_order == "dmy" else "month"
        found.say(
            "date_format", header, "medium", f"only {which} first are the rows in order of time"
        )
        return by_order
    raise AmbiguousDatesError(
        f"{name}: the dates in {header!r} (such as {filled[0]!r}) could be day first or month "
        "first. Say which in a mapping: `date_format: dmy` or `date_format: mdy`.",
        found.evidence,
        header,
    )


def _by_order(matches: list[re.Match[str]]) -> DateFormat | None:
    """Return the reading under which the file's dates never go back, if exactly one does so."""
    rising: list[DateFormat] = []
    orders: tuple[tuple[DateFormat, int, int], ...] = (("dmy", 1, 3), ("mdy", 3, 1))
    for reading, day, month in orders:
        try:
            dates = [datetime(2000 + int(m[4]) % 100, int(m[month]), int(m[day])) for m in matches]
        except ValueError:
            continue
        if len(set(dates)) > 2 and dates == sorted(dates):
            rising.append(reading)
    return rising[0] if len(rising) == 1 else None


def dates_fit(filled: list[str]) -> tuple[float, str]:
    shape = shape_of(filled)
    if shape is None:
        return 0.0, ""
    if shape in ("yyyymmdd", "iso", "named", "dmy"):
        return 1.0, "its values are dates"
    # Whole numbers of this length could be anything; alone they count for little.
    return 0.2, "its values read as dates"


def amounts_fit(filled: list[str]) -> tuple[float, str]:
    if not numbers(filled, 0.95) or shape_of(filled) is not None:
        return 0.0, ""
    parts = sum(bool(re.search(r"[.,]\d{1,2}\D*$", value)) for value in filled) / len(filled)
    signed = sum(value[0] in "-−(" or value[-1] in "-)" for value in filled) / len(filled)  # noqa: RUF001
    if parts < 0.2 and signed == 0:
        return 0.0, ""
    return 0.3 + parts / 2 + signed / 4, "its values are amounts with decimals"


def customers_fit(filled: list[str]) -> tuple[float, str]:
    distinct = len(set(filled))
    fractions = any(re.fullmatch(r"[-+]?\d+[.,]\d+", value) for value in filled)
    long = max(len(value) for value in filled) > 40
    if distinct < 2 or distinct > 0.95 * len(filled) or fractions or long:
        return 0.0, ""
    if shape_of(filled) in ("iso", "dmy", "named", "yyyymmdd"):
        return 0.0, ""
    digits = sum(any(c.isdigit() for c in value) for value in filled) / len(filled)
    # Ids hold digits and are many; categories are few words.
    if digits < 0.9:
        return 0.0, ""
    return 0.2 + 0.5 * distinct / len(filled), "its values repeat like customer numbers"
