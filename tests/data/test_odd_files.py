"""Odd files by name: what becomes of each, or the sentence that refuses it."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_core.data.intake import ingest
from credit_core.data.mapping import Mapping
from credit_core.data.reading import REASONS
from credit_core.data.store import Dataset, list_datasets
from credit_core.errors import InputError
from credit_core.settings import Settings

HEAD = "customer_id,timestamp,amount\n"
NOTED = "customer_id,timestamp,amount,note\n"
GOOD = "A,2024-01-05,1\nB,2024-01-06,2\nC,2024-01-07,3\n"
NOTES = GOOD.replace("\n", ",x\n")
COLUMNS = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}


@dataclass(frozen=True)
class Odd:
    """A file and what must become of it.

    ``reasons`` counts rejects by (column, key of `REASONS`); ``mapping`` are some of its fields;
    ``stored`` maps a canonical column to all its values, in any order; ``notes`` is a part of one.
    """

    name: str
    content: str | bytes
    rows: int
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    mapping: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Iterable[Any]] = field(default_factory=dict)
    notes: str = ""
    given: Mapping | None = None
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A file, and a part of the sentence that refuses it."""

    name: str
    content: str | bytes
    says: str
    given: Mapping | None = None
    limits: dict[str, int] = field(default_factory=dict)


def amounts(*cells: str, delimiter: str = ";") -> str:
    """Return a file with these amounts, one a row."""
    lines = [f"C{i}{delimiter}2024-01-05{delimiter}{cell}" for i, cell in enumerate(cells)]
    return "\n".join([HEAD.strip().replace(",", delimiter), *lines]) + "\n"


def dates(*cells: str) -> str:
    """Return a file with these dates, one a row."""
    lines = [f'C{i},"{cell}",1' for i, cell in enumerate(cells)]
    return "\n".join(["customer_id,date,amount", *lines]) + "\n"


def customers(*cells: str) -> str:
    return HEAD + "".join(f"{cell},2024-01-05,1\n" for cell in cells)


def zipped(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def locked(archive: bytes) -> bytes:
    """Return a zip archive whose members say that they are encrypted."""
    changed = bytearray(archive)
    changed[6] |= 1
    changed[changed.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


@dataclass(frozen=True)
class Formula:
    text: str
    value: float | None = None


def workbook(*sheets: list[list[object]], more: str = "") -> bytes:
    """Return an Excel workbook; ``more`` is put into the first sheet's data as it is."""
    names = "".join(
        f'<sheet name="Sheet{i}" sheetId="{i}" r:id="r{i}"/>' for i in range(1, len(sheets) + 1)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    links = "".join(
        f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    styles = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
    types = 'xmlns="http://schemas.openxmlformats.org/package/2006/content-types"'
    return zipped(
        {
            "[Content_Types].xml": f"<Types {types}/>",
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets>{names}</sheets>'
            "</workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">{links}'
            "</Relationships>",
            "xl/styles.xml": f"<styleSheet {main}>{styles}</styleSheet>",
        }
        | {
            f"xl/worksheets/sheet{number}.xml": f"<worksheet {main}><sheetData>"
            + "".join(_sheet_row(i, row) for i, row in enumerate(rows, start=1))
            + (more if number == 1 else "")
            + "</sheetData></worksheet>"
            for number, rows in enumerate(sheets, start=1)
        }
    )


def _sheet_row(number: int, cells: list[object]) -> str:
    return f'<row r="{number}">{"".join(map(_sheet_cell, _places(number), cells))}</row>'


def _places(number: int) -> Iterable[str]:
    return (f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[i]}{number}" for i in range(26))


def _sheet_cell(place: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86400
        return f'<c r="{place}" s="1"><v>{days!r}</v></c>'
    if isinstance(value, Formula):
        known = "" if value.value is None else f"<v>{value.value}</v>"
        return f'<c r="{place}"><f>{escape(value.text)}</f>{known}</c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


SHEET: list[list[object]] = [
    ["customer_id", "timestamp", "amount", "category", "is_fraud"],
    [12, datetime(2024, 1, 5, 10, 30), 12.5, "two\nlines", True],
    ["007", datetime(2024, 1, 6), -3, None, False],
]


def parquet(**columns: Any) -> bytes:
    return _parquet_bytes(pa.table(columns))


def _parquet_bytes(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


MOMENT = datetime(2024, 1, 5, 10, 30)
TYPED = parquet(
    customer_id=pa.array([1, 2]),
    timestamp=pa.array([MOMENT, MOMENT], pa.timestamp("us")),
    amount=pa.array([1.5, -2.0]),
    is_fraud=pa.array([True, False]),
    pricing_strategy=pa.array([2, None], pa.int32()),
)
BALANCES = [f"A,2024-01-{i + 1:02d},{(-1) ** i * (i + 1)}" for i in range(12)]
RUNNING = [sum((-1) ** j * (j + 1) for j in range(i + 1)) for i in range(12)]
WITH_BALANCE = [f"{row},{100 + run}\n" for row, run in zip(BALANCES, RUNNING, strict=True)]
AGAINST_BALANCE = [f"{row},{100 - run}\n" for row, run in zip(BALANCES, RUNNING, strict=True)]
BALANCED = "account,date,amount,balance\n"
DIRECTIONS = "customer_id,date,amount,type\n" + "".join(
    f"A,2024-01-05,{i + 1},{'credit' if i % 2 else 'debit'}\n" for i in range(20)
)
DEEP = [f"{1 + i % 12:02d}/{1 + i * 7 % 12:02d}/2024" for i in range(20_000)]
CURRENCIES = "customer_id,timestamp,amount,currency\n" + "".join(
    f"A,2024-01-05,1,{code}\n" for code in ("EUR", "USD", "eur")
)
ROME = Mapping(columns=COLUMNS | {"timestamp": "date"}, timezone="Europe/Rome")
HOSTILE_HEADER = 'x"); DROP TABLE t; --'
HOSTILE = ["'; DROP TABLE t; --", "../../etc/passwd", "<script>alert(1)</script>", "${jndi:x}"]


def D(*values: str) -> list[Decimal]:  # noqa: N802
    return [Decimal(value) for value in values]


def utc(*moments: str) -> list[datetime]:
    return [datetime.fromisoformat(moment) for moment in moments]


BAD_NUMBERS = ["1e308", "NaN", "inf", "-inf", "0.1+0.2", "0x10", "--5", "1-2", "1e400"]

ACCEPTED = [
    # ------------------------------------------------------------------ few rows
    Odd("one row", HEAD + "A,2024-01-05,1\n", 1),
    Odd("one row, no line end", HEAD + "A,2024-01-05,1", 1, stored={"amount": D("1")}),
    Odd("one customer", HEAD + "A,2024-01-05,1\nA,2024-01-06,2\n", 2),
    Odd("all on one date", HEAD + "A,2024-01-05,1\nB,2024-01-05,2\n", 2),
    # ------------------------------------------------------------------ encodings
    Odd("byte order mark", "\ufeff" + HEAD + GOOD, 3),
    Odd(
        "latin-1",
        (HEAD + GOOD + "Müller,2024-01-08,4\n").encode("latin-1"),
        4,
        stored={"customer_id": ["A", "B", "C", "Müller"]},
        notes="read as cp1252",
    ),
    Odd("euro sign in cp1252", amounts("€5.00").encode("cp1252"), 1, stored={"amount": D("5")}),
    Odd(
        "utf-16 with its mark",
        (HEAD + "Ä,2024-01-05,1\n").encode("utf-16"),
        1,
        stored={"customer_id": ["Ä"]},
        notes="utf-16",
    ),
    Odd("utf-16 big end first", b"\xfe\xff" + (HEAD + GOOD).encode("utf-16-be"), 3),
    Odd("utf-16 without its mark", (HEAD + GOOD).encode("utf-16-le"), 3, notes="utf-16-le"),
    Odd("utf-16-be without its mark", (HEAD + GOOD).encode("utf-16-be"), 3, notes="utf-16-be"),
    Odd("utf-32", (HEAD + GOOD).encode("utf-32"), 3, notes="utf-32"),
    Odd(
        "a row that is not utf-8 among others that are",
        (HEAD + GOOD + "ÄÖÜ,2024-01-05,1\n").encode() + b"X\xff,2024-01-05,1\n",
        4,
        {("", "not_utf8"): 1},
        stored={"customer_id": ["A", "B", "C", "ÄÖÜ"]},
        notes="not UTF-8",
    ),
    # ------------------------------------------------------------------ line ends
    Odd("crlf", (HEAD + GOOD).replace("\n", "\r\n"), 3),
    Odd("carriage returns only", (HEAD + GOOD).replace("\n", "\r"), 3),
    Odd("crlf and lf by turns", HEAD.replace("\n", "\r\n") + GOOD + "D,2024-01-08,4\r\n", 4),
    Odd("a lone carriage return", HEAD + "A,2024-01-05,1\rB,2024-01-06,2\nC,2024-01-07,3\n", 3),
    Odd("trailing blank lines", HEAD + GOOD + "\n\n\r\n\n", 3),
    Odd("blank lines between rows", HEAD + GOOD.replace("\n", "\n\n"), 3),
    Odd("blank lines first", "\n\n" + HEAD + GOOD, 3),
    Odd("lines of spaces", HEAD + GOOD + "   \n", 3, {("", "too_few_fields"): 1}),
    Odd("end-of-file mark of old systems", HEAD + GOOD + "\x1a", 3, {("", "too_few_fields"): 1}),
    Odd(
        "separators of lines and pages inside cells",
        NOTED + "A\u2028B,2024-01-05,1,x\x0by\nC,2024-01-06,2,x\x85y\nD,2024-01-06,2,x\x0cy\n",
        3,
        stored={"customer_id": ["A\u2028B", "C", "D"]},
    ),
    # ------------------------------------------------------------------ delimiters
    Odd("semicolons", (HEAD + GOOD).replace(",", ";"), 3),
    Odd("tabs", (HEAD + GOOD).replace(",", "\t"), 3),
    Odd("bars", (HEAD + GOOD).replace(",", "|"), 3),
    Odd("sep= line", "sep=;\n" + (HEAD + GOOD).replace(",", ";"), 3),
    Odd("SEP= line, quoted, crlf", '"SEP=^"\r\n' + (HEAD + GOOD).replace(",", "^"), 3),
    Odd("sep= line, then a blank one", "sep=,\n\n" + HEAD + GOOD, 3),
    Odd("trailing delimiter everywhere", (HEAD + GOOD).replace("\n", ",\n"), 3),
    Odd("trailing delimiter on rows only", HEAD + GOOD.replace("\n", ",\n"), 3),
    # ------------------------------------------------------------------ quotes
    Odd(
        "newlines, delimiters and doubled quotes in cells",
        'customer_id,timestamp,amount,category\n"a ""b""",2024-01-05,1,"c\nd, e"\n',
        1,
        stored={"customer_id": ['a "b"'], "category": ["c\nd, e"]},
    ),
    Odd("quotes inside unquoted cells", NOTED + NOTES + 'D,2024-01-08,1,5" pipe\n', 4),
    Odd(
        "quotes inside unquoted cells and a bad row",
        NOTED + NOTES + 'D,2024-01-08,1,5" pipe\nE,soon,1,x\n',
        4,
        {("timestamp", "not_a_date"): 1},
    ),
    Odd(
        "unclosed quote in the last row",
        NOTED + NOTES + 'D,2024-01-08,1,"x\n',
        3,
        {("", "unreadable"): 1},
    ),
    Odd(
        "backslash before a quote",
        NOTED + NOTES + 'D,2024-01-08,1,"a \\"b\\" c"\n',
        3,
        {("", "unreadable"): 1},
    ),
    Odd("backslash at a cell's end", NOTED + NOTES + 'D,2024-01-08,1,"C:\\"\n', 4),
    # ------------------------------------------------------------------ shapes of rows
    Odd(
        "ragged rows",
        HEAD + GOOD + "D,2024-01-08\nE,2024-01-08,1,2\n",
        3,
        {("", "too_few_fields"): 1, ("", "too_many_fields"): 1},
    ),
    Odd("total row", HEAD + GOOD + "Total,,6\n", 3, {("timestamp", "missing"): 1}),
    Odd("footer", HEAD + GOOD + "3 rows exported\n", 3, {("", "too_few_fields"): 1}),
    Odd("comment lines first", "# exported\n# by a bank\n" + HEAD + GOOD, 3, notes="2 rows above"),
    Odd("comment line inside", HEAD + GOOD + "# note\n", 3, {("", "too_few_fields"): 1}),
    Odd(
        "title and period above the table",
        "Statement\nAccount;X1\n\n" + (HEAD + GOOD + "D,bad,1\n").replace(",", ";"),
        3,
        {("timestamp", "not_a_date"): 1},
        notes="2 rows above the header left out",
    ),
    Odd("title padded with delimiters", "Statement,,\n,,\n" + HEAD + GOOD, 3, notes="2 rows"),
    # ------------------------------------------------------------------ sizes
    Odd(
        "5,000 columns where they are allowed",
        HEAD.strip() + "".join(f",c{i}" for i in range(997)) + "\nA,2024-01-05,1" + ",x" * 997,
        1,
        limits={"max_columns": 1000},
    ),
    Odd(
        "a cell of 10 MB",
        NOTED + NOTES + "D,2024-01-08,1," + "x" * 10_000_000 + "\nE,2024-01-08,1,x\n",
        4,
        {("", "line_too_long"): 1},
    ),
    Odd(
        "a quoted cell of 10 MB",
        NOTED + NOTES + 'D,2024-01-08,1,"' + "x" * 10_000_000 + '"\nE,2024-01-08,1,x\n',
        4,
        {("", "line_too_long"): 1},
    ),
    Odd(
        "a line over the limit",
        NOTED + NOTES + "D,2024-01-08,1," + "x" * 2_000_000 + "\n",
        3,
        {("", "line_too_long"): 1},
    ),
    Odd(
        "a quoted cell over a field limit of 128 KiB",
        NOTED + 'A,2024-01-05,1,"' + "x" * 140_000 + '"\nB,2024-01-06,2,y\n',
        2,
    ),
    Odd(
        "cells beyond max_cell_chars",
        customers("x" * 300, "B", "C"),
        2,
        {("customer_id", "too_long"): 1},
        limits={"max_cell_chars": 200},
    ),
    # ------------------------------------------------------------------ headers
    Odd("empty header cells", "customer_id,timestamp,amount,,\nA,2024-01-05,1,x,y\n", 1),
    Odd(
        "row numbers under an empty header", ",customer_id,timestamp,amount\n0,A,2024-01-05,1\n", 1
    ),
    Odd(
        "spaces around headers and cells",
        " customer_id , date,amount \n A , 2024-01-05 , 1 \n",
        1,
        stored={"customer_id": ["A"]},
    ),
    Odd("a header of 300 characters", HEAD.strip() + "," + "h" * 300 + "\nA,2024-01-05,1,x\n", 1),
    Odd(
        "a line break in a header",
        'customer_id,date,amount,"a\nb"\nA,2024-01-05,1,x\nB,bad,1,x\nC,2024-01-06,2,x\n',
        2,
        {("timestamp", "not_a_date"): 1},
    ),
    Odd(
        "hostile headers and cells",
        f'customer_id,timestamp,amount,"{HOSTILE_HEADER.replace(chr(34), chr(34) * 2)}"\n'
        + "".join(f"{cell},2024-01-05,1,{cell}\n" for cell in HOSTILE),
        4,
        stored={"customer_id": HOSTILE},
    ),
    # ------------------------------------------------------------------ customers
    Odd(
        "words for nothing as customers",
        customers("NA", "NULL", "None", "nan", "-"),
        5,
        stored={"customer_id": ["NA", "NULL", "None", "nan", "-"]},
    ),
    Odd(
        "leading zeros and long numbers",
        customers("007", "7", "0000012345678901234567890"),
        3,
        stored={"customer_id": ["007", "7", "0000012345678901234567890"]},
    ),
    Odd("very long customer numbers", customers("x" * 5000, "y"), 2),
    Odd(
        "emoji and right-to-left",
        customers("👩‍💻", "עברית", "\u202eabc"),
        3,
        stored={"customer_id": ["👩‍💻", "עברית", "\u202eabc"]},
    ),
    Odd(
        "customers of no-break spaces and tabs",
        customers("\u00a0A\u00a0", "\tA", "B", "\u00a0", "\t"),
        3,
        {("customer_id", "missing"): 2},
        stored={"customer_id": ["A", "A", "B"]},
    ),
    # ------------------------------------------------------------------ numbers
    Odd(
        "numbers that are none",
        amounts(*["1.5"] * 10, *BAD_NUMBERS),
        10,
        {("amount", "not_a_number"): len(BAD_NUMBERS)},
    ),
    Odd(
        "numbers that look odd",
        amounts("1e5", "-0", "+5", ".5", "7."),
        5,
        stored={"amount": D("100000", "0", "5", "0.5", "7")},
    ),
    Odd(
        "formulas for cells",
        HEAD + GOOD + "=1+1,2024-01-05,5\nD,2024-01-05,=1+1\n",
        4,
        {("amount", "not_a_number"): 1},
    ),
    Odd(
        "amounts out of bounds",
        amounts("1", "2", "1000000000000.01"),
        2,
        {("amount", "too_large"): 1},
    ),
    Odd(
        "more decimals than are kept",
        amounts("0.00001", "0.123456", "1"),
        3,
        stored={"amount": D("0", "0.1235", "1")},
        notes="four decimals",
    ),
    Odd(
        "thousands, brackets and minus behind",
        amounts("1,234.50", "(12.50)", "12.50-", "\u22123.25", "1,000,000.00", "5.00"),
        6,
        stored={"amount": D("1234.5", "-12.5", "-12.5", "-3.25", "1000000", "5")},
    ),
    Odd(
        "currency signs",
        amounts("$5.00", "-$5.00", "$-5.00", "($5.00)", "5.00 $", "US$ 1,000.00"),
        6,
        stored={"amount": D("5", "-5", "-5", "-5", "5", "1000")},
    ),
    Odd(
        "currency codes",
        amounts("EUR 5.00", "5.00 EUR", "-5.00EUR"),
        3,
        stored={"amount": D("5", "5", "-5")},
    ),
    Odd(
        "apostrophes and spaces for thousands",
        amounts("1'234.50", "1\u2019234.50", "1 234.50", "1\u00a0234.50", "1\u202f234.50"),
        5,
        stored={"amount": D(*["1234.5"] * 5)},
    ),
    Odd(
        "decimal commas",
        amounts("1.234,50", "5,00 \u20ac", "-12,50", "12,50-", "1'234,50", "1\u00a0234,50"),
        6,
        mapping={"decimal": ","},
        stored={"amount": D("1234.5", "5", "-12.5", "-12.5", "1234.5", "1234.5")},
    ),
    Odd(
        "Indian thousands",
        amounts("1,23,456.50", "2,500.00", "12.00"),
        3,
        stored={"amount": D("123456.5", "2500", "12")},
    ),
    Odd(
        "thousands without decimals",
        amounts("1,234", "2,500", "12"),
        3,
        stored={"amount": D("1234", "2500", "12")},
    ),
    Odd(
        "flags in many words",
        "customer_id,timestamp,amount,is_fraud\n"
        + "".join(
            f"A,2024-01-05,1,{flag}\n" for flag in ["0", "TRUE", " 1 ", "1.0", "0.0", "", "2"]
        ),
        6,
        {("is_fraud", "not_a_flag"): 1},
        stored={"is_fraud": [False, True, True, True, False, None]},
    ),
    Odd(
        "a fee scheme with decimals",
        "customer_id,timestamp,amount,pricing_strategy\n"
        + "".join(f"A,2024-01-05,1,{code}\n" for code in ["1", "2.0", "", "2.5"]),
        3,
        {("pricing_strategy", "not_a_number"): 1},
        stored={"pricing_strategy": [1, 2, None]},
    ),
    # ------------------------------------------------------------------ dates
    Odd(
        "dates of other centuries",
        dates("1900-01-01", "2200-01-01", "0024-01-05", "2024-01-05", "2024-01-06", "2024-01-07"),
        3,
        {
            ("timestamp", "too_early"): 1,
            ("timestamp", "in_the_future"): 1,
            ("timestamp", "not_a_date"): 1,
        },
    ),
    Odd(
        "dates of mixed shapes",
        dates(*["2024-01-05"] * 4, "03/13/2024", "14.1.2024", "Jan 5 2024", "20240105"),
        4,
        {("timestamp", "not_a_date"): 4},
    ),
    Odd(
        "30 February",
        dates("2024-02-29", "2024-02-30", "2023-02-29", "2024-02-28"),
        2,
        {("timestamp", "not_a_date"): 2},
    ),
    Odd(
        "years first, with slashes and points",
        dates("2024/01/05", "2024.1.6", "2024.01.07 10:00"),
        3,
        stored={"timestamp": utc("2024-01-05", "2024-01-06", "2024-01-07 10:00")},
    ),
    Odd(
        "months by name",
        dates("05-Jan-2024", "6 February 2024 10:30", "Mar 7, 2024"),
        3,
        mapping={"date_format": "named"},
        stored={"timestamp": utc("2024-01-05", "2024-02-06 10:30", "2024-03-07")},
    ),
    Odd(
        "offsets and zones",
        dates(
            "2024-01-01T10:00:00+02:00",
            "2024-01-01 10:00:00-0500",
            "2024-01-01T10:00:00Z",
            "2024-01-01T10:00:00.5+05:30",
            "2024-01-01 10:00",
            "2024-01-01T10:00:00,25",
        ),
        6,
        stored={
            "timestamp": utc(
                "2024-01-01 08:00",
                "2024-01-01 15:00",
                "2024-01-01 10:00",
                "2024-01-01 04:30:00.5",
                "2024-01-01 10:00",
                "2024-01-01 10:00:00.25",
            )
        },
    ),
    Odd(
        "a declared zone; 2:30 on the day the clock goes forward is 3:30",
        dates("2024-03-31 01:30", "2024-03-31 02:30", "2024-07-01 12:00", "2024-07-01T12:00:00Z"),
        4,
        stored={
            "timestamp": utc(
                "2024-03-31 00:30", "2024-03-31 01:30", "2024-07-01 10:00", "2024-07-01 12:00"
            )
        },
        given=ROME,
    ),
    Odd(
        "seconds since 1970",
        dates("1712102400", "1712102401.5"),
        2,
        mapping={"date_format": "epoch_s"},
    ),
    Odd(
        "milliseconds since 1970",
        dates("1712102400000", "1712102400001"),
        2,
        mapping={"date_format": "epoch_ms"},
        stored={"timestamp": utc("2024-04-03", "2024-04-03 00:00:00.001")},
    ),
    Odd(
        "yymmdd",
        dates("930101", "931231"),
        2,
        mapping={"date_format": "yymmdd"},
        stored={"timestamp": utc("1993-01-01", "1993-12-31")},
    ),
    Odd(
        "yyyymmdd with times",
        dates("20240105103000", "202401061030", "20240107 10:30"),
        3,
        mapping={"date_format": "yyyymmdd"},
        stored={"timestamp": utc("2024-01-05 10:30", "2024-01-06 10:30", "2024-01-07 10:30")},
    ),
    Odd(
        "day first by the first rows",
        dates("13/01/2024", "02/03/2024"),
        2,
        mapping={"date_format": "dmy"},
    ),
    Odd(
        "month first by the first rows",
        dates("01/13/2024", "02/03/2024"),
        2,
        mapping={"date_format": "mdy"},
    ),
    Odd(
        "day first by row 20,000",
        dates(*DEEP, "25/03/2024"),
        20_001,
        mapping={"date_format": "dmy"},
    ),
    Odd(
        "day first by the order of time",
        dates(*(f"{day:02d}/{month:02d}/2024" for month in range(1, 6) for day in (1, 5, 9))),
        15,
        mapping={"date_format": "dmy"},
    ),
    Odd(
        "years of two digits, with times",
        dates("13/01/24 10:30", "02/03/24, 11:00", "02/03/24T11:00:05", "1/2/24 1:30 PM"),
        4,
        mapping={"date_format": "dmy"},
        stored={
            "timestamp": utc(
                "2024-01-13 10:30", "2024-03-02 11:00", "2024-03-02 11:00:05", "2024-02-01 13:30"
            )
        },
    ),
    Odd(
        "a year of two digits among years of four",
        dates(*["13/01/2024"] * 200, "13/01/24"),
        200,
        {("timestamp", "not_a_date"): 1},
    ),
    # ------------------------------------------------------------------ the amount's parts and sign
    Odd(
        "debit and credit",
        "Account,Date,Debit,Credit\nA,2024-01-05,12.50,\nA,2024-01-06,,50\nA,2024-01-07,,\n",
        2,
        {("amount", "missing"): 1},
        mapping={"debit": "Debit", "credit": "Credit"},
        stored={"amount": D("12.5", "-50")},
    ),
    Odd(
        "paid in and paid out, with signs and thousands",
        'Account Number,Date,Paid out,Paid in\nA,05/01/2024,£12.50,\nA,16/01/2024,,"£1,250.00"\n',
        2,
        stored={"amount": D("12.5", "-1250")},
    ),
    Odd(
        "pieces times price, returns below zero, bad cells",
        "CustomerID,InvoiceDate,Quantity,UnitPrice\nA,2024-01-05,2,1.50\nA,2024-01-06,-2,1.50\n"
        "B,2024-01-06,x,1.5\nB,2024-01-06,,1.5\nB,2024-01-07,3,1.5\n",
        3,
        {("quantity", "not_a_number"): 1, ("amount", "missing"): 1},
        mapping={"quantity": "Quantity", "unit_price": "UnitPrice"},
        stored={"amount": D("3", "-3", "4.5")},
    ),
    Odd(
        "a direction with another word",
        DIRECTIONS + "A,2024-01-06,5,transfer\n",
        20,
        {("direction", "unknown_direction"): 1},
        mapping={"direction": "type", "direction_in": ["credit"]},
        stored={"amount": [Decimal(-i if i % 2 == 0 else i) for i in range(1, 21)]},
    ),
    Odd(
        "Soll and Haben",
        "Konto;Datum;Betrag;S/H\nK1;05.03.2024;1,50;S\nK2;16.03.2024;2,50;H\n",
        2,
        mapping={"direction": "S/H"},
        stored={"amount": D("1.5", "-2.5")},
    ),
    Odd(
        "the balance says: above 0 is money in",
        BALANCED + "".join(WITH_BALANCE),
        12,
        mapping={"amount_sign": "in_positive"},
    ),
    Odd(
        "the balance says: above 0 is money out",
        BALANCED + "".join(AGAINST_BALANCE),
        12,
        mapping={"amount_sign": "out_positive"},
    ),
    Odd(
        "the balance says so, newest row first",
        BALANCED + "".join(reversed(WITH_BALANCE)),
        12,
        mapping={"amount_sign": "in_positive"},
    ),
    Odd(
        "one currency chosen of several",
        CURRENCIES,
        2,
        {("currency", "other_currency"): 1},
        given=Mapping(columns=COLUMNS | {"currency": "currency"}, currency="EUR"),
    ),
    # ------------------------------------------------------------------ repeated transactions
    Odd(
        "repeated transaction ids",
        "transaction_id,customer_id,timestamp,amount\n"
        + "".join(f"x{i},A,2024-01-05,{i}\n" for i in range(5))
        + "1,A,2024-01-05,1\n1,A,2024-01-05,1\n2,A,2024-01-05,1\n2,A,2024-01-05,9\n",
        6,
        {("transaction_id", "duplicate"): 1, ("transaction_id", "conflict"): 2},
    ),
    Odd(
        "an order's number for a transaction's",
        "InvoiceNo,CustomerID,date,amount\n"
        + "".join(f"{536365 + i // 3},C{i // 3},2024-01-05,{i}\n" for i in range(12)),
        12,
    ),
    # ------------------------------------------------------------------ packed files
    Odd("gzip", gzip.compress((HEAD + GOOD).encode()), 3),
    Odd(
        "gzip in two members",
        gzip.compress((HEAD + GOOD).encode()) + gzip.compress(b"D,2024-01-08,4\n"),
        4,
    ),
    Odd("zip of one file", zipped({"t.csv": HEAD + GOOD}), 3, notes="unpacked from 't.csv'"),
    Odd(
        "zip with a system's leavings",
        zipped({"d/t.csv": HEAD + GOOD, "d/.DS_Store": "x", "__MACOSX/._t.csv": "x"}),
        3,
    ),
    Odd("zip with a path that climbs", zipped({"../../../tmp/t.csv": HEAD + GOOD}), 3),
    # ------------------------------------------------------------------ spreadsheets
    Odd(
        "spreadsheet of dates, numbers, texts, flags",
        workbook(SHEET),
        2,
        stored={
            "customer_id": ["12", "007"],
            "timestamp": utc("2024-01-05 10:30", "2024-01-06"),
            "amount": D("12.5", "-3"),
            "category": ["two lines", None],
            "is_fraud": [True, False],
        },
    ),
    Odd("spreadsheet with a cover", workbook([["A bank"]], SHEET), 2, notes="the largest of 2"),
    Odd("spreadsheet with an empty sheet first", workbook([], SHEET), 2, notes="'Sheet2'"),
    Odd("spreadsheet with blank rows", workbook([[], [], *SHEET, [], SHEET[1]]), 3),
    Odd(
        "spreadsheet with formulas",
        workbook(
            [
                SHEET[0],
                ["A", MOMENT, Formula("1+1", 2.0)],
                ["B", MOMENT, 1],
                ["C", MOMENT, Formula("1+1")],
            ]
        ),
        2,
        {("amount", "missing"): 1},
        stored={"amount": D("2", "1")},
    ),
    Odd(
        "spreadsheet with numbers of 16 digits",
        workbook([SHEET[0], [1234567890123456, MOMENT, 1]]),
        1,
        stored={"customer_id": ["1234567890123456"]},
    ),
    # ------------------------------------------------------------------ Parquet
    Odd(
        "Parquet with types",
        TYPED,
        2,
        stored={
            "customer_id": ["1", "2"],
            "amount": D("1.5", "-2"),
            "timestamp": [MOMENT, MOMENT],
            "is_fraud": [True, False],
            "pricing_strategy": [2, None],
        },
    ),
    Odd(
        "Parquet with a zone and decimals",
        parquet(
            customer_id=["A"],
            timestamp=pa.array([MOMENT.replace(tzinfo=UTC)], pa.timestamp("us", "Europe/Rome")),
            amount=pa.array([Decimal("1.25")], pa.decimal128(20, 6)),
        ),
        1,
        stored={"timestamp": [MOMENT], "amount": D("1.25")},
    ),
    Odd(
        "Parquet with days", parquet(customer_id=["A"], timestamp=[date(2024, 1, 5)], amount=[1]), 1
    ),
    Odd(
        "Parquet with dates as integers",
        parquet(customer_id=["A"], date=[20240105], amount=[1]),
        1,
        stored={"timestamp": utc("2024-01-05")},
    ),
    Odd(
        "Parquet with whole numbers that have gaps",
        parquet(
            customer_id=[17850.0, None, 3.5, 4.0], timestamp=["2024-01-05"] * 4, amount=[1] * 4
        ),
        3,
        {("customer_id", "missing"): 1},
        stored={"customer_id": ["17850", "3.5", "4"]},
    ),
    Odd(
        "Parquet with numbers that are none",
        parquet(
            customer_id=["A"] * 6,
            timestamp=["2024-01-05"] * 6,
            amount=[float("nan"), float("inf"), 1e308, 0.1 + 0.2, -0.0, 1e5],
        ),
        3,
        {("amount", "not_a_number"): 3},
        stored={"amount": D("0.3", "0", "100000")},
    ),
    Odd(
        "Parquet with lists in a column nobody reads",
        parquet(customer_id=["A"], timestamp=["2024-01-05"], amount=[1], items=[[1, 2]]),
        1,
    ),
    Odd(
        "Parquet with odd headers",
        parquet(
            **{
                "customer_id": ["A"],
                "date": ["2024-01-05"],
                "amount": [1],
                "": [1],
                "x.y": [1],
                "a'b\"c": [1],
            }
        ),
        1,
    ),
]

REFUSED = [
    Refused("empty", b"", "is empty"),
    Refused("header only", HEAD, "no rows"),
    Refused("header only, no line end", HEAD.strip(), "no rows"),
    Refused("blank lines only", "\n\n\r\n\n", "no rows"),
    Refused("spaces only", "  \n   \n", "one column at most"),
    Refused("one long line", "x" * 500_000, "first line of more than 262,144 bytes"),
    Refused("NUL bytes", HEAD + "A,2024-01-05,1\0\n", "NUL bytes"),
    Refused("NUL characters in utf-16", (HEAD + "A\0,2024-01-05,1\n").encode("utf-16"), "NUL"),
    Refused("utf-16 cut short", (HEAD + GOOD).encode("utf-16")[:-1], "neither UTF-8"),
    Refused("no known encoding", HEAD.encode() + b"\x81\x8d,2024-01-05,1\n", "neither UTF-8"),
    Refused("5,000 columns", ",".join(f"c{i}" for i in range(5000)) + "\n1\n", "5,000 columns"),
    Refused("no row of a date", dates("1900-01-01", "1901-01-01"), "no row could be read"),
    Refused("ambiguous dates", dates("03/04/2024", "01/02/2024"), "date_format: dmy"),
    Refused("dates day first and month first", dates("13/04/2024", "01/22/2024"), "date_format"),
    Refused(
        "the same header twice", "customer_id,date,amount,amount\nA,2024-01-05,1,2\n", "two columns"
    ),
    Refused(
        "headers that differ by case",
        "customer_id,date,amount,AMOUNT\nA,2024-01-05,1,2\n",
        "two columns",
    ),
    Refused(
        "headers that differ by points",
        "customer_id,date,a.b,a b\nA,2024-01-05,1,2\n",
        "two columns",
    ),
    Refused(
        "long headers twice",
        f"customer_id,date,{'h' * 900},{'h' * 900}\nA,2024-01-05,1,2\n",
        "two columns",
    ),
    Refused(
        "long unknown headers",
        ",".join(f"{i}" + "h" * 300 for i in range(50)) + "\n" + "x," * 49 + "x\n",
        "no column was recognised",
    ),
    Refused("data first", GOOD, "begins with data"),
    Refused("unclosed quote at the start", NOTED + '"A,2024-01-05,1,x\n' + NOTES, "quotation mark"),
    Refused(
        "unclosed quote in the middle", NOTED + NOTES + 'D,2024-01-08,1,"x\n' + NOTES, "line 5"
    ),
    Refused("unclosed quote in the header", '"' + HEAD + GOOD, "quotation mark"),
    Refused(
        "two halves of quotes that swallow rows",
        NOTED + NOTES + 'D,2024-01-08,1,"x\n' + NOTES + 'E,2024-01-09,1,x"\n' + NOTES,
        "opened at about line 5",
    ),
    Refused(
        "two halves of quotes and a bad row",
        NOTED + "F,soon,1,x\n" + NOTES + 'D,2024-01-08,1,"x\n' + NOTES + 'E,2024-01-09,1,x"\n',
        "opened at about line 6",
    ),
    Refused(
        "a quoted cell of many lines and MB",
        NOTED + NOTES + 'D,2024-01-08,1,"' + ("x" * 50_000 + "\n") * 110 + '"\n' + NOTES,
        "opened at about line 5",
    ),
    Refused("several currencies", CURRENCIES, "currency: EUR"),
    Refused("several currencies' signs", amounts("$1.00", "€1.00"), "several currencies"),
    Refused(
        "a currency chosen of no column",
        CURRENCIES,
        "does not say which column",
        Mapping(columns=COLUMNS, currency="EUR"),
    ),
    Refused("points before three digits", amounts("1.234", "2.500"), "decimal: ','"),
    Refused("max_bytes", HEAD + GOOD, "CANDOR_MAX_BYTES", limits={"max_bytes": 10}),
    Refused("max_rows", HEAD + GOOD, "CANDOR_MAX_ROWS", limits={"max_rows": 2}),
    Refused("max_rows of Parquet", TYPED, "CANDOR_MAX_ROWS", limits={"max_rows": 1}),
    Refused("max_columns", HEAD + GOOD, "CANDOR_MAX_COLUMNS", limits={"max_columns": 2}),
    Refused(
        "max_cell_chars",
        customers("AA", "BB"),
        "CANDOR_MAX_CELL_CHARS",
        limits={"max_cell_chars": 1},
    ),
    # ------------------------------------------------------------------ packed files
    Refused("gzip cut short", gzip.compress((HEAD + GOOD).encode())[:-12], "damaged gzip"),
    Refused(
        "gzip bomb",
        gzip.compress(HEAD.encode() + b"0" * 10_000_000),
        "CANDOR_MAX_BYTES",
        limits={"max_bytes": 1_000_000},
    ),
    Refused("gzip of gzip", gzip.compress(gzip.compress(HEAD.encode())), "gzip archive"),
    Refused("gzip of a PDF", gzip.compress(b"%PDF-1.7\n"), "PDF document"),
    Refused("gzip of Parquet", gzip.compress(TYPED), "Parquet file"),
    Refused("zip of two files", zipped({"a.csv": HEAD, "b.csv": HEAD}), "2 files"),
    Refused("zip of nothing", zipped({}), "0 files"),
    Refused("zip with a password", locked(zipped({"a.csv": HEAD + GOOD})), "password"),
    Refused(
        "zip bomb",
        zipped({"a.csv": HEAD + "0" * 10_000_000}),
        "CANDOR_MAX_BYTES",
        limits={"max_bytes": 1_000_000},
    ),
    Refused("zip of a PDF", zipped({"a\n.pdf": b"%PDF-1.7\n"}), "PDF document"),
    Refused("zip of a zip", zipped({"a.zip": zipped({"b.csv": HEAD + GOOD})}), "zip archive"),
    Refused("zip cut short", zipped({"a.csv": HEAD + GOOD})[:-30], "damaged zip"),
    # ------------------------------------------------------------------ spreadsheets
    Refused("spreadsheet of nothing", workbook([]), "without a row"),
    Refused("spreadsheet of a header", workbook(SHEET[:1]), "no rows"),
    Refused(
        "spreadsheet that unpacks to too much",
        workbook(SHEET, more=" " * 2_000_000),
        "CANDOR_MAX_BYTES",
        limits={"max_bytes": 1_000_000},
    ),
    Refused(
        "spreadsheet with a cell in the far corner",
        workbook(SHEET, more='<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "too far apart",
    ),
    Refused("spreadsheet that is none", zipped({"xl/workbook.xml": "<a/>"}), "cannot be read"),
    # ------------------------------------------------------------------ Parquet
    Refused("Parquet cut short", TYPED[:-20], "begins like Parquet"),
    Refused("Parquet damaged inside", TYPED[:60] + TYPED[90:], "damaged"),
    Refused(
        "Parquet of no rows",
        _parquet_bytes(pq.read_table(io.BytesIO(TYPED)).slice(0, 0)),
        "no rows",
    ),
    Refused("Parquet of no columns", _parquet_bytes(pa.table({})), "no rows"),
    Refused(
        "Parquet with a header twice",
        _parquet_bytes(
            pa.table(
                [["A"], ["2024-01-05"], [1], [2]], names=["customer_id", "date", "amount", "amount"]
            )
        ),
        "two columns",
    ),
    Refused(
        "Parquet with lists for customers",
        parquet(customer_id=[[1]], date=["2024-01-05"], amount=[1]),
        "lists or records",
    ),
    # ------------------------------------------------------------------ other kinds of file
    Refused(
        "old spreadsheet", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old spreadsheet"
    ),
    Refused("PDF", b"%PDF-1.7\n", "PDF document"),
    Refused("picture", b"\x89PNG\r\n\x1a\n0000", "picture"),
    Refused("web page", "\ufeff\n <HTML><table><tr><td>a,b,c</td>\n", "web page"),
    Refused("JSON", '[\n  {"customer_id": 1, "date": 2, "amount": 3}\n]\n', "JSON"),
    Refused("lines of JSON", '{"a": 1, "b": 2}\n{"a": 1, "b": 2}\n', "JSON"),
    Refused("database", b"SQLite format 3\0" + b"\0" * 100, "database"),
    Refused("XML", "<?xml version='1.0'?>\n<a>1,2,3</a>\n", "XML"),
    Refused("XML in utf-16", "<?xml version='1.0'?>\n<a>1,2,3</a>\n".encode("utf-16"), "XML"),
]


def stored(dataset: Dataset, column: str) -> list[Any]:
    relation = duckdb.read_parquet(str(dataset.transactions_path))
    return [row[0] for row in relation.select(column).fetchall()]


def sortable(values: Iterable[Any]) -> list[tuple[bool, Any]]:
    return sorted((value is not None, value or 0) for value in values)


@pytest.mark.parametrize("odd", ACCEPTED, ids=lambda odd: odd.name)
def test_accepted(odd: Odd, settings: Settings, written: Callable[..., Path]) -> None:
    limited = settings.model_copy(update=odd.limits)
    dataset = ingest(written(odd.content, "odd.csv"), limited, mapping=odd.given)
    by_reason = {
        f"{column}: {REASONS[key]}" if column else REASONS[key]: count
        for (column, key), count in odd.reasons.items()
    }
    assert (dataset.rows, dataset.rejects_by_reason) == (odd.rows, by_reason)
    assert dataset.rejected == sum(odd.reasons.values())
    assert dataset.mapping | odd.mapping == dataset.mapping
    for column, values in odd.stored.items():
        assert sortable(stored(dataset, column)) == sortable(values)
    assert any(odd.notes in note for note in (*dataset.notes, ""))
    assert odd.notes or not dataset.notes or dataset.notes[0].startswith(("read", "unpacked"))
    assert len(dataset.rejects_path.read_text(encoding="utf-8").splitlines()) > dataset.rejected


@pytest.mark.parametrize("odd", REFUSED, ids=lambda odd: odd.name)
def test_refused(odd: Refused, settings: Settings, written: Callable[..., Path]) -> None:
    limited = settings.model_copy(update=odd.limits)
    with pytest.raises(InputError) as caught:
        ingest(written(odd.content, "odd.csv"), limited, mapping=odd.given)
    is_a_sentence(str(caught.value), odd.says)
    assert list_datasets(settings) == []
    assert not [path for path in settings.home.rglob("*") if path.name != "datasets"]


def is_a_sentence(text: str, says: str, name: str = "odd.csv") -> None:
    assert says in text
    assert name in text
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 600


def test_the_table_names_each_file_once() -> None:
    names = [odd.name for odd in (*ACCEPTED, *REFUSED)]
    assert len(names) == len(set(names)) > 150


def test_paths_that_are_no_files(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "broken.csv").symlink_to("nowhere.csv")
    (tmp_path / "round.csv").symlink_to("round.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for path, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "absent.csv", "There is no file"),
        (tmp_path / "broken.csv", "There is no file"),
        (tmp_path / "round.csv", "cannot be opened"),
        (tmp_path / "pipe.csv", "is a pipe or a device"),
        (Path("/dev/null"), "is a pipe or a device"),
        (tmp_path / ("x" * 300), "cannot be opened"),
        (tmp_path / "nul\0.csv", "There is no file"),
    ):
        with pytest.raises(InputError) as caught:
            ingest(path, settings)
        is_a_sentence(str(caught.value), says, path.name[:50].partition("\0")[0])


def test_a_link_to_a_file_is_the_file(settings: Settings, written: Callable[..., Path]) -> None:
    path = written(HEAD + GOOD)
    link = path.with_name("link.csv")
    link.symlink_to(path)
    assert ingest(link, settings).rows == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_nobody_may_read(settings: Settings, written: Callable[..., Path]) -> None:
    path = written(HEAD + GOOD)
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be opened"):
        ingest(path, settings)


def test_rows_that_all_have_too_many_cells_are_not_blamed_on_quotation_marks(
    settings: Settings, written: Callable[..., Path]
) -> None:
    """The engine's reader gives up after some megabytes of them."""
    row = f"A,2024-01-05,1,{'x' * 40}\n"
    path = written("customer_id,date,amount\n" + row * 120_000 + "B,2024-01-05,1\n", "wide.csv")
    mapping = Mapping(
        columns={"customer_id": "customer_id", "timestamp": "date", "amount": "amount"}
    )
    with pytest.raises(InputError, match="do not have the 3 columns of the header") as caught:
        ingest(path, settings, mapping=mapping)
    assert "quotation" not in str(caught.value)
