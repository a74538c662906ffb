"""Unpacking and decoding: gzip, zip and spreadsheets become plain UTF-8 text, within limits."""

from __future__ import annotations

import codecs
import csv
import gzip
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, cast

from credit_core.errors import InputError
from credit_core.settings import Settings

_CHUNK = 1 << 20
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"


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
                if not entry.is_dir() and not entry.filename.startswith(("__MACOSX/", "."))
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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
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
    except zipfile.BadZipFile:
        return False


def unpack_spreadsheet(path: Path, target: Path, settings: Settings) -> str:
    """Write the first sheet with rows as CSV and return its name.

    Cells become the text a CSV would hold: numbers in full, dates as ISO. Line breaks inside a
    cell become spaces, so that a line of the copy is a row of the sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > settings.max_bytes:
            raise InputError(
                f"{path.name} unpacks to more than the {settings.max_bytes:,} bytes allowed; split "
                "it, or raise CANDOR_MAX_BYTES."
            )
    try:
        book = CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height == 0:
                continue
            rows = sheet.to_python(skip_empty_area=False)
            with target.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([_as_text(cell) for cell in row] for row in rows)
            return name
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is a spreadsheet that cannot be read; save it again, or as CSV."
        ) from error
    raise InputError(f"{path.name} is a spreadsheet without a row; nothing can be read.")


def _as_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return " ".join(str(cell).splitlines())


def decode(path: Path, encoding: str, target: Path, name: str) -> int:
    """Write a UTF-8 copy and return its number of line ends."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    lines = 0
    with path.open("rb") as stream, target.open("wb") as out:
        try:
            while block := stream.read(_CHUNK):
                text = decoder.decode(block)
                lines += text.count("\n")
                out.write(text.encode("utf-8"))
            out.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name} is neither UTF-8, UTF-16 nor Western text; save it as UTF-8."
            ) from error
    return lines


def turn_line_ends(path: Path, target: Path) -> int:
    """Write a copy with line feeds for lone carriage returns; return the number of lines."""
    lines = 0
    with path.open("rb") as stream, target.open("wb") as out:
        while block := stream.read(_CHUNK):
            lines += block.count(b"\r")
            out.write(block.replace(b"\r", b"\n"))
    return lines
