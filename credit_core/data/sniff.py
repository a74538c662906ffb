"""Look at a file before trusting it: size, kind, encoding, delimiter, header.

What comes out is always plain UTF-8 text (or Parquet) that DuckDB can read strictly.
"""

from __future__ import annotations

import codecs
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from credit_core.data.header import find_header, refuse_duplicate_headers, refuse_width
from credit_core.data.lines import LEAST_BYTES
from credit_core.data.source import Source, Spaces, index_records
from credit_core.data.unpack import (
    GZIP,
    PARQUET,
    ZIPS,
    decode,
    gunzip,
    is_spreadsheet,
    tidy_lines,
    unpack_spreadsheet,
    unzip,
)
from credit_core.errors import InputError
from credit_core.settings import Settings

_CHUNK = 1 << 19
"""Bytes without a line end that make a line suspect of being too long for the reader."""
_SPACE, _END = b" \n"
_NO_BREAK = tuple(space.encode() for space in "\xa0\u2007\u202f\u3000")
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"SQLiteformat3", "a database file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
    (b"<table", "a web page"),
    (b"{\\rtf", "a text document"),
    (b"{", "a JSON document"),
    (b"[{", "a JSON document"),
    (b"[[", "a JSON document"),
    # Where another archive was unpacked:
    (GZIP, "a gzip archive"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (PARQUET, "a Parquet file"),
)
"""How files of other kinds begin, white space left out."""


def look_at(path: Path, settings: Settings, scratch: Path) -> Source:
    """Check a file and return it as a `Source`; decoded copies go to ``scratch``.

    Raises
    ------
    InputError
        With one sentence: missing, empty, too large, not a table, no header, NUL bytes.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        shown = str(path) if str(path).isprintable() else repr(str(path))
        raise InputError(f"There is no file {shown}; check the path.") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path} is a folder; give one CSV or Parquet file.")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path} is a pipe or a device, not a file; save its content first.")
    size = status.st_size
    if size == 0:
        raise InputError(f"{path.name} is empty; give a file with a header line and rows.")
    if size > settings.max_bytes:
        raise InputError(
            f"{path.name} has {size:,} bytes, more than the {settings.max_bytes:,} allowed; "
            "split it, or raise CANDOR_MAX_BYTES."
        )
    try:
        start = _beginning(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if start[:4] == PARQUET:
        return _parquet(path, settings)
    if start[:2] == GZIP:
        plain = scratch / "unpacked.csv"
        gunzip(path, plain, settings)
        _refuse_other_kinds(f"The content of {path.name}", _beginning(plain))
        return _text(path, plain, scratch, settings, [])
    if start[:4] in ZIPS:
        return _zipped(path, scratch, settings)
    _refuse_other_kinds(path.name, start)
    return _text(path, path, scratch, settings, [])


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path.name[:100]} cannot be opened ({error.strerror}); check the path and who may read "
        "the file."
    )


def _beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4096)


def _zipped(path: Path, scratch: Path, settings: Settings) -> Source:
    plain = scratch / "unpacked.csv"
    if is_spreadsheet(path):
        sheet = unpack_spreadsheet(path, plain, settings)
        return _text(path, plain, scratch, settings, [f"read from the sheet {sheet}"])
    inside = unzip(path, plain, settings)
    _refuse_other_kinds(f"{inside!r} in {path.name}", _beginning(plain))
    return _text(path, plain, scratch, settings, [f"unpacked from {inside!r}"])


def _refuse_other_kinds(name: str, start: bytes) -> None:
    start = b"".join(start.removeprefix(codecs.BOM_UTF8)[:256].split()).lower()
    for signature, kind in _SIGNATURES:
        if start.startswith(signature.lower()):
            raise InputError(
                f"{name} is {kind}, not a table of text; export it as CSV and try again."
            )


def _parquet(path: Path, settings: Settings) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        facts = pq.read_metadata(path)
        schema = facts.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} begins like Parquet but cannot be read as such; export it again."
        ) from error
    if facts.num_rows == 0 or not schema.names:
        raise InputError(f"{path.name} has no rows; nothing can be read.")
    refuse_rows(facts.num_rows, path.name, settings)
    refuse_width(len(schema.names), path.name, settings)
    refuse_duplicate_headers(schema.names, path.name)
    digest = _content_hash(path)
    types = tuple("nested" if pa.types.is_nested(kind) else str(kind) for kind in schema.types)
    return Source(path, path.name, "parquet", digest, tuple(schema.names), types=types)


def refuse_rows(rows: int, name: str, settings: Settings) -> None:
    """Refuse a table of more rows than allowed."""
    if rows > settings.max_rows:
        raise InputError(
            f"{name} has {rows:,} rows, more than the {settings.max_rows:,} allowed; split it, or "
            "raise CANDOR_MAX_ROWS."
        )


def _content_hash(path: Path) -> str:
    """Return the BLAKE3 of a file, as ``b3sum`` gives it: a fifth of the work of SHA-256."""
    found, buffer = blake3(), bytearray(_CHUNK)
    with path.open("rb", buffering=0) as stream:
        while filled := stream.readinto(buffer):
            found.update(memoryview(buffer)[:filled])
    return found.hexdigest()


def _text(path: Path, plain: Path, scratch: Path, settings: Settings, notes: list[str]) -> Source:
    """Return the source of a text; ``plain`` is ``path`` itself or its unpacked copy."""
    with ThreadPoolExecutor(1) as aside:
        digest = aside.submit(_content_hash, path)
        looked = _scan(plain, path.name)
    if looked.encoding != "utf-8":
        notes.append(f"read as {looked.encoding}")
        decoded = scratch / "decoded.csv"
        decode(plain, looked.encoding, decoded, path.name)
        plain, looked = decoded, _scan(decoded, path.name)
        _refuse_other_kinds(path.name, _beginning(plain))
    if looked.damaged:
        notes.append("some rows hold bytes that are not UTF-8; they are set aside")
    if looked.untidy:
        tidied = scratch / "tidied.csv"
        tidy_lines(plain, tidied)
        plain, looked = tidied, _scan(tidied, path.name)
    found = find_header(plain, path.name, settings)
    if found.left_out:
        plural = "s" if found.left_out > 1 else ""
        notes.append(f"{found.left_out:,} row{plural} above the header left out")
    spaces = looked.around_cells(found.delimiter)
    source = Source(
        path=plain,
        name=path.name,
        kind="csv",
        content_hash=digest.result(),
        header=found.header,
        delimiter=found.delimiter,
        lines=looked.lines,
        notes=tuple(notes),
        header_line=found.line,
        skip=found.number,
        plain=looked.plain and spaces != "odd",
        quoted=looked.quoted,
        spaces=spaces,
    )
    if source.lines > settings.max_rows:
        refuse_rows(len(index_records(source).starts), source.name, settings)
    return source


@dataclass(frozen=True)
class _Looked:
    """What one pass over a file's bytes tells.

    ``untidy`` lines are very long ones, or end in more than one way. ``damaged`` is UTF-8 with
    some bytes that are not. ``beside_spaces`` are the bytes that stand before or after a space, as
    far as was looked: a line's end among them settles it.
    """

    encoding: str
    lines: int
    untidy: bool
    damaged: bool
    quoted: bool
    tabs: bool
    no_break: bool
    beside_spaces: frozenset[int]

    @property
    def plain(self) -> bool:
        return not (self.untidy or self.damaged)

    def around_cells(self, delimiter: str) -> Spaces:
        """Return which spaces may stand around the text of a cell."""
        if self.no_break or (self.tabs and delimiter != "\t"):
            return "odd"
        return "none" if self.beside_spaces.isdisjoint(f'{delimiter}"\r\n'.encode()) else "plain"


def _scan(path: Path, name: str) -> _Looked:
    """Count the lines, and decide the encoding by mark or by strict decoding."""
    large = path.stat().st_size >= LEAST_BYTES
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = _wide_encoding(_beginning(path)) or "utf-8"
    last = bytearray(b"\n")
    beside = np.zeros(256, dtype=bool)
    feeds = returns = pairs = 0
    long = damaged = quoted = tabs = no_break = False
    buffer = bytearray(_CHUNK)  # one for all blocks: fresh memory costs more than the looking
    marks = np.empty(_CHUNK, dtype=np.bool_)
    with path.open("rb", buffering=0) as stream:
        while filled := stream.readinto(buffer):
            block = buffer if filled == len(buffer) else buffer[:filled]
            if encoding not in ("utf-8", "cp1252"):
                continue
            if b"\x00" in block:
                raise InputError(
                    f"{name} holds NUL bytes, so it is not plain text; export it again as UTF-8 "
                    "CSV."
                )
            quoted = quoted or b'"' in block
            codes = np.frombuffer(block, dtype=np.uint8)
            same = np.equal(codes, _END, out=marks[:filled])
            ends = int(np.count_nonzero(same))
            long = long or (ends == 0 and filled == len(buffer))
            feeds += ends
            if b"\r" in block:
                returns += int(np.count_nonzero(codes == 13))
                pairs += block.count(b"\r\n")
            pairs += last == b"\r" and block[:1] == b"\n"
            if large:  # the loops for such files trim at no cost
                beside[_END] = True
            if not beside[_END]:
                _mark_beside_spaces(codes, last[0], beside)
            last, tabs = block[-1:], tabs or b"\t" in block
            # Plain ASCII needs no decoding, unless a character was cut at the last block's end.
            if codes.max() > 127:
                no_break = no_break or any(space in block for space in _NO_BREAK)
            elif not decoder.getstate()[0]:
                continue
            if encoding == "utf-8" and not damaged:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    damaged = _mostly_utf8(block)
                    encoding = "utf-8" if damaged else "cp1252"
    if encoding == "utf-8" and not damaged and decoder.getstate()[0]:
        encoding = "cp1252"  # the file ends inside a character
    beside[_END] |= last == b" "
    return _Looked(
        encoding=encoding,
        lines=feeds + (last != b"\n"),
        untidy=long or (returns > 0 and not returns == pairs == feeds),
        damaged=damaged,
        quoted=quoted,
        tabs=tabs,
        no_break=no_break,
        beside_spaces=frozenset(np.flatnonzero(beside).tolist()),
    )


def _mark_beside_spaces(codes: NDArray[np.uint8], last: int, beside: NDArray[np.bool_]) -> None:
    """Mark in ``beside`` which bytes stand before or after a space; ``last`` is the one before."""
    spaces = np.flatnonzero(codes == _SPACE)
    if len(spaces) > len(codes) // 32:  # much text: looking would cost more than it can save
        beside[_END] = True
        return
    beside[codes[np.maximum(spaces - 1, 0)]] = True
    beside[codes[np.minimum(spaces + 1, len(codes) - 1)]] = True
    beside[last] |= codes[0] == _SPACE
    beside[codes[0]] |= last == _SPACE


def _wide_encoding(start: bytes) -> str | None:
    """Return the encoding of two or four bytes a character, by its mark or by its zero bytes."""
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # A header begins in Latin letters, so every other byte of its first characters is zero.
    first = start[:16]
    if len(first) == 16 and all(first[::2]) and not any(first[1::2]):
        return "utf-16-le"
    if len(first) == 16 and all(first[1::2]) and not any(first[::2]):
        return "utf-16-be"
    return None


def _mostly_utf8(block: bytearray) -> bool:
    """Return True where most characters beyond ASCII are whole in UTF-8; in cp1252 few are."""
    text = block.decode("utf-8", errors="replace")
    return len(re.findall(r"[^\x00-\x7f�]", text)) > text.count("�")
