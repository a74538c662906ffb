"""What somebody who brought a file in should look at before scores rest on it, in sentences."""

from __future__ import annotations

import re

from credit_core.data.contract import listed
from credit_core.data.store import Applications, Dataset

ODD_CUSTOMER = (
    r"(?i)(na|n/a|nan|null|none|nil|unknown|undefined|#n/a|-|\?|"
    r"(grand |sub)?totals?|sum|balance( brought forward)?|"
    r"\d([.,]\d+)?e\+?\d+)"
)
"""An id, whole, that is more likely no customer: a word for nothing, a totals line, or a long
number as a spreadsheet shortens it, which many customers then share. In the syntax of RE2."""
_STATUS = re.compile(r"(?i)(.*[_ ])?(status|result|response([_ ]code)?|reversed|is_reversal)")
_HUNDREDTHS = re.compile(r"(?i).*(cents?|pence|minor([_ ]units?)?|pennies|paise|kobo)")


def of_dataset(dataset: Dataset) -> tuple[str, ...]:
    """Return the remarks on a dataset: on its transactions, then on its applications."""
    return (*of_ledger(dataset), *of_applications(dataset.applications))


def of_ledger(dataset: Dataset) -> tuple[str, ...]:
    """Return the remarks on a dataset's transactions, none where it has none."""
    found = []
    if dataset.erased_customers:
        found.append(
            f"Erased on request and left out: {dataset.erased_customers:,} of its customers, "
            f"{dataset.erased_rows:,} transactions."
        )
    if odd := dataset.quality.get("odd_customers"):
        named = "; ".join(
            f"{name[:24]!r}, {count:,} {'row' if count == 1 else 'rows'}" for name, count in odd
        )
        found.append(
            f"These customer ids look like something else ({named}): a word for an empty cell, a "
            "totals line, or a long number that a spreadsheet shortened, so that several customers "
            "share it. They are kept as they are; mend the file if they are no customers."
        )
    if copies := dataset.quality.get("exact_copies"):
        rows = "row repeats another" if copies == 1 else "rows repeat another"
        found.append(
            f"{copies:,} {rows} in every cell, and no column numbers transactions: two equal "
            "payments are possible, so all are kept. Where a file was put together twice, take "
            "the copies out and bring it in again, or money counts double."
        )
    status = [name for name in dataset.unused if _STATUS.fullmatch(name)]
    if status:
        found.append(
            f"The column {listed(status)} was not used. If it marks payments as failed or "
            "reversed, take those rows out and bring the file in again: here they count as if "
            "money had moved."
        )
    amounts = [
        header
        for part in ("amount", "debit", "credit", "unit_price")
        if (header := _header(dataset, part)) and _HUNDREDTHS.fullmatch(header)
    ]
    if amounts:
        found.append(
            f"Amounts were taken as written in {listed(amounts)}, whose name suggests hundredths "
            "of the currency; every amount is then shown a hundred times too large."
        )
    return tuple(found)


def _header(dataset: Dataset, part: str) -> str | None:
    """Return the header that an amount, or a part of it, was read from."""
    name = dataset.mapping.get(part) or dataset.mapping.get("columns", {}).get(part)
    return name if isinstance(name, str) else None


def of_applications(found: Applications | None) -> tuple[str, ...]:
    """Return the remarks on an applications file, none where there is none."""
    if found is None:
        return ()
    said = []
    if found.unmatched:
        said.append(
            f"{found.unmatched:,} customers of the applications have no transaction in the "
            "ledger; their ids may be written otherwise there."
        )
    if found.like_an_outcome:
        said.append(
            f"The column {found.like_an_outcome!r} looks like an outcome and was taken as an "
            "attribute. If it says what became of the loan, name it outcome (1 = bad) and "
            "bring the file in again: as an attribute it would tell models the answer."
        )
    if found.like_protected:
        named = ", ".join(map(repr, found.like_protected))
        said.append(
            f"Models will read {named}, which look like protected characteristics. Where the "
            "law or your policy forbids that, declare them protected and bring the file in "
            "again; they then serve to look at fairness alone."
        )
    return tuple(said)
