"""Look at a file before trusting it: size, kind, encoding, delimiter, header.

What comes out is always plain UTF-8 text (or Parquet) that DuckDB can read strictly.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from credit_core.data.contract import normalise_header
from credit_core.errors import InputError
from credit_core.settings import Settings

_CHUNK = 1 << 20
_SAMPLE_BYTES = 1 << 18
_DELIMITERS = (",", ";", "\t", "|")
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"SQLite format 3", "a database file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)


@dataclass(frozen=True)
class Source:
    """A file that has been looked at: a delimited text in UTF-8, or Parquet.

    ``sha256`` is that of the file as it was given; ``path`` may be a decoded copy of it. Blank
    lines may stand before the header, which begins on ``header_line``.
    """

    path: Path
    name: str
    kind: str
    sha256: str
    header: tuple[str, ...]
    delimiter: str = ","
    lines: int = 0
    notes: tuple[str, ...] = ()
    header_line: int = 1

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line a record starts on, its cells); header and blank lines are left out."""
        csv.field_size_limit(1 << 30)
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=self.delimiter)
            for _ in range(self.header_line):
                next(reader, None)
            end = reader.line_num
            for cells in reader:
                if cells:
                    yield end + 1, cells
                end = reader.line_num

    def runs_on(self, text: str) -> bool:
        """Return True where a record's text holds a line that would be a record of its own."""
        following = csv.reader(text.splitlines()[1:], delimiter=self.delimiter)
        return any(len(cells) == len(self.header) for cells in following)

    def never_closed(self, line: int) -> InputError:
        """Return the refusal of a file in which a quotation mark swallows rows."""
        return InputError(
            f"{self.name}: a quotation mark opened at about line {line} is never closed, so rows "
            "would be lost. Close or remove it and try again."
        )

    def lines_at(self, offsets: Iterable[int]) -> dict[int, int]:
        """Return {byte offset: 1-based line} for offsets into ``path``.

        Where an offset points at blank lines, the line is that of the record after them.
        """
        wanted = sorted(set(offsets))
        found: dict[int, int] = {}
        line, position = 1, 0
        with self.path.open("rb") as stream:
            for offset in wanted:
                while position < offset:
                    block = stream.read(min(_CHUNK, offset - position))
                    if not block:
                        break
                    line += block.count(b"\n")
                    position += len(block)
                found[offset] = line + _blank_lines(stream)
                stream.seek(position)
        return found


def _blank_lines(stream: BinaryIO) -> int:
    """Return the number of line ends from here to the next text."""
    ahead = 0
    while block := stream.read(4096):
        text = block.lstrip(b"\r\n")
        ahead += block[: len(block) - len(text)].count(b"\n")
        if text:
            break
    return ahead


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
        return _parquet(path)
    if start[:2] != b"\x1f\x8b":
        _refuse_other_kinds(path, start)
    return _text(path, start, settings, scratch)


def _refuse_other_kinds(path: Path, start: bytes) -> None:
    for signature, kind in _SIGNATURES:
        if start.lstrip()[: len(signature)].lower() == signature.lower():
            raise InputError(
                f"{path.name} is {kind}, not a table of text; export it as CSV and try again."
            )


def _parquet(path: Path) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path.name} begins like Parquet but cannot be read as such.") from error
    _refuse_duplicate_headers(schema.names, path.name)
    return Source(path, path.name, "parquet", _sha256(path), tuple(schema.names))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _text(path: Path, start: bytes, settings: Settings, scratch: Path) -> Source:
    plain, notes = path, []
    if start[:2] == b"\x1f\x8b":
        plain = scratch / "unpacked.csv"
        _gunzip(path, plain, settings)
    looked = _scan(plain, path.name)
    if looked.encoding != "utf-8":
        notes.append(f"read as {looked.encoding}")
        decoded = scratch / "decoded.csv"
        lines = _decode(plain, looked.encoding, decoded, path.name)
        plain, looked = decoded, replace(looked, lines=lines)
    header, delimiter, line = _header(plain, path.name, settings)
    digest = looked.sha256 if start[:2] != b"\x1f\x8b" else _sha256(path)
    return Source(
        plain,
        path.name,
        "csv",
        digest,
        header,
        delimiter,
        looked.lines,
        tuple(notes),
        header_line=line,
    )


def _gunzip(path: Path, target: Path, settings: Settings) -> None:
    """Unpack a gzip file, refusing what yields more than the limit."""
    total = 0
    try:
        with gzip.open(path, "rb") as stream, target.open("wb") as out:
            while block := stream.read(_CHUNK):
                total += len(block)
                if total > settings.max_bytes:
                    raise InputError(
                        f"{path.name} unpacks to more than the {settings.max_bytes:,} bytes "
                        "allowed; split it, or raise CANDOR_MAX_BYTES."
                    )
                out.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path.name} is a damaged gzip file; compress it again.") from error


@dataclass(frozen=True)
class _Looked:
    """What one pass over a file's bytes tells."""

    sha256: str
    encoding: str
    lines: int


def _scan(path: Path, name: str) -> _Looked:
    """Hash the bytes, count the lines, and decide the encoding by mark or by strict decoding."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding, lines = "utf-8", 0
    with path.open("rb") as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            encoding = "utf-16"
        stream.seek(0)
        while block := stream.read(_CHUNK):
            digest.update(block)
            lines += block.count(b"\n")
            if encoding == "utf-16":
                continue
            if b"\x00" in block:
                raise InputError(
                    f"{name} holds NUL bytes, so it is not plain text; export it again as UTF-8 "
                    "CSV."
                )
            if encoding == "utf-8":
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    encoding = "cp1252"
    if encoding == "utf-8" and decoder.getstate()[0]:
        encoding = "cp1252"  # the file ends inside a character
    return _Looked(digest.hexdigest(), encoding, lines)


def _decode(path: Path, encoding: str, target: Path, name: str) -> int:
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


def _header(path: Path, name: str, settings: Settings) -> tuple[tuple[str, ...], str, int]:
    """Return the header, the one delimiter under which the first lines agree, and its line."""
    with path.open("rb") as stream:
        text = stream.read(_SAMPLE_BYTES).decode("utf-8-sig", errors="ignore")
    if "\n" not in text.strip("\n\r"):
        raise InputError(f"{name} has a header line at most and no rows; nothing can be read.")
    lines = text.splitlines(keepends=True)
    if len(lines) > 200:
        lines = lines[:200]
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
    if width > settings.max_columns:
        raise InputError(f"{name} has {width:,} columns; at most {settings.max_columns} are read.")
    _refuse_duplicate_headers(header, name)
    blank = text[: len(text) - len(text.lstrip("\r\n"))].count("\n")
    return tuple(cell.strip() for cell in header), delimiter, blank + 1


def _refuse_duplicate_headers(header: list[str], name: str) -> None:
    seen: dict[str, str] = {}
    for cell in header:
        key = normalise_header(cell)
        if key in seen and key:
            raise InputError(
                f"{name} has two columns named {seen[key]!r} and {cell!r}; rename or remove one."
            )
        seen[key] = cell
