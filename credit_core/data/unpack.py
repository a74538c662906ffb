"""Unpacking and decoding: gzip, zip and spreadsheets become plain UTF-8 text, within limits."""

from __future__ import annotations

import codecs
import csv
import gzip
import lzma
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, cast

from credit_core.errors import InputError
from credit_core.settings import Settings

_CHUNK = 1 << 20
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_LONGEST_LINE = 1 << 21
"""A line of more bytes is cut: beyond its buffer the reader loses one instead of refusing it."""
_MOST_CELLS = 50_000_000
_CELL_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})([0-9]{1,9})["']""")


_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def gunzip(path: Path, target: Path, settings: Settings) -> None:
    """Unpack a gzip file, refusing what yields more than the limit."""
    try:
        with gzip.open(path, "rb") as stream:
            _copy_bounded(cast("IO[bytes]", stream), target, path.name, settings)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path.name} is a damaged gzip file; compress it again.") from error


def unzip(path: Path, target: Path, settings: Settings) -> str:
    """Unpack the one table of a zip archive and return its name inside."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                entry
                for entry in archive.infolist()
                if not entry.is_dir()
                and not entry.filename.startswith("__MACOSX/")
                and not entry.filename.rpartition("/")[2].startswith(".")
            ]
            if len(members) != 1:
                raise InputError(
                    f"{path.name} is a zip archive of {len(members)} files; give an archive with "
                    "exactly one table in it."
                )
            if members[0].flag_bits & 1:
                raise InputError(f"{path.name} is locked by a password; unpack it first.")
            with archive.open(members[0]) as stream:
                _copy_bounded(stream, target, path.name, settings)
            return members[0].filename
    except NotImplementedError as error:
        raise InputError(
            f"{path.name} is a zip archive packed in an uncommon way; pack it again."
        ) from error
    except _DAMAGED as error:
        raise InputError(f"{path.name} is a damaged zip archive; pack it again.") from error


def _copy_bounded(stream: IO[bytes], target: Path, name: str, settings: Settings) -> None:
    total = 0
    with target.open("wb") as out:
        while block := stream.read(_CHUNK):
            total += len(block)
            if total > settings.max_bytes:
                raise InputError(
                    f"{name} unpacks to more than the {settings.max_bytes:,} bytes allowed; split "
                    "it, or raise CANDOR_MAX_BYTES."
                )
            out.write(block)


def is_spreadsheet(path: Path) -> bool:
    """Return True where a zip archive is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except _DAMAGED:
        return False


def unpack_spreadsheet(path: Path, target: Path, settings: Settings) -> str:
    """Write the largest sheet as CSV and say which it is.

    Cells become the text a CSV would hold: numbers in full, dates as ISO. Line breaks inside a
    cell become spaces and rows without a cell blank lines, so that a line of the copy is a row of
    the sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        _refuse_bomb(path, settings)
        book = CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        filled = {name: sheet for name, sheet in sheets.items() if sheet.end is not None}
        if not filled:
            raise InputError(f"{path.name} is a spreadsheet without a row; nothing can be read.")
        name = max(filled, key=lambda name: filled[name].height * filled[name].width)
        rows = filled[name].to_python(skip_empty_area=False)
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for row in rows:
                cells = [_as_text(cell) for cell in row]
                writer.writerow(cells if any(cells) else [])
    except (CalamineError, *_DAMAGED) as error:
        raise InputError(
            f"{path.name} is a spreadsheet that cannot be read; save it again, or as CSV."
        ) from error
    return repr(name) if len(filled) == 1 else f"{name!r}, the largest of {len(filled)}"


def _refuse_bomb(path: Path, settings: Settings) -> None:
    """Refuse a workbook that unpacks to too much, or whose few cells span a huge sheet.

    A sheet is held in memory from its first cell to its last: one in the far corner would end the
    process.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > settings.max_bytes:
            raise InputError(
                f"{path.name} unpacks to more than the {settings.max_bytes:,} bytes allowed; split "
                "it, or raise CANDOR_MAX_BYTES."
            )
        # A workbook may keep its sheets under any name.
        for entry in archive.infolist():
            columns, rows, kept = {b""}, 0, b""
            with archive.open(entry) as stream:
                while block := stream.read(_CHUNK):
                    found = _CELL_PLACE.findall(kept + block)
                    columns |= {column for column, _ in found}
                    rows = max([rows, *(int(row) for _, row in found)])
                    kept = block[-40:]
            if rows * max(map(_column_number, columns)) > _MOST_CELLS:
                raise InputError(
                    f"{path.name} has a sheet whose cells lie too far apart to be a table; clear "
                    "the stray ones, or save the table as CSV."
                )


def _column_number(letters: bytes) -> int:
    """Return the number of a spreadsheet column.

    >>> _column_number(b"A"), _column_number(b"AB")
    (1, 28)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _as_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return " ".join(str(cell).splitlines())


def decode(path: Path, encoding: str, target: Path, name: str) -> None:
    """Write a UTF-8 copy."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    with path.open("rb") as stream, target.open("wb") as out:
        try:
            while block := stream.read(_CHUNK):
                out.write(decoder.decode(block).encode("utf-8"))
            out.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeError as error:
            raise InputError(
                f"{name} is neither UTF-8, UTF-16 nor Western text; save it as UTF-8."
            ) from error


def tidy_lines(path: Path, target: Path) -> None:
    """Write a copy in which every line ends in a line feed alone and none is beyond reading.

    A line too long for the reader becomes a shorter one that it still sets aside as too long.
    """
    with path.open("rb") as stream, target.open("wb") as out:
        cut = b""
        held = b""
        while block := stream.read(_CHUNK):
            block = held + block
            held = b"\r" if block.endswith(b"\r") else b""
            block = block.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            *lines, rest = (cut + block).split(b"\n")
            out.writelines(_cut(line) + b"\n" for line in lines)
            cut = _cut(rest)
        out.write(cut + held.replace(b"\r", b"\n"))


def _cut(line: bytes) -> bytes:
    # Without its quotation marks, of which one half may be cut off.
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1].replace(b'"', b" ")
