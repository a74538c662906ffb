"""The header of a delimited text: its names, what separates them, and where it stands."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from credit_core.data.contract import KNOWN_NAMES, listed, normalise_header
from credit_core.errors import InputError
from credit_core.settings import Settings

_SAMPLE_BYTES = 1 << 18
_DELIMITERS = (",", ";", "\t", "|")
_LIKE_DATA = re.compile(r"[-+]?\d+([.,]\d+)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
_DECLARED = re.compile(r'\s*"?sep=([^\w\s"]|\t)"?[ \t]*\r?\n', re.IGNORECASE)
_DEEPEST_HEADER = 40


@dataclass(frozen=True)
class Header:
    """The names, what separates them, where they stand, and how many rows stand above them.

    ``line`` is the line the header begins on, ``number`` that of its record, blank lines counted.
    """

    header: tuple[str, ...]
    delimiter: str
    line: int
    number: int
    left_out: int


def find_header(path: Path, name: str, settings: Settings) -> Header:
    """Return the header and the one delimiter under which the first lines agree."""
    with path.open("rb") as stream:
        text = stream.read(_SAMPLE_BYTES).decode("utf-8-sig", errors="ignore")
    if "\n" not in text.strip("\n\r"):
        cut = path.stat().st_size > _SAMPLE_BYTES
        raise InputError(
            f"{name} has a first line of more than {_SAMPLE_BYTES:,} bytes, so it is no table."
            if cut
            else f"{name} has a header line at most and no rows; nothing can be read."
        )
    declared = _DECLARED.match(text)  # Excel's own first line
    fits = []
    for delimiter in (declared[1],) if declared else _DELIMITERS:
        rows = _first_records(text, delimiter)[1 if declared else 0 :]
        at = _header_place([row for *_, row in rows])
        if not rows or len(rows[at][2]) < 2:
            continue
        number, line, header = rows[at]
        agree = sum(len(row) == len(header) for *_, row in rows[at + 1 :])
        found = Header(tuple(cell.strip() for cell in header), delimiter, line, number, at)
        fits.append((agree, len(header), found))
    if not fits:
        if text.count('"') % 2:
            raise InputError(
                f"{name}: a quotation mark in the first lines is never closed. Close or remove it "
                "and try again."
            )
        raise InputError(
            f"{name} holds one column at most: no comma, semicolon, tab or bar separates its "
            "header; a transactions file needs a customer, a date and an amount."
        )
    found = max(fits, key=lambda fit: fit[:2])[2]
    refuse_width(len(found.header), name, settings)
    if sum(bool(_LIKE_DATA.fullmatch(cell)) for cell in found.header) >= 2:
        raise InputError(
            f"{name} begins with data ({listed(found.header[:5])}) where its columns' names should "
            "stand; add a header line and try again."
        )
    refuse_duplicate_headers(found.header, name)
    return found


def _first_records(text: str, delimiter: str) -> list[tuple[int, int, list[str]]]:
    """Return (number, line, cells) of the first records that are not blank."""
    reader = csv.reader(islice(io.StringIO(text, newline="\n"), 200), delimiter=delimiter)
    records, end = [], 0
    for number, row in enumerate(reader, start=1):
        if row:
            records.append((number, end + 1, row))
        end = reader.line_num
    return records


def _header_place(rows: list[list[str]]) -> int:
    """Return which record is the header: the first, or the first with known names below a title.

    Banks write the account, the period and the like above the table, in other widths.
    """
    width = Counter(len(row) for row in rows).most_common(1)[0][0] if rows else 0
    if not rows or (len(rows[0]) == width and all(rows[0])):
        return 0
    for place, row in enumerate(rows[:_DEEPEST_HEADER]):
        names = {normalise_header(cell) for cell in row}
        if len(row) == width and len(names & KNOWN_NAMES) >= 2:
            return place
    return 0


def refuse_width(width: int, name: str, settings: Settings) -> None:
    """Refuse a table of more columns than allowed."""
    if width > settings.max_columns:
        raise InputError(
            f"{name} has {width:,} columns, more than the {settings.max_columns:,} allowed; leave "
            "some out, or raise CANDOR_MAX_COLUMNS."
        )


def refuse_duplicate_headers(header: Sequence[str], name: str) -> None:
    """Refuse names that differ by case, spaces or points only."""
    seen: dict[str, str] = {}
    for cell in header:
        key = normalise_header(cell)
        if key in seen and key:
            raise InputError(
                f"{name} has two columns named {listed([seen[key]])} and {listed([cell])}; rename "
                "or remove one."
            )
        seen[key] = cell
