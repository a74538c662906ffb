"""Look at a file before trusting it: size, kind, encoding, delimiter, header.

What comes out is always plain UTF-8 text (or Parquet) that DuckDB can read strictly.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from credit_core.data.contract import normalise_header
from credit_core.data.source import Source
from credit_core.data.unpack import (
    GZIP,
    ZIP,
    decode,
    gunzip,
    is_spreadsheet,
    turn_line_ends,
    unpack_spreadsheet,
    unzip,
)
from credit_core.errors import InputError
from credit_core.settings import Settings

_CHUNK = 1 << 22
_SAMPLE_BYTES = 1 << 18
_DELIMITERS = (",", ";", "\t", "|")
_LIKE_DATA = re.compile(r"[-+]?\d+([.,]\d+)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"SQLite format 3", "a database file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
    (b"{", "a JSON document"),
    (b"[{", "a JSON document"),
)


def look_at(path: Path, settings: Settings, scratch: Path) -> Source:
    """Check a file and return it as a `Source`; decoded copies go to ``scratch``.

    Raises
    ------
    InputError
        With one sentence: missing, empty, too large, not a table, no header, NUL bytes.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}; check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one CSV or Parquet file.")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path.name} is empty; give a file with a header line and rows.")
    if size > settings.max_bytes:
        raise InputError(
            f"{path.name} has {size:,} bytes, more than the {settings.max_bytes:,} allowed; "
            "split it, or raise CANDOR_MAX_BYTES."
        )
    with path.open("rb") as stream:
        start = stream.read(4096)
    if start[:4] == b"PAR1":
        return _parquet(path, settings)
    if start[:2] == GZIP:
        plain = scratch / "unpacked.csv"
        gunzip(path, plain, settings)
        return _text(path, plain, scratch, settings, [])
    if start[:4] == ZIP:
        return _zipped(path, scratch, settings)
    _refuse_other_kinds(path.name, start)
    return _text(path, path, scratch, settings, [])


def _zipped(path: Path, scratch: Path, settings: Settings) -> Source:
    plain = scratch / "unpacked.csv"
    if is_spreadsheet(path):
        sheet = unpack_spreadsheet(path, plain, settings)
        return _text(path, plain, scratch, settings, [f"read from the sheet {sheet!r}"])
    inside = unzip(path, plain, settings)
    with plain.open("rb") as stream:
        _refuse_other_kinds(f"{inside} in {path.name}", stream.read(4096))
    return _text(path, plain, scratch, settings, [f"unpacked from {inside!r}"])


def _refuse_other_kinds(name: str, start: bytes) -> None:
    for signature, kind in _SIGNATURES:
        if start.lstrip()[: len(signature)].lower() == signature.lower():
            raise InputError(
                f"{name} is {kind}, not a table of text; export it as CSV and try again."
            )


def _parquet(path: Path, settings: Settings) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path.name} begins like Parquet but cannot be read as such.") from error
    _refuse_width(len(schema.names), path.name, settings)
    _refuse_duplicate_headers(schema.names, path.name)
    types = tuple("nested" if pa.types.is_nested(kind) else str(kind) for kind in schema.types)
    return Source(path, path.name, "parquet", _sha256(path), tuple(schema.names), types=types)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _text(path: Path, plain: Path, scratch: Path, settings: Settings, notes: list[str]) -> Source:
    """Return the source of a text; ``plain`` is ``path`` itself or its unpacked copy."""
    scanned = plain
    looked = _scan(plain, path.name)
    lines = looked.lines
    if looked.encoding != "utf-8":
        notes.append(f"read as {looked.encoding}")
        decoded = scratch / "decoded.csv"
        lines = decode(plain, looked.encoding, decoded, path.name)
        plain = decoded
    if lines == 0 and looked.carriage_returns:
        notes.append("written with carriage returns for line ends")
        turned = scratch / "turned.csv"
        lines = turn_line_ends(plain, turned)
        plain = turned
    header, delimiter, line = _header(plain, path.name, settings)
    digest = looked.sha256 if scanned == path else _sha256(path)
    return Source(plain, path.name, "csv", digest, header, delimiter, lines, tuple(notes), line)


@dataclass(frozen=True)
class _Looked:
    """What one pass over a file's bytes tells."""

    sha256: str
    encoding: str
    lines: int
    carriage_returns: bool


def _scan(path: Path, name: str) -> _Looked:
    """Hash the bytes, count the lines, and decide the encoding by mark or by strict decoding."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding, lines, returns = "utf-8", 0, False
    with path.open("rb") as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            encoding = "utf-16"
        stream.seek(0)
        while block := stream.read(_CHUNK):
            digest.update(block)
            lines += int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == 10))
            returns = returns or b"\r" in block
            if encoding == "utf-16":
                continue
            if b"\x00" in block:
                raise InputError(
                    f"{name} holds NUL bytes, so it is not plain text; export it again as UTF-8 "
                    "CSV."
                )
            # Plain ASCII needs no decoding, unless a character was cut at the last block's end.
            if encoding == "utf-8" and (decoder.getstate()[0] or not block.isascii()):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    encoding = "cp1252"
    if encoding == "utf-8" and decoder.getstate()[0]:
        encoding = "cp1252"  # the file ends inside a character
    return _Looked(digest.hexdigest(), encoding, lines, returns)


def _header(path: Path, name: str, settings: Settings) -> tuple[tuple[str, ...], str, int]:
    """Return the header, the one delimiter under which the first lines agree, and its line."""
    with path.open("rb") as stream:
        text = stream.read(_SAMPLE_BYTES).decode("utf-8-sig", errors="ignore")
    above = text[: len(text) - len(text.lstrip("\r\n"))].count("\n")
    declared = re.match(r"\s*sep=(.)\r?\n", text)  # Excel's own first line
    if declared:
        text, above = text[declared.end() :], above + 1
    if "\n" not in text.strip("\n\r"):
        raise InputError(f"{name} has a header line at most and no rows; nothing can be read.")
    lines = text.splitlines(keepends=True)[:200]
    fits = []
    for delimiter in _DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO("".join(lines)), delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 0
        if width > 1:
            agree = sum(len(row) == width for row in rows[1:])
            fits.append((agree, width, delimiter, rows[0]))
    if not fits:
        raise InputError(
            f"{name} holds one column at most: no comma, semicolon, tab or bar separates its "
            "header; a transactions file needs a customer, a date and an amount."
        )
    _, width, delimiter, header = max(fits, key=lambda fit: (fit[0], fit[1]))
    _refuse_width(width, name, settings)
    header = [cell.strip() for cell in header]
    if sum(bool(_LIKE_DATA.fullmatch(cell)) for cell in header) >= 2:
        shown = ", ".join(repr(cell) for cell in header[:5])
        raise InputError(
            f"{name} begins with data ({shown}) where its columns' names should stand; add a "
            "header line and try again."
        )
    _refuse_duplicate_headers(header, name)
    return tuple(header), delimiter, above + 1


def _refuse_width(width: int, name: str, settings: Settings) -> None:
    if width > settings.max_columns:
        raise InputError(
            f"{name} has {width:,} columns, more than the {settings.max_columns:,} allowed; leave "
            "some out, or raise CANDOR_MAX_COLUMNS."
        )


def _refuse_duplicate_headers(header: list[str], name: str) -> None:
    seen: dict[str, str] = {}
    for cell in header:
        key = normalise_header(cell)
        if key in seen and key:
            raise InputError(
                f"{name} has two columns named {seen[key]!r} and {cell!r}; rename or remove one."
            )
        seen[key] = cell
