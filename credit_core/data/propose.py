"""A proposal of which header is which canonical column, with the evidence for it.

Names come first, then the shapes of values. What the file's own values decide (day or month
first, decimal comma, sign, direction) is said with its evidence; what they leave open is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from credit_core.data.amounts import read_amount
from credit_core.data.contract import BY_NAME, COLUMNS, REQUIRED, listed, normalise_header
from credit_core.data.evidence import PART_NAMES, Evidence, Found, UndecidedError, filled_cells
from credit_core.data.mapping import PAIRS, Mapping
from credit_core.data.shapes import (
    amounts_fit,
    customers_fit,
    dates_fit,
    numbers,
    read_date_format,
)


@dataclass(frozen=True)
class Proposal:
    """A mapping, the evidence for it, and the headers left out."""

    mapping: Mapping
    evidence: tuple[Evidence, ...]
    unused: tuple[str, ...]


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


def propose_mapping(
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    name: str,
    dates: Sequence[str] | None = None,
) -> Proposal:
    """Propose a mapping from header names and the first rows' values.

    ``dates`` are all values of the date column, where the first rows did not suffice.

    Raises
    ------
    AmbiguousDatesError
        Where the day and the month of the dates cannot be told apart.
    UndecidedError
        Where no column can be the customer, the date or the amount.
    """
    found = Found(_column_values(header, sample))
    for evidence in recognise_columns(header):
        found.columns[evidence.column] = evidence.header
        found.evidence.append(evidence)
    _drop_group_numbers(found)
    _prefer_pairs(found, header)
    _read_turns(found, name)
    _read_shapes(found)
    _refuse_missing(found, header, name)
    date_header = found.columns["timestamp"]
    found.fields["date_format"] = read_date_format(found, date_header, name, dates)
    read_amount(found, name)
    mapping = Mapping(columns=found.columns, **found.fields)
    used = {header for _, header in mapping.headers()}
    return Proposal(
        mapping, tuple(found.evidence), tuple(cell for cell in header if cell not in used)
    )


def _column_values(header: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    rows = [row for row in sample if len(row) == len(header)]
    return {cell: [row[i].strip() for row in rows] for i, cell in enumerate(header)}


def _drop_group_numbers(found: Found) -> None:
    """Leave out a transaction id that several rows share: it numbers orders, not movements."""
    known = next((e for e in found.evidence if e.column == "transaction_id"), None)
    if known is None or known.confidence == "high":
        return
    filled = filled_cells(found.values[known.header])
    if filled and len(set(filled)) < 0.95 * len(filled):
        del found.columns["transaction_id"]
        found.evidence.remove(known)
        found.say(
            "transaction_id",
            known.header,
            "high",
            "left out: several rows share a number, so it names an order, not a movement",
        )


def _prefer_pairs(found: Found, header: Sequence[str]) -> None:
    """Read the amount from two columns where there is no column of the whole amount."""
    by_key = {normalise_header(cell): cell for cell in reversed(header)}
    for pair in PAIRS:
        places = [
            next((by_key[key] for key in PART_NAMES[part] if key in by_key), None) for part in pair
        ]
        first, second = places
        whole = found.columns.get("amount")
        if first is None or second is None or whole not in (None, first, second):
            continue
        if not all(numbers(found.values[place], 0.5) for place in (first, second)):
            continue
        found.columns.pop("amount", None)
        found.evidence = [e for e in found.evidence if e.column != "amount"]
        why = (
            "money out and money in stand in two columns"
            if pair[0] == "debit"
            else "no column holds the whole amount: pieces times the price of one"
        )
        for part, place in zip(pair, (first, second), strict=True):
            found.fields[part] = place
            found.say(part, place, "medium", why)
        return


_TURNS = 0.95
"""Share of the rows in which exactly one of two columns of money in turn holds an amount."""
_OUT_HINTS = ("out", "withdr", "debit", "spen", "expens", "payment", "charge", "ausg", "belast",
              "auszahl", "egres", "retir", "sort", "retrait", "uscit", "gasto")  # fmt: skip
_IN_HINTS = ("in", "deposit", "credit", "receiv", "income", "ein", "gutschr", "ingres", "entr",
             "versement", "top_up", "salary")  # fmt: skip


def _read_turns(found: Found, name: str) -> None:
    """Read the amount from two columns that hold it in turn, by names no list knows."""
    if "debit" in found.fields or "unit_price" in found.fields:
        return
    whole = found.columns.get("amount")
    moved = {
        header: [re.sub(r"\D", "", value).strip("0") != "" for value in values]
        for header, values in found.values.items()
        if (header == whole or header not in found.taken) and numbers(values, 0.9)
    }
    some = {
        header: filled
        for header, filled in moved.items()
        if 1 - _TURNS <= sum(filled) / max(len(filled), 1) <= _TURNS
    }
    if whole is not None and whole not in some:
        return
    for first, second in combinations(some, 2):
        if whole not in (None, first, second):
            continue
        turns = sum(a != b for a, b in zip(some[first], some[second], strict=True))
        if turns < _TURNS * len(some[first]):
            continue
        outward = [_is_outward(found, one) for one in (first, second)]
        if outward[0] == outward[1]:
            raise UndecidedError(
                f"{name}: {listed([first])} and {listed([second])} hold amounts in turn, one money "
                "out and one money in. Say which in a mapping: `debit` is money out, `credit` "
                "money in.",
                found.evidence,
            )
        found.columns.pop("amount", None)
        found.evidence = [e for e in found.evidence if e.column != "amount"]
        pair = (first, second) if outward[0] else (second, first)
        for part, place in zip(("debit", "credit"), pair, strict=True):
            found.fields[part] = place
            found.say(part, place, "low", "two columns hold amounts in turn; by its name or sign")
        return


def _is_outward(found: Found, header: str) -> bool | None:
    """Return whether a column's name, or else its sign, says money out; None where neither does."""
    key = normalise_header(header)
    hints = [any(hint in key for hint in known) for known in (_OUT_HINTS, _IN_HINTS)]
    if hints[0] != hints[1]:
        return hints[0]
    below = [value.startswith(("-", "(")) for value in filled_cells(found.values[header])]
    return True if sum(below) > len(below) / 2 else None


_HINTS = {
    "customer_id": ("cust", "client", "kund", "user", "account", "konto", "member", "card",
                    "iban", "payer", "cliente", "compte", "person", "holder"),
    "timestamp": ("date", "datum", "time", "fecha", "data", "day", "when", "posted", "zeit"),
    "amount": ("amount", "betrag", "montant", "importe", "importo", "valor", "total", "sum",
               "value", "spend", "paid", "umsatz", "bedrag", "kwota"),
}  # fmt: skip


def _read_shapes(found: Found) -> None:
    """Find required columns that no name gave away by the shapes of their values."""
    for column, fits in (
        ("timestamp", dates_fit),
        ("amount", amounts_fit),
        ("customer_id", customers_fit),
    ):
        if column in found.columns or (column == "amount" and "credit" in found.fields):
            continue
        if column == "amount" and "unit_price" in found.fields:
            continue
        hints = _HINTS[column]
        best: tuple[float, str, str] | None = None
        for header, values in found.values.items():
            if header in found.taken:
                continue
            filled = filled_cells(values)
            score, why = fits(filled) if filled else (0.0, "")
            if score == 0.0:
                continue
            named = any(hint in normalise_header(header) for hint in hints)
            score += 1.0 if named else 0.0
            why += " and a fitting name" if named else ""
            if best is None or score > best[0]:
                best = (score, header, why)
        if best is not None:
            found.take(column, best[1], "low", best[2])


def _refuse_missing(found: Found, header: Sequence[str], name: str) -> None:
    paired = any(part in found.fields for part in PART_NAMES)
    missing = [
        column
        for column in REQUIRED
        if column not in found.columns and not (column == "amount" and paired)
    ]
    if not missing:
        return
    needed = ", ".join(f"{column} ({BY_NAME[column].meaning})" for column in missing)
    raise UndecidedError(
        f"{name}: no column was recognised as {needed}. Its columns are {listed(header)}. Rename "
        "one, or say which is which in a mapping.",
        found.evidence,
    )
