"""From a user's headers to the canonical columns: proposed with reasons, corrected, saved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from credit_core.data.contract import BY_NAME, COLUMNS, REQUIRED, normalise_header
from credit_core.data.duck import text_literal
from credit_core.errors import InputError

DateFormat = Literal["iso", "yyyymmdd", "yymmdd", "dmy", "mdy", "epoch_s", "epoch_ms"]
AmountSign = Literal["out_positive", "in_positive"]

DATE_FORMATS: dict[DateFormat, str] = {
    "iso": "2024-03-31, with or without a time",
    "yyyymmdd": "20240331",
    "yymmdd": "240331",
    "dmy": "31/03/2024, day first",
    "mdy": "03/31/2024, month first",
    "epoch_s": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
}


class Mapping(BaseModel):
    """Which header is which canonical column, and how its values are to be read.

    ``direction`` names a column that says which way an unsigned amount went;
    ``direction_in`` lists its values that mean money in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str]
    date_format: DateFormat = "iso"
    decimal: Literal[".", ","] = "."
    amount_sign: AmountSign = "out_positive"
    direction: str | None = None
    direction_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Why a header was taken for a canonical column; ``confidence`` is high, medium or low."""

    column: str
    header: str
    confidence: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """A mapping, the evidence for it, and the headers left out."""

    mapping: Mapping
    evidence: tuple[Evidence, ...]
    unused: tuple[str, ...]


_IN_WORDS = frozenset({"c", "cr", "credit", "in", "income", "incoming", "prijem", "deposit", "+"})
_OUT_WORDS = frozenset(
    {
        "d",
        "dr",
        "debit",
        "out",
        "outgoing",
        "vydaj",
        "vyber",
        "withdrawal",
        "payment",
        "purchase",
        "-",
    }
)


def recognise_columns(header: Sequence[str]) -> tuple[Evidence, ...]:
    """Return the canonical columns that a header's names give away, at most one a name."""
    evidence: list[Evidence] = []
    by_key = {normalise_header(cell): cell for cell in header}
    for column in COLUMNS:
        for rank, key in enumerate((column.name, *column.synonyms)):
            source = by_key.get(key)
            if source is not None and source not in [found.header for found in evidence]:
                why, confidence = ("same name", "high") if rank == 0 else ("a known name", "medium")
                evidence.append(Evidence(column.name, source, confidence, why))
                break
    return tuple(evidence)


def propose_mapping(header: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> Proposal:
    """Propose a mapping from header names and the first rows' values.

    Raises
    ------
    InputError
        Where no column can be the customer, the date or the amount, or where the day and the
        month of the dates cannot be told apart.
    """
    evidence = recognise_columns(header)
    taken = {found.column: found.header for found in evidence}
    missing = [column for column in REQUIRED if column not in taken]
    if missing:
        needed = ", ".join(f"{column} ({BY_NAME[column].meaning})" for column in missing)
        shown = ", ".join(repr(cell) for cell in header[:12])
        raise InputError(
            f"{name}: no column was recognised as {needed}. Its columns are {shown}. Rename one, "
            "or say which is which in a mapping (--mapping FILE.yaml)."
        )
    values = _column_values(header, sample)
    date_format = _date_format(values[taken["timestamp"]], taken["timestamp"], name)
    decimal = _decimal(values[taken["amount"]])
    direction, direction_in = _direction(values, set(taken.values()))
    mapping = Mapping(
        columns=taken,
        date_format=date_format,
        decimal=decimal,
        direction=direction,
        direction_in=direction_in,
    )
    unused = tuple(cell for cell in header if cell not in taken.values() and cell != direction)
    return Proposal(mapping, evidence, unused)


def _column_values(header: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    rows = [row for row in sample if len(row) == len(header)]
    return {cell: [row[i].strip() for row in rows] for i, cell in enumerate(header)}


def _date_format(values: list[str], column: str, name: str) -> DateFormat:
    filled = [value for value in values if value]
    shapes: dict[DateFormat, str] = {
        "iso": r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?",
        "yyyymmdd": r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])",
        "epoch_ms": r"\d{13}",
        "epoch_s": r"\d{9,10}",
        "yymmdd": r"\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])",
    }
    for shape, pattern in shapes.items():
        fits = sum(re.fullmatch(pattern, value) is not None for value in filled)
        if filled and fits >= 0.8 * len(filled):
            return shape
    pairs = [
        (int(match[1]), int(match[2]))
        for value in filled
        if (match := re.match(r"(\d{1,2})[/.\-](\d{1,2})[/.\-]\d{2,4}", value))
    ]
    if filled and len(pairs) >= 0.8 * len(filled):
        day_first = any(first > 12 for first, _ in pairs)
        month_first = any(second > 12 for _, second in pairs)
        if day_first != month_first:
            return "dmy" if day_first else "mdy"
        raise InputError(
            f"{name}: the dates in {column!r} (such as {filled[0]!r}) could be day first or month "
            "first. Say which in a mapping: `date_format: dmy` or `date_format: mdy`."
        )
    return "iso"


def _decimal(values: list[str]) -> Literal[".", ","]:
    comma = sum(re.fullmatch(r"[-+]?\d+(\.\d{3})*,\d{1,4}", value) is not None for value in values)
    return "," if values and comma > 0.5 * len(values) else "."


def _direction(values: dict[str, list[str]], taken: set[str]) -> tuple[str | None, tuple[str, ...]]:
    """Find a column whose few values are all known words for money in and money out."""
    for header, cells in values.items():
        words = {cell for cell in cells if cell}
        folded = {word.lower() for word in words}
        if header in taken or not 2 <= len(folded) <= 4:
            continue
        if folded <= _IN_WORDS | _OUT_WORDS and folded & _IN_WORDS and folded & _OUT_WORDS:
            return header, tuple(sorted(word for word in words if word.lower() in _IN_WORDS))
    return None, ()


def check_mapping(mapping: Mapping, header: Sequence[str], name: str) -> None:
    """Refuse a mapping that does not fit the file's header."""
    unknown = [column for column in mapping.columns if column not in BY_NAME]
    if unknown:
        raise InputError(
            f"The mapping names {unknown[0]!r}, which is no canonical column; known: "
            f"{', '.join(BY_NAME)}."
        )
    missing = [column for column in REQUIRED if column not in mapping.columns]
    if missing:
        raise InputError(f"The mapping does not say which column is {', '.join(missing)}.")
    for column, source in [*mapping.columns.items(), ("direction", mapping.direction)]:
        if source is not None and source not in header:
            raise InputError(
                f"The mapping takes {column} from {source!r}, but {name} has no such column; "
                f"it has {', '.join(repr(cell) for cell in header[:12])}."
            )


def load_mapping(path: Path) -> Mapping:
    """Read a mapping saved as YAML."""
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"The mapping {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        first = str(error).splitlines()
        raise InputError(
            f"The mapping {path} cannot be used: {' '.join(first[:3])}. It needs `columns:` with "
            "customer_id, timestamp and amount."
        ) from error


def mapping_yaml(mapping: Mapping) -> str:
    """Return the mapping as YAML text that `load_mapping` reads."""
    return yaml.safe_dump(mapping.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


_ZONE = r"([+-]\d\d(:?\d\d)?|[A-Ya-y])$"
"""An offset or a zone's name after a time; Z says what holds anyway."""


def timestamp_sql(cell: str, date_format: DateFormat) -> str:
    """Return SQL that reads the text expression ``cell`` as a UTC TIMESTAMP, NULL if it is none."""
    if date_format == "iso":
        # TIMESTAMP alone would drop an offset such as +02:00 without a word.
        return (
            f"CASE WHEN length({cell}) > 16 AND regexp_matches({cell}, {text_literal(_ZONE)}) "
            f"THEN CAST(TRY_CAST({cell} AS TIMESTAMPTZ) AS TIMESTAMP) "
            f"ELSE TRY_CAST({cell} AS TIMESTAMP) END"
        )
    if date_format == "epoch_s":
        return f"make_timestamp(TRY_CAST({cell} AS BIGINT) * 1000000)"
    if date_format == "epoch_ms":
        return f"make_timestamp(TRY_CAST({cell} AS BIGINT) * 1000)"
    if date_format in ("yyyymmdd", "yymmdd"):
        pattern = "%Y%m%d" if date_format == "yyyymmdd" else "%y%m%d"
        return f"try_strptime({cell}, {text_literal(pattern)})"
    order = ("%d", "%m") if date_format == "dmy" else ("%m", "%d")
    patterns = [
        f"{separator.join((*order, year))}{time}"
        for separator in ("/", ".", "-")
        for year in ("%Y", "%y")
        for time in ("", " %H:%M", " %H:%M:%S")
    ]
    listed = ", ".join(text_literal(pattern) for pattern in patterns)
    return f"try_strptime({cell}, [{listed}])"


def money_sql(cell: str, decimal: str) -> str:
    """Return SQL that reads the text expression ``cell`` as DECIMAL(18,4), NULL if it is none."""
    if decimal == ",":
        cell = f"replace(replace({cell}, '.', ''), ',', '.')"
    return f"TRY_CAST({cell} AS DECIMAL(18,4))"
