"""What was found in a file so far, why it is believed, and the questions left to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from credit_core.errors import InputError

PART_NAMES: dict[str, tuple[str, ...]] = {
    "debit": ("debit", "debit_amount", "paid_out", "money_out", "withdrawal", "withdrawals",
              "withdrawal_amount", "withdrawal_amt", "withdrawn", "debit_amt", "debits", "spent",
              "outflow", "amount_debit", "ausgabe", "ausgaben", "belastung", "soll", "out",
              "cargo", "cargos", "debe", "adeudo", "dare", "addebiti", "uscite",
              "débit", "débito", "af"),
    "credit": ("credit", "credit_amount", "paid_in", "money_in", "deposit", "deposits",
               "deposit_amount", "deposit_amt", "credit_amt", "credits", "received",
               "inflow", "amount_credit", "einnahme", "einnahmen", "gutschrift", "haben", "in",
               "abono", "abonos", "haber", "avere", "accrediti", "entrate",
               "crédit", "crédito", "bij"),
    "quantity": ("quantity", "qty", "units", "pieces", "menge"),
    "unit_price": ("unit_price", "unitprice", "price", "price_per_unit", "item_price"),
}  # fmt: skip


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


@dataclass
class Found:
    """What was found so far: {column: header}, the mapping's other fields, and the evidence."""

    values: dict[str, list[str]]
    columns: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def taken(self) -> set[str]:
        """Return the headers that are read as something already."""
        parts = (self.fields[part] for part in PART_NAMES if part in self.fields)
        return {*self.columns.values(), *parts}

    def take(self, column: str, header: str, confidence: str, why: str) -> None:
        self.columns[column] = header
        self.evidence.append(Evidence(column, header, confidence, why))

    def say(self, what: str, header: str, confidence: str, why: str) -> None:
        self.evidence.append(Evidence(what, header, confidence, why))


def filled_cells(values: list[str]) -> list[str]:
    return [value for value in values if value]
