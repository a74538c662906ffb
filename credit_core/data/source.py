"""A file that has been looked at, and where its records lie in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from credit_core.errors import InputError

Spaces = Literal["none", "plain", "odd"]
_CHUNK = 1 << 22
csv.field_size_limit(1 << 30)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Source:
    """A file that has been looked at: a delimited text in UTF-8, or Parquet.

    ``content_hash`` is that of the file as it was given; ``path`` may be an unpacked or decoded
    copy of it. ``lines`` counts the lines, the last one also where nothing ends it. The header
    begins on ``header_line`` and is record number ``skip``, blank lines counted. ``spaces`` says
    which spaces may stand around a cell's text: none, plain ones, or tabs and no-break spaces, too.
    ``plain`` is well-formed text of tidy lines, without other spaces than plain ones; where it is
    not ``quoted``, which has quotation marks, every line is one record.
    ``types`` are the column types of a Parquet file.
    """

    path: Path
    name: str
    kind: str
    content_hash: str
    header: tuple[str, ...]
    delimiter: str = ","
    lines: int = 0
    notes: tuple[str, ...] = ()
    header_line: int = 1
    skip: int = 1
    plain: bool = False
    quoted: bool = False
    spaces: Spaces = "plain"
    types: tuple[str, ...] = field(default=(), repr=False)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line a record starts on, its cells); header and blank lines are left out."""
        # Rows with bytes that are not UTF-8 are set aside by the reader, but count here.
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            reader = csv.reader(stream, delimiter=self.delimiter)
            for _ in range(self.skip):
                next(reader, None)
            end = reader.line_num
            for cells in reader:
                if cells:
                    yield end + 1, cells
                end = reader.line_num

    def cells(self, text: str) -> list[str]:
        """Split one record's text into its cells; a line end outside of quotation marks ends it."""
        lines = io.StringIO(text.rstrip("\r\n"), newline="")
        return next(csv.reader(lines, delimiter=self.delimiter), [])

    def well_marked(self, text: str) -> bool:
        """Return True where a line has a record's cells, each in quotation marks or without any."""
        other = re.escape(self.delimiter)
        cell = rf'(?:"(?:[^"]|"")*"|[^"{other}]*)'
        more = len(self.header) - 1
        return re.fullmatch(rf"{cell}(?:{other}{cell}){{{more}}}", text) is not None

    def joined(self, cells: list[str]) -> str:
        """Return one record's cells as text that `cells` splits again."""
        stream = io.StringIO()
        csv.writer(stream, delimiter=self.delimiter, lineterminator="").writerow(cells)
        return stream.getvalue()

    def runs_on(self, text: str) -> bool:
        """Return True where a record's text holds a line that would be a record of its own."""
        following = csv.reader(text.split("\n")[1:], delimiter=self.delimiter)
        return any(len(cells) == len(self.header) for cells in following)

    def swallows(self, cells: list[str]) -> bool:
        """Return True where a quoted cell holds lines like the record it is part of."""
        numbered = [i for i, cell in enumerate(cells) if _DIGIT.search(cell) and "\n" not in cell]
        return len(numbered) >= 2 and any(
            len(inner) == len(self.header) and all(_DIGIT.search(inner[i]) for i in numbered)
            for cell in cells
            for inner in map(self.cells, cell.split("\n")[1:-1])
        )

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


@dataclass(frozen=True)
class RecordIndex:
    """Where each record of a delimited text stands, in order; header and blank lines left out.

    ``starts`` and ``ends`` are byte offsets, ``lines`` the 1-based lines the records start on.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]

    def without(self, lines: Iterable[int]) -> RecordIndex:
        """Return the index without the records that start on these lines."""
        kept = ~np.isin(self.lines, np.fromiter(lines, dtype=np.int64))
        return RecordIndex(self.starts[kept], self.ends[kept], self.lines[kept])


def index_records(source: Source) -> RecordIndex:
    """Find the records of a text by its line ends, but for those inside quotation marks.

    A line end closes a record where the number of quotation marks before it is even (RFC 4180).
    Marks that stand inside unquoted cells break the rule; callers compare the count.
    """
    ends, quotes_before, newlines = [], 0, []
    offset = 0
    with source.path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            codes = np.frombuffer(block, dtype=np.uint8)
            here = np.flatnonzero(codes == 10)
            quotes = np.flatnonzero(codes == 34)
            even = (np.searchsorted(quotes, here) + quotes_before) % 2 == 0
            newlines.append(here + offset)
            ends.append(here[even] + offset)
            quotes_before += len(quotes)
            offset += len(block)
        all_ends, all_newlines = np.concatenate(ends), np.concatenate(newlines)
        starts = np.concatenate([[0], all_ends + 1])
        starts = starts[starts < offset]
        following = np.append(starts[1:], offset)
        # A blank line is a line end alone, or one after a carriage return.
        short = np.flatnonzero(following - starts <= 2)
        blank = np.zeros(len(starts), dtype=bool)
        for i in short:
            stream.seek(starts[i])
            blank[i] = not stream.read(int(following[i] - starts[i])).strip(b"\r\n")
    lines = np.searchsorted(all_newlines, starts) + 1
    kept = ~blank & (lines > source.header_line)
    return RecordIndex(starts[kept], following[kept], lines[kept])
