"""A seeded simulator of transactions, applications and their outcomes.

It stands in for data that cannot be published: people whose behaviour and whose later outcome
come from the same hidden solvency, so that what a model finds can be compared with a known
truth. Customers are drawn in chunks of a fixed size, each from its own seed, and written as they
are made: memory does not grow with the number of customers.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from credit_core.data.simulate_behaviour import walk
from credit_core.data.simulate_people import (
    EMPLOYMENT,
    GENDER,
    HOME,
    PURPOSE,
    Flags,
    Ints,
    People,
    draw_people,
)
from credit_core.data.simulate_rows import (
    CATEGORY,
    CHANNEL,
    COUNTRY,
    DAY,
    FEES,
    PROVIDER,
    Month,
    Rows,
)
from credit_core.errors import InputError

_CHUNK = 4_000  # customers; part of the result, so never a parameter
_LARGE = 20_000  # customers from which speed matters more than a small file
_FEWEST_MONTHS = 6

_PRODUCT = ("debit_card", "credit_transfer", "wallet", "standing_order", "overdraft")
_PRODUCT_OF_CHANNEL = np.array([0, 1, 2, 0, 3, 1])
_PRICING_OF_PRODUCT = np.array([2, 1, 4, 2, 0])


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation wrote.

    Attributes
    ----------
    customers, transactions, applications : rows and people written
    first, last : moments (UTC) of the first and last transaction, None without transactions
    bad_rate : share of applications with ``outcome`` 1
    files : the files written, in the order transactions, applications, truth
    """

    customers: int
    transactions: int
    first: datetime | None
    last: datetime | None
    applications: int
    bad_rate: float
    files: tuple[Path, ...]


def _calendar(start: date, months: int) -> list[Month]:
    firsts = [
        date(start.year + (start.month - 1 + k) // 12, (start.month - 1 + k) % 12 + 1, 1)
        for k in range(months + 1)
    ]
    return [
        Month(
            index=k,
            first_day=(first - start).days,
            days=(following - first).days,
            weekday=first.weekday(),
            calendar=first.month,
        )
        for k, (first, following) in enumerate(pairwise(firsts))
    ]


def _text(names: tuple[str, ...], codes: Ints) -> pa.Array:
    return pa.array(names).take(pa.array(codes))


def _numbered(prefix: str, numbers: Ints, width: int) -> pa.Array:
    """``C000042`` and the like."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, padding="0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _money(cents: Ints) -> pa.Array:
    """Exact decimals with two places: 128-bit integers are the cents, extended by their sign."""
    wide = np.empty((len(cents), 2), dtype=np.int64)
    wide[:, 0] = cents
    wide[:, 1] = cents >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(wide)])


def _dates(start: date, days: Ints, missing: Flags | None = None) -> pa.Array:
    return pa.array(np.datetime64(start, "D") + days, mask=missing)


def _transactions(
    rows: Rows, balance: Ints, start: date, first_customer: int, first_row: int
) -> pa.Table:
    """The transactions of one chunk in canonical columns."""
    customers = _numbered("C", np.arange(int(rows.who.max(initial=0)) + 1) + first_customer, 6)
    product = np.where(rows.category == FEES, 4, _PRODUCT_OF_CHANNEL[rows.channel])
    moment = np.datetime64(start, "s") + rows.second
    return pa.table(
        {
            "transaction_id": _numbered("T", np.arange(len(rows)) + first_row, 8),
            "customer_id": customers.take(pa.array(rows.who)),
            "timestamp": pa.array(moment),
            "amount": _money(rows.cents),
            "category": _text(CATEGORY, rows.category),
            "channel": _text(CHANNEL, rows.channel),
            "provider": _text(PROVIDER, rows.provider),
            "product": _text(_PRODUCT, product),
            "currency": _text(("EUR",), np.zeros(len(rows), dtype=np.int64)),
            "country": _text(COUNTRY, rows.country),
            "balance": _money(balance),
            "pricing_strategy": pa.array(_PRICING_OF_PRODUCT[product]),
            "is_fraud": pa.array(rows.fraud),
        }
    )


def _applications(
    rng: np.random.Generator, people: People, start: date, first_customer: int
) -> pa.Table:
    """One row a customer: what was stated, and the outcome; a few statements are missing."""
    n = len(people)
    return pa.table(
        {
            "customer_id": _numbered("C", np.arange(n) + first_customer, 6),
            "as_of": _dates(start, people.as_of_day),
            "monthly_income_stated": pa.array(
                people.stated_income.astype(np.int64), mask=rng.random(n) < 0.03
            ),
            "amount_requested": pa.array(people.requested.astype(np.int64)),
            "term_months": pa.array(people.term),
            "purpose": _text(PURPOSE, people.purpose),
            "employment": pc.if_else(
                pa.array(rng.random(n) < 0.02),
                pa.scalar(None, pa.string()),
                _text(EMPLOYMENT, people.employment),
            ),
            "home_ownership": _text(HOME, people.home),
            "years_at_address": pa.array(people.years_at_address, mask=rng.random(n) < 0.04),
            "existing_loans": pa.array(people.existing_loans),
            "protected_gender": _text(GENDER, people.gender),
            "outcome": pa.array(people.outcome),
        }
    )


def _truth(people: People, calendar: list[Month], start: date, first_customer: int) -> pa.Table:
    """What no real file holds: the probability behind each outcome, and who left when."""
    n = len(people)
    stayed = people.left >= calendar[-1].first_day + calendar[-1].days
    return pa.table(
        {
            "customer_id": _numbered("C", np.arange(n) + first_customer, 6),
            "as_of": _dates(start, people.as_of_day),
            "probability_bad": pa.array(np.round(people.probability, 6)),
            "left": pa.array((~stayed).astype(np.int64)),
            "left_on": _dates(start, people.left, missing=stayed),
        }
    )


@contextmanager
def _replacing(path: Path, level: int | None = None) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of ``path`` and put it in place when all is written.

    ``level`` compresses with gzip, without name or time in the header, so that the same
    content gives the same bytes.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as raw:
            if level is None:
                yield raw
            else:
                with gzip.GzipFile("", "wb", level, raw, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            raw.flush()
            os.fsync(raw.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(file: BinaryIO, table: pa.Table, header: bool) -> None:
    if header:
        file.write((",".join(table.column_names) + "\n").encode())
    buffer = pa.BufferOutputStream()
    # No value of the simulation needs quotes, and the header is written above without them.
    options = pacsv.WriteOptions(include_header=False, quoting_style="none")
    pacsv.write_csv(table, buffer, options)
    file.write(memoryview(buffer.getvalue()))


def _check(customers: int, months: int, start: date) -> None:
    if customers < 1:
        raise InputError(f"The number of customers is {customers}; it must be at least 1.")
    if months < _FEWEST_MONTHS:
        raise InputError(
            f"The number of months is {months}; decisions need a past and a future, "
            f"so it must be at least {_FEWEST_MONTHS}."
        )
    if start.day != 1:
        raise InputError(f"The start is {start}; it must be the first day of a month.")


def simulate(
    out_dir: Path,
    customers: int = 4_000,
    months: int = 18,
    seed: int = 20_240_101,
    start: date = date(2023, 1, 1),
    with_truth: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> SimulationSummary:
    """Write simulated transactions and applications.

    Parameters
    ----------
    out_dir : folder, made if missing, for ``transactions.csv.gz``, ``applications.csv`` and,
        if ``with_truth``, ``truth.csv``. Each file appears whole or not at all.
    customers : how many, one application each. About 80 transactions a customer in 18 months.
    months : length of the ledger, at least 6.
    seed : the same arguments give the same bytes.
    start : first day of the ledger, the first of a month.
    progress : called with the share done (0 to 1) and a sentence.

    Returns
    -------
    SimulationSummary

    Raises
    ------
    InputError
        If customers, months or start are out of range.

    Notes
    -----
    Chunks are drawn from ``SeedSequence(seed, spawn_key=(chunk,))``. From 20,000 customers on
    the gzip level is 3 in place of 6: half the time in compression, a sixth more bytes.
    """
    _check(customers, months, start)
    out_dir.mkdir(parents=True, exist_ok=True)
    files = [out_dir / "transactions.csv.gz", out_dir / "applications.csv"]
    if with_truth:
        files.append(out_dir / "truth.csv")
    calendar = _calendar(start, months)
    month_days = np.cumsum([0, *(month.days for month in calendar)])
    level = 3 if customers >= _LARGE else 6
    written = bads = 0
    # An inverted span, in seconds after the start, until the first transaction.
    first, last = int(month_days[-1]) * DAY, -1
    with ExitStack() as stack:
        opened = [
            stack.enter_context(_replacing(path, level if path.suffix == ".gz" else None))
            for path in files
        ]
        for chunk, begin in enumerate(range(0, customers, _CHUNK)):
            n = min(_CHUNK, customers - begin)
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(chunk,)))
            people = draw_people(rng, n, month_days)
            for month, (rows, balance) in enumerate(walk(rng, people, calendar)):
                table = _transactions(rows, balance, start, begin + 1, written + 1)
                _write(opened[0], table, header=begin + month == 0)
                written += len(rows)
                if len(rows):
                    first = min(first, int(rows.second[0]))
                    last = max(last, int(rows.second[-1]))
            _write(opened[1], _applications(rng, people, start, begin + 1), header=begin == 0)
            if with_truth:
                _write(opened[2], _truth(people, calendar, start, begin + 1), header=begin == 0)
            bads += int(people.outcome.sum())
            if progress is not None:
                progress((begin + n) / customers, f"{begin + n:,} of {customers:,} customers")
    midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return SimulationSummary(
        customers=customers,
        transactions=written,
        first=midnight + timedelta(seconds=first) if written else None,
        last=midnight + timedelta(seconds=last) if written else None,
        applications=customers,
        bad_rate=bads / customers,
        files=tuple(files),
    )
