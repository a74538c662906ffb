"""Simulated rows: the words a transaction may hold, and transactions as columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from credit_core.data.simulate_people import Flags, Floats, Ints

DAY = 86_400  # seconds

CHANNEL = ("card", "transfer", "mobile", "atm", "direct_debit", "branch")
CARD, TRANSFER, MOBILE, ATM, DIRECT_DEBIT, BRANCH = range(6)

# Free spending first, in the order of the table in simulate_spending.
CATEGORY = (
    "groceries",
    "dining",
    "shopping",
    "travel",
    "health",
    "entertainment",
    "cash",
    "transfer",
    "rent",
    "utilities",
    "fees",
    "salary",
    "benefit",
    "refund",
)
CASH, SENT, RENT, UTILITIES, FEES, SALARY, BENEFIT, REFUND = range(6, 14)

COUNTRY = ("DE", "AT", "FR", "IT", "ES", "NL", "GB", "US")

# Providers by category; a refund comes from the shop that sold.
PROVIDERS = np.array([5, 6, 7, 4, 3, 4, 2, 2, 3, 4, 1, 4, 1, 0])
FIRST_PROVIDER = np.cumsum(PROVIDERS) - PROVIDERS
PROVIDER = tuple(f"provider_{k + 1:02d}" for k in range(PROVIDERS.sum()))


@dataclass(frozen=True)
class Month:
    """One month of the ledger: its position, first day after the ledger's start, days, weekday
    of the first day (Monday = 0) and calendar month (January = 1)."""

    index: int
    first_day: int
    days: int
    weekday: int
    calendar: int

    def holds(self, day: Ints) -> Flags:
        """Whether days after the ledger's start fall into this month."""
        return (day >= self.first_day) & (day < self.first_day + self.days)


@dataclass(frozen=True)
class Rows:
    """Transactions as columns of equal length; text is held as positions in this module's tuples.

    Attributes
    ----------
    who : the customer's position in its chunk
    second : seconds after the ledger's first moment
    cents : amount in cents, > 0 money out
    """

    who: Ints
    second: Ints
    cents: Ints
    category: Ints
    channel: Ints
    provider: Ints
    country: Ints
    fraud: Ints

    def __len__(self) -> int:
        return len(self.who)

    def take(self, order: Ints | Flags | slice) -> Rows:
        """The rows at ``order``, as new columns."""
        return Rows(*(getattr(self, f.name)[order] for f in fields(self)))

    @staticmethod
    def concat(parts: list[Rows]) -> Rows:
        """All rows of ``parts``, in that order."""
        return Rows(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Rows)))


def domestic(
    who: Ints,
    second: Ints,
    euros: Floats,
    category: int | Ints,
    channel: int | Ints,
    provider: int | Ints | None = None,
) -> Rows:
    """Domestic, honest rows; the provider is the category's first unless given."""
    n = len(who)
    codes = np.broadcast_to(np.asarray(category, dtype=np.int64), n)
    return Rows(
        who=who.astype(np.int64),
        second=second.astype(np.int64),
        cents=np.rint(euros * 100.0).astype(np.int64),
        category=codes,
        channel=np.broadcast_to(np.asarray(channel, dtype=np.int64), n),
        provider=FIRST_PROVIDER[codes] + (0 if provider is None else provider),
        country=np.zeros(n, dtype=np.int64),
        fraud=np.zeros(n, dtype=np.int64),
    )


def at(month: Month, day: Ints, seconds: int | Ints) -> Ints:
    """Moment on a day of the month, held inside the month and before its last minutes."""
    day = np.clip(day, 0, month.days - 1)
    return np.asarray((month.first_day + day) * DAY + seconds)
