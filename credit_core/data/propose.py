"""A proposal of which header is which canonical column, with the evidence for it.

Names come first, then the shapes of values. What the file's own values decide (day or month
first, decimal comma, sign, direction) is said with its evidence; what they leave open is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from credit_core.data.contract import BY_NAME, COLUMNS, REQUIRED, listed, normalise_header
from credit_core.data.mapping import PAIRS, DateFormat, Mapping
from credit_core.errors import InputError

_PART_NAMES: dict[str, tuple[str, ...]] = {
    "debit": ("debit", "debit_amount", "paid_out", "money_out", "withdrawal", "withdrawals",
              "withdrawal_amount", "amount_debit", "soll", "out"),
    "credit": ("credit", "credit_amount", "paid_in", "money_in", "deposit", "deposits",
               "deposit_amount", "amount_credit", "haben", "in"),
    "quantity": ("quantity", "qty", "units", "pieces", "menge"),
    "unit_price": ("unit_price", "unitprice", "price", "price_per_unit", "item_price"),
}  # fmt: skip
# fmt: off
_IN_WORDS = frozenset((
    "c", "cr", "credit", "in", "income", "incoming", "inflow", "inbound", "prijem",
    "deposit", "received", "receipt", "+", "haben", "h", "gutschrift", "eingang", "abono",
    "entrata", "avere", "credito", "crédit",
))
_OUT_WORDS = frozenset((
    "d", "dr", "debit", "out", "outgoing", "outflow", "outbound", "vydaj", "vyber",
    "withdrawal", "payment", "purchase", "spent", "-", "soll", "s", "lastschrift", "ausgang",
    "cargo", "uscita", "dare", "debito", "débit",
))
# fmt: on
_DATE_SHAPES: dict[DateFormat, str] = {
    "iso": r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ].*)?",
    "yyyymmdd": r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])"
    r"([T ]?([01]\d|2[0-3]):?[0-5]\d(:?[0-5]\d)?Z?)?",
    "named": r"(?i)(\d{1,2}[-/. ])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
    r"([-/. ]|(\.?| \d{1,2}),? )(\d{4}|\d{2})\b.*",
    "epoch_ms": r"\d{12,13}",
    "epoch_s": r"\d{9,10}(\.\d+)?",
    "yymmdd": r"\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])",
}
_PARTS_OF_DATE = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_MOSTLY = 0.8


@dataclass(frozen=True)
class Evidence:
    """Why something was read as it was; ``confidence`` is high, medium or low.

    ``column`` is a canonical column, a part of the amount, or the setting it decided.
    """

    column: str
    header: str
    confidence: str
    why: str


class UndecidedError(InputError):
    """A person has to decide; ``evidence`` is what was found all the same."""

    def __init__(self, message: str, evidence: Sequence[Evidence]) -> None:
        super().__init__(message)
        self.evidence = tuple(evidence)


class AmbiguousDatesError(UndecidedError):
    """The dates of ``column`` could be day first or month first."""

    def __init__(self, message: str, evidence: Sequence[Evidence], column: str) -> None:
        super().__init__(message, evidence)
        self.column = column


@dataclass(frozen=True)
class Proposal:
    """A mapping, the evidence for it, and the headers left out."""

    mapping: Mapping
    evidence: tuple[Evidence, ...]
    unused: tuple[str, ...]


@dataclass
class _Found:
    """What was found so far: {column: header}, the mapping's other fields, and the evidence."""

    values: dict[str, list[str]]
    columns: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def taken(self) -> set[str]:
        """Return the headers that are read as something already."""
        parts = (self.fields[part] for part in _PART_NAMES if part in self.fields)
        return {*self.columns.values(), *parts}

    def take(self, column: str, header: str, confidence: str, why: str) -> None:
        self.columns[column] = header
        self.evidence.append(Evidence(column, header, confidence, why))

    def say(self, what: str, header: str, confidence: str, why: str) -> None:
        self.evidence.append(Evidence(what, header, confidence, why))


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
    found = _Found(_column_values(header, sample))
    for evidence in recognise_columns(header):
        found.columns[evidence.column] = evidence.header
        found.evidence.append(evidence)
    _drop_group_numbers(found)
    _prefer_pairs(found, header)
    _read_shapes(found)
    _refuse_missing(found, header, name)
    date_header = found.columns["timestamp"]
    found.fields["date_format"] = _date_format(found, date_header, name, dates)
    _read_amount(found, name)
    mapping = Mapping(columns=found.columns, **found.fields)
    used = {header for _, header in mapping.headers()}
    return Proposal(
        mapping, tuple(found.evidence), tuple(cell for cell in header if cell not in used)
    )


def _column_values(header: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    rows = [row for row in sample if len(row) == len(header)]
    return {cell: [row[i].strip() for row in rows] for i, cell in enumerate(header)}


def _filled(values: list[str]) -> list[str]:
    return [value for value in values if value]


def _drop_group_numbers(found: _Found) -> None:
    """Leave out a transaction id that several rows share: it numbers orders, not movements."""
    known = next((e for e in found.evidence if e.column == "transaction_id"), None)
    if known is None or known.confidence == "high":
        return
    filled = _filled(found.values[known.header])
    if filled and len(set(filled)) < 0.95 * len(filled):
        del found.columns["transaction_id"]
        found.evidence.remove(known)
        found.say(
            "transaction_id",
            known.header,
            "high",
            "left out: several rows share a number, so it names an order, not a movement",
        )


def _prefer_pairs(found: _Found, header: Sequence[str]) -> None:
    """Read the amount from two columns where there is no column of the whole amount."""
    by_key = {normalise_header(cell): cell for cell in reversed(header)}
    for pair in PAIRS:
        places = [
            next((by_key[key] for key in _PART_NAMES[part] if key in by_key), None) for part in pair
        ]
        first, second = places
        whole = found.columns.get("amount")
        if first is None or second is None or whole not in (None, first, second):
            continue
        if not all(_numbers(found.values[place], 0.5) for place in (first, second)):
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


_NUMBER = re.compile(r"[-+−(]?[^\d()]{0,4}[-+−]?\d[\d.,'’\s]*\)?[^\d()]{0,4}[-+]?\)?")  # noqa: RUF001


def _numbers(values: list[str], share: float) -> bool:
    """Return True where so many of the filled cells look like amounts."""
    filled = _filled(values)
    return not filled or sum(bool(_NUMBER.fullmatch(v)) for v in filled) >= share * len(filled)


_HINTS = {
    "customer_id": ("cust", "client", "kund", "user", "account", "konto", "member", "card",
                    "iban", "payer", "cliente", "compte", "person", "holder"),
    "timestamp": ("date", "datum", "time", "fecha", "data", "day", "when", "posted", "zeit"),
    "amount": ("amount", "betrag", "montant", "importe", "importo", "valor", "total", "sum",
               "value", "spend", "paid", "umsatz", "bedrag", "kwota"),
}  # fmt: skip


def _read_shapes(found: _Found) -> None:
    """Find required columns that no name gave away by the shapes of their values."""
    for column, fits in (
        ("timestamp", _dates_fit),
        ("amount", _amounts_fit),
        ("customer_id", _customers_fit),
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
            filled = _filled(values)
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


def _dates_fit(filled: list[str]) -> tuple[float, str]:
    shape = _shape(filled)
    if shape is None:
        return 0.0, ""
    if shape in ("yyyymmdd", "iso", "named", "dmy"):
        return 1.0, "its values are dates"
    # Whole numbers of this length could be anything; alone they count for little.
    return 0.2, "its values read as dates"


def _amounts_fit(filled: list[str]) -> tuple[float, str]:
    if not _numbers(filled, 0.95) or _shape(filled) is not None:
        return 0.0, ""
    parts = sum(bool(re.search(r"[.,]\d{1,2}\D*$", value)) for value in filled) / len(filled)
    signed = sum(value[0] in "-−(" or value[-1] in "-)" for value in filled) / len(filled)  # noqa: RUF001
    if parts < 0.2 and signed == 0:
        return 0.0, ""
    return 0.3 + parts / 2 + signed / 4, "its values are amounts with decimals"


def _customers_fit(filled: list[str]) -> tuple[float, str]:
    distinct = len(set(filled))
    fractions = any(re.fullmatch(r"[-+]?\d+[.,]\d+", value) for value in filled)
    long = max(len(value) for value in filled) > 40
    if distinct < 2 or distinct > 0.95 * len(filled) or fractions or long:
        return 0.0, ""
    if _shape(filled) in ("iso", "dmy", "named", "yyyymmdd"):
        return 0.0, ""
    digits = sum(any(c.isdigit() for c in value) for value in filled) / len(filled)
    # Ids hold digits and are many; categories are few words.
    if digits < 0.9:
        return 0.0, ""
    return 0.2 + 0.5 * distinct / len(filled), "its values repeat like customer numbers"


def _refuse_missing(found: _Found, header: Sequence[str], name: str) -> None:
    paired = any(part in found.fields for part in _PART_NAMES)
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


def _shape(filled: list[str]) -> Literal["dmy"] | DateFormat | None:
    """Return the form most cells have; ``dmy`` stands for either order of day and month."""
    for shape, pattern in _DATE_SHAPES.items():
        if sum(re.fullmatch(pattern, value) is not None for value in filled) >= _MOSTLY * len(
            filled
        ):
            return shape
    pairs = sum(_PARTS_OF_DATE.match(value) is not None for value in filled)
    return "dmy" if pairs >= _MOSTLY * len(filled) else None


def _date_format(found: _Found, header: str, name: str, dates: Sequence[str] | None) -> DateFormat:
    filled = _filled([value.strip() for value in dates] if dates else found.values[header])
    shape = _shape(filled) if filled else None
    if shape is None:
        return "iso"
    if shape != "dmy":
        found.say("date_format", header, "high", f"values such as {filled[0]!r}")
        return shape
    matches = [match for value in filled if (match := _PARTS_OF_DATE.match(value))]
    first = max(int(match[1]) for match in matches)
    second = max(int(match[3]) for match in matches)
    if (first > 12) != (second > 12):
        decided: DateFormat = "dmy" if first > 12 else "mdy"
        which = "day" if first > 12 else "month"
        found.say(
            "date_format", header, "high", f"{which} first: a part goes up to {max(first, second)}"
        )
        return decided
    by_order = _by_order(matches) if max(first, second) <= 12 else None
    if by_order is not None and dates is not None:
        which = "day" if by_order == "dmy" else "month"
        found.say(
            "date_format", header, "medium", f"only {which} first are the rows in order of time"
        )
        return by_order
    raise AmbiguousDatesError(
        f"{name}: the dates in {header!r} (such as {filled[0]!r}) could be day first or month "
        "first. Say which in a mapping: `date_format: dmy` or `date_format: mdy`.",
        found.evidence,
        header,
    )


def _by_order(matches: list[re.Match[str]]) -> DateFormat | None:
    """Return the reading under which the file's dates never go back, if exactly one does so."""
    rising: list[DateFormat] = []
    orders: tuple[tuple[DateFormat, int, int], ...] = (("dmy", 1, 3), ("mdy", 3, 1))
    for reading, day, month in orders:
        try:
            dates = [datetime(2000 + int(m[4]) % 100, int(m[month]), int(m[day])) for m in matches]
        except ValueError:
            continue
        if len(set(dates)) > 2 and dates == sorted(dates):
            rising.append(reading)
    return rising[0] if len(rising) == 1 else None


def _read_amount(found: _Found, name: str) -> None:
    """Decide the decimal mark, the direction and the sign of amounts by their values."""
    headers = [
        header
        for column in ("amount", "debit", "unit_price", "balance")
        if (header := found.columns.get(column) or found.fields.get(column))
    ]
    for header in headers:
        _refuse_currencies(found, header, name)
        decimal = _decimal(found, header, name)
        if decimal is not None:
            found.fields["decimal"] = decimal
            break
    if "amount" not in found.columns:
        return
    amounts = found.values[found.columns["amount"]]
    if any(re.search(r"[-−(]", value) for value in amounts):  # noqa: RUF001
        _read_sign(found, amounts)
        return
    _read_direction(found)


def _refuse_currencies(found: _Found, header: str, name: str) -> None:
    """Refuse amounts that carry the signs or codes of several currencies."""
    filled = _filled(found.values[header])
    signs = {char for value in filled for char in value if unicodedata.category(char) == "Sc"}
    codes = {code for value in filled for code in re.findall(r"\b[A-Z]{3}\b", value)}
    several = sorted(signs if len(signs) > 1 else codes)
    if len(several) > 1:
        raise UndecidedError(
            f"{name}: the amounts in {listed([header])} are in several currencies "
            f"({listed(several)}), and sums over several mean nothing. Convert them first, or "
            "give one file a currency.",
            found.evidence,
        )


def _decimal(found: _Found, header: str, name: str) -> Literal[".", ","] | None:
    """Return the decimal mark that a column's values show, None where they show none."""
    commas = points = groups = either = 0
    for value in _filled(found.values[header]):
        body = re.sub(r"[^\d.,]", "", value)
        if re.fullmatch(
            r"\d{1,3}(\.\d{3})*,\d{1,2}|\d+,\d{1,2}|\d{1,3}(\.\d{3}){2,}|\d+,\d{4,}|0,\d+", body
        ):
            commas += 1
        elif re.fullmatch(
            r"\d{1,3}(,\d{3})*\.\d{1,2}|\d+\.\d{1,2}|\d{1,3}(,\d{3}){2,}|\d+\.\d{4,}|0\.\d+", body
        ):
            points += 1
        elif re.fullmatch(r"\d{1,3},\d{3}", body):
            groups += 1
        elif re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", body):
            either, example = either + 1, value
    if commas > points:
        found.say("decimal", header, "high", f"{commas:,} of the first values have a decimal comma")
        return ","
    if either > 1 and points == 0:
        raise UndecidedError(
            f"{name}: the point in {listed([header])} always stands before three digits (such as "
            f"{listed([example])}), so it may part thousands or decimals. Say which in a mapping: "
            "`decimal: ','` or `decimal: '.'`.",
            found.evidence,
        )
    if points == 0 and groups:
        found.say("decimal", header, "medium", "commas always stand before three digits: thousands")
    return "." if points or groups or either else None


def _read_sign(found: _Found, amounts: list[str]) -> None:
    """Decide which sign is money out by the balance, where there is one."""
    header = found.columns["amount"]
    verdict = _sign_by_balance(found, amounts)
    if verdict is None:
        found.say(
            "amount_sign", header, "low", "assumed: above 0 is money out; correct it if it is not"
        )
        return
    found.fields["amount_sign"] = verdict
    falls = verdict == "out_positive"
    found.say(
        "amount_sign",
        header,
        "high",
        f"the balance {'falls' if falls else 'rises'} when the amount is above 0",
    )


def _sign_by_balance(
    found: _Found, amounts: list[str]
) -> Literal["out_positive", "in_positive"] | None:
    """Compare each customer's balances one row after another with the amount between them."""
    if "balance" not in found.columns:
        return None
    comma = found.fields.get("decimal") == ","
    rows = [
        (customer, amount, balance)
        for customer, amount_text, balance_text in zip(
            found.values[found.columns["customer_id"]],
            amounts,
            found.values[found.columns["balance"]],
            strict=True,
        )
        if (amount := _value(amount_text, comma)) is not None
        and (balance := _value(balance_text, comma)) is not None
    ]
    # Some banks list the newest movement first.
    for ordered in (rows, rows[::-1]):
        last: dict[str, float] = {}
        falls = rises = 0
        for customer, amount, balance in ordered:
            if customer in last:
                change = balance - last[customer]
                falls += abs(change + amount) < 0.006
                rises += abs(change - amount) < 0.006
            last[customer] = balance
        if falls + rises >= max(5, len(rows) / 4) and not 0.2 < falls / (falls + rises) < 0.8:
            return "out_positive" if falls > rises else "in_positive"
    return None


def _value(text: str, comma: bool) -> float | None:
    body = text.replace(".", "").replace(",", ".") if comma else text.replace(",", "")
    try:
        return float(body)
    except ValueError:
        return None


def _read_direction(found: _Found) -> None:
    """Find a column whose few words all mean money in or money out."""
    for header, cells in found.values.items():
        filled = _filled(cells)
        known = {word for word in filled if _fold(word) in _IN_WORDS | _OUT_WORDS}
        inward = tuple(sorted(word for word in known if _fold(word) in _IN_WORDS))
        outward = tuple(sorted(known.difference(inward)))
        share = sum(word in known for word in filled) / max(len(filled), 1)
        # A word that means neither is no reason to lose all signs; its rows are set aside.
        if header in found.taken or not (inward and outward) or share < 0.9:
            continue
        found.fields |= {"direction": header, "direction_in": inward, "direction_out": outward}
        said = f"in: {', '.join(inward)}; out: {', '.join(outward)}"
        found.say("direction", header, "high", f"amounts have no sign, this column has: {said}")
        return


def _fold(word: str) -> str:
    return word.strip().lower()
