"""How text becomes a value: dates, money, flags; in the reader where it can, else in SQL.

The reader's own casts cost next to nothing, but know one form of a date and plain numbers. What
the reader turns away, and columns whose first rows show another form, are read by the tolerant
SQL of this module; on whatever the reader accepts, the two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from credit_core.data.contract import SQL_TYPES, Kind
from credit_core.data.duck import text_literal
from credit_core.data.mapping import DateFormat
from credit_core.data.source import Spaces

_READER_DATES: dict[DateFormat, tuple[str, ...]] = {
    "iso": ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"),
    "yyyymmdd": ("%Y%m%d",),
    "yymmdd": ("%y%m%d",),
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"),
    "named": ("%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%b %d, %Y"),
    "epoch_s": (),
    "epoch_ms": (),
}
_ENOUGH = 0.99
"""Share of the first filled cells that must have the reader's form for the reader to be used."""


def reader_date(cells: Sequence[str], date_format: DateFormat) -> str | None:
    """Return the one strptime form that nearly all cells have, None where there is none."""
    filled = [cell for cell in cells if cell]
    for form in _READER_DATES[date_format]:
        fits = sum(_fits(cell, form) for cell in filled[:1000])
        if filled and fits >= _ENOUGH * len(filled[:1000]):
            return form
    return None


def _fits(cell: str, form: str) -> bool:
    try:
        datetime.strptime(cell, form)
    except ValueError:
        return False
    return True


def reader_reads(cells: Sequence[str], kind: Kind) -> bool:
    """Return True where nearly all cells are plain numbers or flags, as the reader takes them."""
    filled = [cell for cell in cells if cell]
    if kind == "flag":
        fits = sum(cell.lower() in ("0", "1", "true", "false") for cell in filled)
    else:
        fits = sum(_plain_number(cell) for cell in filled)
    return bool(filled) and fits >= _ENOUGH * len(filled)


def _plain_number(cell: str) -> bool:
    body = cell[1:] if cell[:1] in "+-" else cell
    whole, _, rest = body.partition(".")
    return (whole + rest).isascii() and (whole + rest).isdigit()


_ZONE = r"([+-]\d\d(:?\d\d)?|[A-Ya-y])$"
"""An offset or a zone's name after a time; Z says what holds anyway."""


_SPACES = text_literal(" \t\r\n\xa0\u2007\u202f\u3000")


def trimmed(cell: str) -> str:
    """Return SQL for a cell without outer spaces, tabs and no-break spaces."""
    return f"trim({cell}, {_SPACES})"


def text_sql(cell: str, spaces: Spaces) -> str:
    """Return SQL for a cell without outer spaces, of which the file has such; NULL if empty."""
    if spaces != "plain":
        return f"nullif({trimmed(cell) if spaces == 'odd' else cell}, '')"
    # Trimming every cell would cost more than the parse; asking costs a third of it.
    return (
        f"CASE WHEN starts_with({cell}, ' ') OR ends_with({cell}, ' ') "
        f"THEN nullif(trim({cell}), '') ELSE nullif({cell}, '') END"
    )


def utc_sql(moment: str, timezone: str) -> str:
    """Return SQL that turns a local time without a zone into UTC."""
    if timezone == "UTC":
        return moment
    return f"CAST(timezone({text_literal(timezone)}, {moment}) AS TIMESTAMP)"


_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")

_NAMED_DAYS = ("%d %b", "%d %B", "%b %d", "%B %d")


def timestamp_sql(cell: str, date_format: DateFormat, timezone: str = "UTC") -> str:
    """Return SQL that reads the text expression ``cell`` as a UTC TIMESTAMP, NULL if it is none."""
    if date_format == "iso":
        return _iso_sql(cell, timezone)
    if date_format in ("epoch_s", "epoch_ms"):
        factor = 1_000_000 if date_format == "epoch_s" else 1_000
        # Beyond these bounds make_timestamp would fail instead of giving NULL.
        units = f"TRY_CAST(TRY_CAST({cell} AS DOUBLE) * {factor} AS BIGINT)"
        return f"CASE WHEN abs({units}) < 9e18 THEN make_timestamp({units}) END"
    if date_format == "yyyymmdd":
        # The shorter form of the time first: the longer one would read single digits.
        run_on = _strptime(cell, ["%Y%m%d%H%M", "%Y%m%d%H%M%S"])
        apart = _strptime(cell, [f"%Y%m%d{time}" for time in (*_TIMES, "T%H%M%S", "T%H%M%SZ")])
        digits = rf"regexp_full_match({cell}, '\d{{12}}(\d\d)?')"
        return utc_sql(f"CASE WHEN {digits} THEN {run_on} ELSE {apart} END", timezone)
    if date_format == "yymmdd":
        return utc_sql(_strptime(cell, ["%y%m%d"]), timezone)
    # Two digits of the year first: four would read them as the year 24.
    if date_format == "named":
        cell = rf"regexp_replace({cell}, '[\s,./-]+', ' ', 'g')"
        days = [f"{day} {year}" for day in _NAMED_DAYS for year in ("%y", "%Y")]
    else:
        cell = rf"regexp_replace({cell}, '^(\d+)[-/.](\d+)[-/.](\d+),?[T\s]*', '\1/\2/\3 ')"
        cell = f"rtrim({cell})"
        day = "%d/%m" if date_format == "dmy" else "%m/%d"
        days = [f"{day}/%y", f"{day}/%Y"]
    return utc_sql(_strptime(cell, [f"{day}{time}" for day in days for time in _TIMES]), timezone)


def _strptime(cell: str, forms: Sequence[str]) -> str:
    return f"try_strptime({cell}, [{', '.join(text_literal(form) for form in forms)}])"


def _iso_sql(cell: str, timezone: str) -> str:
    naive = utc_sql(f"TRY_CAST({cell} AS TIMESTAMP)", timezone)
    # Points between the parts of the date and a comma before the fraction mean the same.
    dashed = rf"regexp_replace({cell}, '^(\d{{4}})\.(\d{{1,2}})\.(\d{{1,2}})', '\1-\2-\3')"
    other = utc_sql(f"TRY_CAST(replace({dashed}, ',', '.') AS TIMESTAMP)", timezone)
    # TIMESTAMP alone would drop an offset such as +02:00 without a word.
    return (
        f"CASE WHEN length({cell}) > 16 AND regexp_matches({cell}, {text_literal(_ZONE)}) "
        f"THEN CAST(TRY_CAST({cell} AS TIMESTAMPTZ) AS TIMESTAMP) "
        f"WHEN ends_with({cell}, 'Z') THEN TRY_CAST({cell} AS TIMESTAMP) "
        f"WHEN substr({cell}, 5, 1) = '.' OR contains({cell}, ',') THEN {other} "
        f"WHEN regexp_matches({cell}, '^[0-9]') THEN {naive} END"
    )


_MARK = r"(?:[A-Za-z]{0,3}\p{Sc}|[A-Z]{3}|kr\.?|Kč|zł|Rs\.?|lei)?"
"""A currency's sign or code before or after a number."""


def money_sql(cell: str, decimal: str) -> str:
    """Return SQL that reads the text expression ``cell`` as DECIMAL(18,4), NULL if it is none.

    Beside plain numbers: thousands in groups of three, or of two as in India (by a comma, point,
    space or apostrophe), a currency's sign or code before or after, and brackets or a minus behind
    for a number below zero.
    """
    group = ("[," if decimal == "." else "[.") + r"'\x{2019}\s\x{a0}\x{202f}]"
    point = r"\." if decimal == "." else ","
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d{{1,2}}(?:{group}\d{{2}})+{group}\d{{3}}|\d+)?"
    digits = rf"{whole}(?:{point}\d*)?"
    minus = r"[-\x{2212}]"
    sign = r"[-+\x{2212}]?"
    dressed = (
        rf"^(?:\(\s*{_MARK}\s*{digits}\s*{_MARK}\s*\)"
        rf"|(?:{sign}\s*{_MARK}|{_MARK}\s*{sign})\s*{digits}\s*{_MARK}"
        rf"|{_MARK}\s*{digits}\s*(?:{_MARK}\s*{minus}|{minus}\s*{_MARK}))$"
    )
    bare = f"regexp_replace({cell}, {text_literal(f'[^0-9{decimal}]')}, '', 'g')"
    if decimal == ",":
        bare = f"replace({bare}, ',', '.')"
    value = f"TRY_CAST({bare} AS DECIMAL(18,4))"
    below = rf"regexp_matches({cell}, '[-\x{{2212}}(]')"
    read = (
        f"CASE WHEN regexp_matches({cell}, {text_literal(dressed)}) "
        f"THEN CASE WHEN {below} THEN -{value} ELSE {value} END END"
    )
    return read if decimal == "," else f"coalesce(TRY_CAST({cell} AS DECIMAL(18,4)), {read})"


def flag_sql(cell: str) -> str:
    """Return SQL that reads a trimmed cell as a flag; 1.0 and 0.0 are flags, too."""
    return f"TRY_CAST(regexp_replace({cell}, '^([01])\\.0+$', '\\1') AS {SQL_TYPES['flag']})"


def whole_sql(number: str) -> str:
    """Return SQL that reads a number as an integer, NULL where it has decimals."""
    return f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({number} AS INTEGER) END"
