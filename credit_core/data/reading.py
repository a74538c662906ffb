"""One SQL from a file's raw cells to typed, checked transactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite

from credit_core.data.casts import (
    flag_sql,
    money_sql,
    reader_date,
    reader_reads,
    text_sql,
    timestamp_sql,
    trimmed,
    utc_sql,
    whole_sql,
)
from credit_core.data.contract import COLUMNS, MAX_MONEY, SQL_TYPES, Column, Kind, listed
from credit_core.data.duck import text_literal
from credit_core.data.mapping import Mapping
from credit_core.data.source import Source
from credit_core.errors import InputError
from credit_core.settings import Settings

LONGEST_LINE = 1 << 20
"""Bytes a line may have; a longer one is set aside."""


def tomorrow() -> datetime:
    """Return the latest moment, UTC, that a row may be dated."""
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)


REASONS: dict[str, str] = {
    "missing": "the cell is empty",
    "not_a_date": "not a date in the expected form",
    "too_early": "before 1970",
    "in_the_future": "after tomorrow",
    "not_a_number": "not a number in the expected form",
    "too_large": f"beyond {MAX_MONEY:,}",
    "not_a_flag": "neither 0/1 nor true/false",
    "too_long": "longer than CANDOR_MAX_CELL_CHARS allows",
    "unknown_direction": "a word that means neither money in nor money out",
    "other_currency": "another currency than the one chosen",
    "too_few_fields": "fewer fields than the header",
    "too_many_fields": "more fields than the header",
    "not_utf8": "the line holds bytes that are not UTF-8",
    "unreadable": "the line cannot be read as a record",
    "line_too_long": f"the line is longer than {LONGEST_LINE:,} bytes",
    "duplicate": "the same transaction again; the first one is kept",
    "not_an_outcome": "neither 0/1, good/bad, no/yes nor false/true",
    "same_application": "the same row again; the first one is kept",
    "other_application": "the same customer and date with other content; all are set aside",
    "conflict": "the same transaction_id with other content; both are set aside",
}
_NOT_A = {"timestamp": "not_a_date", "flag": "not_a_flag"}


@dataclass(frozen=True)
class Cell:
    """One column that is read: a canonical one, or a part of the amount.

    ``index`` is its place in the file; ``form`` is how the reader casts it: ``""`` not at all (the
    tolerant SQL does), ``"plain"`` by its type, else a strptime form. ``comma`` says that it holds
    plain numbers but for a decimal comma, which the compiled loops read and the reader does not.
    """

    name: str
    kind: Kind
    index: int
    required: bool
    form: str = ""
    comma: bool = False

    @property
    def raw(self) -> str:
        return f"c{self.index}"

    @property
    def type(self) -> str:
        """Return the type under which the reader hands the cell out."""
        # As an integer it would round 2.5 to 3.
        kind: Kind = "money" if self.kind == "integer" else self.kind
        return SQL_TYPES[kind] if self.form else "VARCHAR"

    @property
    def checked(self) -> bool:
        """Return True where a cell that holds something may still be no value."""
        return self.kind != "text" and (not self.form or self.kind == "integer")


@dataclass(frozen=True)
class Reading:
    """A transactions file with its mapping, and how each cell is cast."""

    source: Source
    mapping: Mapping
    cells: tuple[Cell, ...]

    @property
    def columns(self) -> list[Column]:
        """Return the canonical columns that come out, in the contract's order."""
        present = {*self.mapping.columns, "amount"}
        return [column for column in COLUMNS if column.name in present]

    @property
    def names(self) -> str:
        return ", ".join(column.name for column in self.columns)

    @property
    def unused(self) -> tuple[str, ...]:
        """The headers that nothing is read from."""
        used = {header for _, header in self.mapping.headers()}
        return tuple(name for name in self.source.header if name not in used)

    @property
    def cast_by_reader(self) -> bool:
        return any(cell.form for cell in self.cells)

    def tolerant(self) -> Reading:
        """Return the same reading with every cell left to the tolerant SQL."""
        cells = (replace(cell, form="", comma=False) for cell in self.cells)
        return replace(self, cells=tuple(cells))

    def header_index(self, column: str) -> int:
        """Return the place in the file of what a rejected row's ``column`` names."""
        found = {cell.name: cell.index for cell in self.cells}
        if column == "amount" and "amount" not in found:
            return found[(self.mapping.pair or ("debit",))[0]]
        return found[column]


def plan_reading(source: Source, mapping: Mapping, sample: Sequence[Sequence[str]]) -> Reading:
    """Decide from the first rows what the reader may cast, and what the tolerant SQL must."""
    wanted: list[tuple[str, Kind, str, bool]] = [
        (column.name, column.kind, mapping.columns[column.name], column.required)
        for column in COLUMNS
        if column.name in mapping.columns
    ]
    for part, header in mapping.parts.items():
        wanted.append((part, "text" if part == "direction" else "money", header, False))
    cells = [
        Cell(name, kind, source.header.index(header), required)
        for name, kind, header, required in wanted
    ]
    for name, _, header, _ in wanted:
        if source.types and source.types[source.header.index(header)] == "nested":
            raise InputError(
                f"{source.name}: the column {listed([header])}, read as {name}, holds lists or "
                "records, not single values; choose another in a mapping."
            )
    whole = [row for row in sample if len(row) == len(source.header)]
    shared = Counter(cell.index for cell in cells)
    if source.kind == "csv":
        cells = [
            cell
            if shared[cell.index] > 1  # two readings of one column need its text
            else _with_form(cell, mapping, [row[cell.index] for row in whole])
            for cell in cells
        ]
    money = [row[cell.index] for row in whole for cell in cells if cell.kind == "money"]
    if any(_loses_decimals(value, mapping.decimal) for value in money):
        said = "amounts are kept to four decimals; some here have more"
        source = replace(source, notes=(*source.notes, said))
    return Reading(source, mapping, tuple(cells))


def _loses_decimals(value: str, decimal: str) -> bool:
    try:
        number = float(value.replace(decimal, "."))
    except ValueError:
        return False
    # Less than that is the noise of binary fractions.
    return isfinite(number) and abs(number - round(number, 4)) > 1e-9 * max(1.0, abs(number))


def _with_form(cell: Cell, mapping: Mapping, values: list[str]) -> Cell:
    if cell.kind == "text":
        return cell
    if cell.kind == "money" and mapping.decimal != ".":
        dotted = [value.replace(mapping.decimal, ".") for value in values]
        return replace(cell, comma=reader_reads(dotted, "money"))
    if cell.kind == "timestamp":
        return replace(cell, form=reader_date(values, mapping.date_format) or "")
    return replace(cell, form="plain" if reader_reads(values, cell.kind) else "")


def parquet_sql(source: Source, indexes: Iterable[int]) -> str:
    """Return SQL for columns of a Parquet file as the text a CSV would hold, named c0, c1, ..."""
    places = ", ".join(f"p{i}" for i in range(len(source.header)))
    cells = ", ".join(f"{_parquet_cell(source.types[i], f'p{i}')} AS c{i}" for i in indexes)
    path = text_literal(str(source.path))
    return f"SELECT {cells} FROM read_parquet({path}) AS t({places})"


def _parquet_cell(kind: str, column: str) -> str:
    as_text = f"CAST({column} AS VARCHAR)"
    if kind not in ("float", "double"):
        return as_text
    # Whole numbers with gaps are stored so, customers' numbers among them: 12.0 is 12.
    whole = f"{column} = trunc({column}) AND abs({column}) < {2**53}"
    return f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE {as_text} END"


def raw_sql(reading: Reading) -> str:
    """Return a FROM item that yields the file's cells under the names c0, c1, ..."""
    source, path = reading.source, text_literal(str(reading.source.path))
    if source.kind == "parquet":
        return f"({parquet_sql(source, sorted({cell.index for cell in reading.cells}))})"
    types = {cell.index: cell.type for cell in reading.cells}
    names = ", ".join(f"c{i}: '{types.get(i, 'VARCHAR')}'" for i in range(len(source.header)))
    forms = [cell.form for cell in reading.cells if cell.kind == "timestamp" and cell.form]
    form = f"timestampformat={text_literal(forms[0])}, " if forms else ""
    return (
        f"read_csv({path}, columns={{{names}}}, auto_detect=false, header=false, "
        f"skip={source.skip}, delim={text_literal(source.delimiter)}, {form}"
        "quote='\"', escape='\"', strict_mode=true, "
        "store_rejects=true, rejects_limit=0, "
        f"max_line_size={LONGEST_LINE}, buffer_size={4 * LONGEST_LINE})"
    )


def checked_sql(reading: Reading, settings: Settings, relation: str, carried: str = "") -> str:
    """Return a SELECT of the canonical columns and ``problem`` from a relation of raw cells.

    ``problem`` is NULL or 'column.reason', the first thing wrong with a row. ``carried`` names
    further columns of the relation to hand through, each followed by a comma.
    """
    typed = ", ".join(f"{_value(reading, cell)} AS v_{cell.name}" for cell in reading.cells)
    kept = ", ".join(f"{_known(cell)} AS k_{cell.name}" for cell in reading.cells if cell.checked)
    inner = f"SELECT {carried}{typed}{', ' + kept if kept else ''} FROM {relation}"
    middle = f"SELECT *, {_amount(reading)} AS amount FROM ({inner})"
    named = ", ".join(
        column.name if column.name == "amount" else f"v_{column.name} AS {column.name}"
        for column in reading.columns
    )
    return f"SELECT {carried}{named}, {_problem(reading, settings)} AS problem FROM ({middle})"


def _value(reading: Reading, cell: Cell) -> str:
    """Return SQL for a cell's typed value."""
    mapping = reading.mapping
    if cell.kind == "text":
        return text_sql(cell.raw, reading.source.spaces)
    if cell.kind == "integer":
        number = cell.raw if cell.form else f"TRY_CAST({trimmed(cell.raw)} AS {SQL_TYPES['money']})"
        return whole_sql(number)
    if cell.form:
        # A Z in the form says UTC, whatever zone was declared for times without one.
        local = cell.kind == "timestamp" and not cell.form.endswith("Z")
        return utc_sql(cell.raw, mapping.timezone) if local else cell.raw
    if cell.kind == "money":
        return money_sql(trimmed(cell.raw), mapping.decimal)
    if cell.kind == "flag":
        return flag_sql(trimmed(cell.raw))
    return timestamp_sql(trimmed(cell.raw), mapping.date_format, mapping.timezone)


def _known(cell: Cell) -> str:
    """Return SQL that says whether a checked cell holds anything at all."""
    return f"{cell.raw} IS NOT NULL" if cell.form else f"coalesce({trimmed(cell.raw)}, '') <> ''"


def _amount(reading: Reading) -> str:
    """Return SQL for the signed amount: above 0 money out, below 0 money in."""
    mapping, money = reading.mapping, SQL_TYPES["money"]
    if mapping.pair == ("debit", "credit"):
        both = "coalesce(abs(v_debit), 0) - coalesce(abs(v_credit), 0)"
        return f"CASE WHEN v_debit IS NOT NULL OR v_credit IS NOT NULL THEN {both} END"
    if mapping.pair == ("quantity", "unit_price"):
        return f"TRY_CAST(v_quantity * v_unit_price AS {money})"
    if mapping.direction is not None:
        inward = f"lower(v_direction) IN ({_words(mapping.direction_in)})"
        return f"CASE WHEN {inward} THEN -abs(v_amount) ELSE abs(v_amount) END"
    return "-v_amount" if mapping.amount_sign == "in_positive" else "v_amount"


def _words(words: Sequence[str]) -> str:
    return ", ".join(text_literal(word.strip().lower()) for word in words)


def _problem(reading: Reading, settings: Settings) -> str:
    """Return SQL for 'column.reason' of the first thing wrong with a row, else NULL."""
    # A row without its parts has no amount; that is said once, after what is wrong with a part.
    texts = ", ".join(f"strlen(v_{cell.name})" for cell in reading.cells if cell.kind == "text")
    short = f"greatest({texts}) <= {settings.max_cell_chars}"
    cases, good = [], [f"amount BETWEEN -{MAX_MONEY} AND {MAX_MONEY}", short]
    for cell in reading.cells:
        wrong, right = _wrong(cell, settings)
        cases += wrong
        good += right
    mapping = reading.mapping
    if mapping.direction_out:
        known = f"lower(v_direction) IN ({_words((*mapping.direction_in, *mapping.direction_out))})"
        cases.append((f"NOT coalesce({known}, false)", "direction.unknown_direction"))
        good.append(f"coalesce({known}, false)")
    if mapping.currency is not None:
        chosen = f"upper(v_currency) = {text_literal(mapping.currency.strip().upper())}"
        cases.append((f"NOT coalesce({chosen}, false)", "currency.other_currency"))
        good.append(f"coalesce({chosen}, false)")
    if mapping.pair is not None:
        absent = " OR ".join(f"v_{part} IS NULL" for part in mapping.pair)
        absent = absent.replace(" OR ", " AND ") if mapping.pair[0] == "debit" else absent
        cases.append((absent, "amount.missing"))
    cases.append((f"amount IS NULL OR abs(amount) > {MAX_MONEY}", "amount.too_large"))
    whens = " ".join(f"WHEN {when} THEN '{then}'" for when, then in cases)
    # Nearly every row is good: one conjunction clears it, the cases name what is wrong elsewhere.
    return f"CASE WHEN {' AND '.join(good)} THEN NULL {whens} END"


def _wrong(cell: Cell, settings: Settings) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the cases that make a cell a problem, and the conditions that clear it."""
    name, value, known = cell.name, f"v_{cell.name}", f"k_{cell.name}"
    cases, good = [], []
    if cell.required:
        absent = f"{value} IS NULL" if cell.form or cell.kind == "text" else f"NOT {known}"
        cases.append((absent, f"{name}.missing"))
        good.append(f"{value} IS NOT NULL")
    if cell.kind == "text":
        limit = settings.max_cell_chars
        cases.append((f"length({value}) > {limit}", f"{name}.too_long"))
        return cases, good
    if cell.checked:
        reason = _NOT_A.get(cell.kind, "not_a_number")
        cases.append((f"{value} IS NULL AND {known}", f"{name}.{reason}"))
        good.append(f"({value} IS NOT NULL OR NOT {known})")
    if cell.kind == "timestamp":
        latest = f"{tomorrow():%Y-%m-%d %H:%M:%S}"
        # The reader takes two digits where four were expected for a year of the first century.
        cases.append((f"{value} < TIMESTAMP '1000-01-01'", f"{name}.not_a_date"))
        cases.append((f"{value} < TIMESTAMP '1970-01-01'", f"{name}.too_early"))
        cases.append((f"{value} > TIMESTAMP '{latest}'", f"{name}.in_the_future"))
        good.append(f"{value} BETWEEN TIMESTAMP '1970-01-01' AND TIMESTAMP '{latest}'")
    if cell.kind == "money" and name != "amount":
        cases.append((f"abs({value}) > {MAX_MONEY}", f"{name}.too_large"))
        good.append(f"coalesce({value} BETWEEN -{MAX_MONEY} AND {MAX_MONEY}, true)")
    return cases, good
