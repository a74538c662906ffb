"""A new applicant: their statement and answers become a dataset of one customer."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Mapping as Given
from datetime import date
from pathlib import Path

from credit_core.data.contract import BY_NAME
from credit_core.data.intake import first_rows
from credit_core.data.propose import recognise_columns
from credit_core.data.sniff import look_at
from credit_core.data.store import Dataset, incoming_folder
from credit_core.decisions.scoring import needed_columns
from credit_core.errors import InputError
from credit_core.modelling.bundle import Bundle
from credit_core.settings import Settings
from credit_core.workflows.data import ingest, look

MOST_ROWS = 4_999
"""One row less than intake looks at, so that a longer statement is noticed."""


def bring_in_applicant(
    settings: Settings,
    bundle: Bundle,
    customer_id: str,
    statement: Path | None,
    attributes: Given[str, float | str | None],
    as_of: date | None = None,
) -> Dataset:
    """Store one applicant's transactions and attributes as a dataset, ready to be scored.

    Parameters
    ----------
    statement : Path or None
        A file of the applicant's transactions in any form that intake reads; a column that says
        whose they are may be missing. None where the model reads no transactions.
    attributes : {name: value}
        What the model reads of an application; None = not given.
    as_of : date, optional
        The day scored at; the midnight after the last transaction unless given.

    Raises
    ------
    InputError
        Where the id is empty, the statement is of several customers or too long, or intake
        refuses it.
    """
    customer = customer_id.strip()
    if not customer:
        raise InputError("Give the applicant an id; the decision is recorded under it.")
    if bundle.reads_transactions and statement is None:
        raise InputError("The model reads transactions; paste or upload the applicant's.")
    if statement is None and not bundle.attributes:
        raise InputError("There is nothing to score: neither transactions nor attributes.")
    with incoming_folder(settings) as folder:
        name = f"applicant {re.sub(r'[^A-Za-z0-9_-]+', '-', customer)[:40]}.csv"
        own = None if statement is None else folder / name
        if statement is not None and own is not None:
            _own_statement(statement, own, customer, settings)
            _refuse_lacking(own, statement.name, bundle, settings)
        filed = None
        if bundle.attributes:
            filed = folder / f"answers of {name}"
            _write(
                filed,
                ["customer_id", "as_of", *attributes],
                [[customer, "" if as_of is None else as_of.isoformat(), *_cells(attributes)]],
            )
        dataset = ingest(own, settings, applications=filed)
    if dataset.has_transactions and dataset.customers != 1:
        raise InputError(f"{dataset.name}: no transaction of the applicant could be read.")
    return dataset


def _own_statement(given: Path, target: Path, customer: str, settings: Settings) -> None:
    """Write the statement's rows as text, with the applicant's id where no column has it."""
    with tempfile.TemporaryDirectory(prefix="look-", dir=target.parent) as scratch:
        source = look_at(given, settings, Path(scratch))
        rows = first_rows(source, settings)
    if len(rows) > MOST_ROWS:
        raise InputError(
            f"{source.name} has more than {MOST_ROWS:,} rows, too many for one applicant; score it "
            "as a batch."
        )
    header = list(source.header)
    known = next((e for e in recognise_columns(header) if e.column == "customer_id"), None)
    if known is None:
        _write(target, ["customer_id", *header], [[customer, *row] for row in rows])
        return
    place = header.index(known.header)
    named = {row[place].strip() for row in rows if len(row) > place}
    if len(named) > 1:
        raise InputError(
            f"{source.name} has {len(named):,} customers in its column {known.header!r}; score it "
            "as a batch, or keep one customer's rows."
        )
    _write(target, header, [[*row[:place], customer, *row[place + 1 :]] for row in rows])


def _refuse_lacking(own: Path, name: str, bundle: Bundle, settings: Settings) -> None:
    """Refuse a statement without a column that the model reads, before anything is stored."""
    proposed = look(own, settings).mapping
    if proposed is None:
        return  # intake asks the question
    lacking = sorted(needed_columns(bundle) - proposed.columns.keys())
    if lacking:
        named = ", ".join(f"{column} ({BY_NAME[column].meaning})" for column in lacking)
        raise InputError(
            f"{name}: the model reads {named}, and the statement has no such column. Add it, or "
            "choose a model that was trained without it."
        )


def _cells(attributes: Given[str, float | str | None]) -> list[str]:
    return ["" if value is None else str(value) for value in attributes.values()]


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
