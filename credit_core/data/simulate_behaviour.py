"""Simulated behaviour: the transactions that one month of hidden state leaves in an account.

The months are walked in order because money has memory: a balance below zero brings a fee next
month, curbs spending and calls for help; a large one is moved to savings.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from credit_core.data.simulate_people import (
    PART_TIME,
    RETIRED,
    SALARIED,
    SELF_EMPLOYED,
    UNEMPLOYED,
    Flags,
    Floats,
    Ints,
    People,
    expit,
)

CHANNEL = ("card", "transfer", "mobile", "atm", "direct_debit", "branch")
CARD, TRANSFER, MOBILE, ATM, DIRECT_DEBIT, BRANCH = range(6)


class _Spending(NamedTuple):
    """One category of free spending: how often, how large, by which channel, at which hours."""

    name: str
    share: float  # of the purchases of a customer at ease
    strained_share: float  # of one under strain
    size: float  # relative to the mean purchase
    spread: float  # of log amount: heavy tails
    channels: tuple[float, float, float, float, float, float]
    evening: bool
    abroad: float
    refunds: float


_SPENDING = (
    _Spending("groceries", 0.33, 0.33, 0.70, 0.65, (0.82, 0, 0.18, 0, 0, 0), False, 0.01, 0.004),
    _Spending("dining", 0.15, 0.08, 0.55, 0.60, (0.70, 0, 0.30, 0, 0, 0), True, 0.04, 0.002),
    _Spending("shopping", 0.15, 0.11, 1.25, 0.90, (0.72, 0.03, 0.25, 0, 0, 0), False, 0.08, 0.07),
    _Spending("travel", 0.06, 0.03, 2.30, 0.95, (0.80, 0.05, 0.15, 0, 0, 0), False, 0.45, 0.03),
    _Spending("health", 0.05, 0.05, 1.10, 0.85, (0.75, 0.15, 0.10, 0, 0, 0), False, 0.01, 0.01),
    _Spending("entertainment", 0.09, 0.08, 0.50, 0.75, (0.60, 0, 0.40, 0, 0, 0), True, 0.03, 0.01),
    _Spending("cash", 0.10, 0.24, 1.50, 0.60, (0, 0, 0, 0.93, 0, 0.07), False, 0.03, 0.0),
    _Spending("transfer", 0.07, 0.08, 2.10, 1.00, (0, 0.60, 0.36, 0, 0, 0.04), False, 0.02, 0.0),
)
CATEGORY = (
    *(s.name for s in _SPENDING),
    "rent",
    "utilities",
    "fees",
    "salary",
    "benefit",
    "refund",
)
_CODE = {name: code for code, name in enumerate(CATEGORY)}
CASH, SENT = _CODE["cash"], _CODE["transfer"]
RENT, UTILITIES, FEES = _CODE["rent"], _CODE["utilities"], _CODE["fees"]
SALARY, BENEFIT, REFUND = _CODE["salary"], _CODE["benefit"], _CODE["refund"]

_PROVIDERS = np.array(
    [5, 6, 7, 4, 3, 4, 2, 2, 3, 4, 1, 4, 1, 0]
)  # by category; a refund keeps its shop's
_FIRST_PROVIDER = np.cumsum(_PROVIDERS) - _PROVIDERS
PROVIDER = tuple(f"provider_{k + 1:02d}" for k in range(_PROVIDERS.sum()))
COUNTRY = ("DE", "AT", "FR", "IT", "ES", "NL", "GB", "US")

_DAY = 86_400
# Purchases by calendar month (January first) and by weekday (Monday first), 1 = an ordinary one.
_SEASON = np.array([0.86, 0.90, 0.97, 0.98, 1.0, 1.02, 1.08, 1.05, 0.97, 0.99, 1.05, 1.32])
_WEEKDAY = np.array([0.90, 0.88, 0.95, 1.0, 1.25, 1.40, 0.80])
_DAY_HOURS = np.array([1, 0.5, 0.3, 0.2, 0.2, 0.5, 2, 5, 7, 8, 9, 10])
_DAY_HOURS = np.concatenate([_DAY_HOURS, [11, 9, 8, 8, 9, 11, 11, 8, 5, 3, 2, 1]])
_EVENING_HOURS = np.array([5, 3, 1.5, 0.7, 0.3, 0.3, 0.5, 1, 1, 1, 2, 4])
_EVENING_HOURS = np.concatenate([_EVENING_HOURS, [8, 8, 4, 3, 4, 6, 10, 13, 12, 11, 9, 7]])
_FRAUD_RATE = 0.0012


def _cumulative(weights: Floats) -> Floats:
    return np.asarray(np.cumsum(weights, axis=-1) / np.sum(weights, axis=-1, keepdims=True))


_MIX = _cumulative(np.array([[s.share for s in _SPENDING], [s.strained_share for s in _SPENDING]]))
_CHANNELS = _cumulative(np.array([s.channels for s in _SPENDING]))
_HOURS = _cumulative(np.stack([_DAY_HOURS, _EVENING_HOURS]))
_SIZE = np.array([s.size for s in _SPENDING])
_SIZE = _SIZE / np.sum(_SIZE * np.array([s.share for s in _SPENDING]))
_SPREAD = np.array([s.spread for s in _SPENDING])
_EVENING = np.array([int(s.evening) for s in _SPENDING])
_ABROAD = np.array([s.abroad for s in _SPENDING])
_REFUNDS = np.array([s.refunds for s in _SPENDING])


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


@dataclass(frozen=True)
class Habits:
    """What a customer does every month, shape (n,) each: money in EUR, days counted from 0."""

    payday: Ints
    purchases: Floats
    rent: Floats
    rent_day: Ints
    household: Floats
    utilities: Floats
    utilities_day: Ints
    overdraft: Floats
    paid_here: Flags
    opening: Floats


@dataclass(frozen=True)
class Month:
    """One month of the ledger: its position, first day after the ledger's start, days, weekday
    of the first day (Monday = 0) and calendar month (January = 1)."""

    index: int
    first_day: int
    days: int
    weekday: int
    calendar: int


def draw_habits(rng: np.random.Generator, people: People) -> Habits:
    """Draw the monthly habits of a chunk of customers."""
    n = len(people)
    income = people.income
    paid_here = ~people.thin & (rng.random(n) < 0.96)
    pays_rent = paid_here & (people.home <= 1) & (rng.random(n) < 0.80)
    pays_utilities = paid_here & (rng.random(n) < 0.7)
    keeps_house = paid_here & (~pays_rent | (rng.random(n) < 0.40))
    rent = np.round(income * rng.uniform(0.30, 0.42, n), -1)
    purchases = np.exp(rng.normal(0.62, 0.50, n))
    # The better off in solvency start with more in the account.
    opening = np.exp(rng.normal(-0.5, 0.40, n) + 0.70 * people.solvency[:, 0])
    # Pay falls on the last days of the month, on the 1st or on the 15th, for most people.
    usual = np.array([24, 26, 27, 0, 14])[rng.choice(5, n, p=[0.22, 0.2, 0.3, 0.16, 0.12])]
    return Habits(
        payday=np.where(rng.random(n) < 0.85, usual, rng.integers(0, 28, n)),
        purchases=np.where(people.thin, 0.12 * purchases, purchases),
        rent=np.where(pays_rent, rent, 0.0),
        rent_day=rng.integers(0, 5, n),
        household=np.where(keeps_house, np.round(income * rng.uniform(0.32, 0.45, n), -1), 0.0),
        utilities=np.where(pays_utilities, np.round(income * rng.uniform(0.03, 0.08, n)), 0.0),
        utilities_day=rng.integers(3, 20, n),
        overdraft=np.round(income * rng.uniform(0.8, 1.5, n), -2),
        paid_here=paid_here,
        opening=np.round(income * np.minimum(opening, 3.0), 2),
    )


def _rows(
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
        provider=_FIRST_PROVIDER[codes] + (0 if provider is None else provider),
        country=np.zeros(n, dtype=np.int64),
        fraud=np.zeros(n, dtype=np.int64),
    )


def _at(month: Month, day: Ints, seconds: int | Ints) -> Ints:
    """Moment on a day of the month, held inside the month and before its last minutes."""
    day = np.clip(day, 0, month.days - 1)
    return np.asarray((month.first_day + day) * _DAY + seconds)


def _pick_by_row(rng: np.random.Generator, cumulative: Floats) -> Ints:
    """One position per row of a (rows, k) table of cumulative shares."""
    u = rng.random(len(cumulative))[:, None]
    return np.asarray((u >= cumulative[:, :-1]).sum(axis=1), dtype=np.int64)


def _income(
    rng: np.random.Generator, people: People, habits: Habits, month: Month, active: Flags
) -> Rows:
    """Pay, pensions and benefits; late, missing or lost where solvency is low."""
    n = len(people)
    z = people.solvency[:, month.index]
    paid_here = active & habits.paid_here & ~people.out_of_work[:, month.index]
    irregular = people.employment == SELF_EMPLOYED

    late = rng.random(n) < expit(-2.6 - 0.7 * z)
    missing = rng.random(n) < expit(-3.7 - 0.8 * z)
    regular = np.flatnonzero(paid_here & ~irregular & ~missing)
    day = habits.payday + np.where(late, rng.integers(2, 9, n), 0)
    weekend = np.maximum((month.weekday + np.clip(day, 0, month.days - 1)) % 7 - 4, 0)
    day = np.where(day - weekend >= 0, day - weekend, day)
    raised = 1.0 + 0.03 * ((month.first_day + 200) // 365)
    wobble = np.where(people.employment == PART_TIME, 0.15, 0.0)
    wobble = np.where((people.employment == SALARIED) & (rng.random(n) < 0.10), 0.12, wobble)
    pay = people.income * raised * np.exp(rng.normal(0.0, 1.0, n) * wobble)
    benefit = np.isin(people.employment, (RETIRED, UNEMPLOYED))
    salary = _rows(
        regular,
        _at(month, day, 19_800)[regular],
        -np.round(pay[regular]),
        np.where(benefit, BENEFIT, SALARY)[regular],
        TRANSFER,
        np.where(benefit, 0, habits.payday % 4)[regular],
    )

    invoices = rng.poisson(np.where(paid_here & irregular, 1.5 * expit(1.6 + 0.5 * z) / 0.8, 0.0))
    who = np.repeat(np.arange(n), invoices)
    fees_earned = people.income[who] / 1.5 * np.exp(rng.normal(-0.18, 0.6, len(who)))
    invoiced = _rows(
        who,
        _at(month, rng.integers(0, month.days, len(who)), rng.integers(28_800, 61_200, len(who))),
        -fees_earned,
        SALARY,
        TRANSFER,
        rng.integers(0, 4, len(who)),
    )
    supported = np.flatnonzero(
        active & habits.paid_here & people.out_of_work[:, month.index] & (rng.random(n) < 0.65)
    )
    support = _rows(
        supported,
        _at(month, np.full(len(supported), 9), 20_400),
        -np.round(0.42 * people.income[supported]),
        BENEFIT,
        TRANSFER,
    )
    return Rows.concat([salary, invoiced, support])


def _bills(habits: Habits, month: Month, active: Flags) -> Rows:
    """Rent, a shared household account and utilities: the same days, nearly the same amounts."""
    rent = np.flatnonzero(active & (habits.rent > 0.0))
    household = np.flatnonzero(active & (habits.household > 0.0))
    utilities = np.flatnonzero(active & (habits.utilities > 0.0))
    heating = 1.25 if month.calendar in (11, 12, 1, 2, 3) else 0.9
    return Rows.concat(
        [
            _rows(
                rent,
                _at(month, habits.rent_day[rent], 22_200),
                habits.rent[rent],
                RENT,
                np.where(rent % 3 == 0, TRANSFER, DIRECT_DEBIT),
                rent % 3,
            ),
            _rows(
                household,
                _at(month, (habits.payday[household] + 1) % 28, 24_600),
                habits.household[household],
                SENT,
                DIRECT_DEBIT,
            ),
            _rows(
                utilities,
                _at(month, habits.utilities_day[utilities], 23_400),
                np.round(habits.utilities[utilities] * heating),
                UTILITIES,
                DIRECT_DEBIT,
                utilities % 4,
            ),
        ]
    )


def _purchase_days(rng: np.random.Generator, habits: Habits, month: Month, who: Ints) -> Ints:
    """Days of purchases: more at weekends, and a third within days of payday."""
    weekday = (month.weekday + np.arange(month.days)) % 7
    by_weekday = np.searchsorted(_cumulative(_WEEKDAY[weekday]), rng.random(len(who)))
    after_pay = habits.payday[who] + np.floor(rng.exponential(3.0, len(who))).astype(np.int64)
    return np.where(rng.random(len(who)) < 0.3, after_pay % month.days, by_weekday)


def _purchases(
    rng: np.random.Generator, people: People, habits: Habits, month: Month, means: Floats
) -> Rows:
    """Free spending; ``means`` is each customer's mean purchase in EUR, 0 = none this month."""
    activity = people.activity[:, month.index]
    expected = habits.purchases * activity * _SEASON[month.calendar - 1]
    expected = expected * np.exp(-0.06 * people.solvency[:, month.index])
    who = np.repeat(np.arange(len(people)), rng.poisson(np.where(means > 0.0, expected, 0.0)))
    n = len(who)
    strained = rng.random(n) < expit(-1.3 * (people.solvency[:, month.index] + 1.1))[who]
    category = _pick_by_row(rng, _MIX[strained.astype(np.int64)])
    channel = _pick_by_row(rng, _CHANNELS[category])
    hour = _pick_by_row(rng, _HOURS[_EVENING[category]])
    second = _at(
        month,
        _purchase_days(rng, habits, month, who),
        np.minimum(hour * 3600 + rng.integers(0, 3600, n), _DAY - 900),
    )
    abroad = rng.random(n) < _ABROAD[category]
    country = np.where(abroad, rng.integers(1, len(COUNTRY), n), 0)
    risky = np.isin(channel, (CARD, MOBILE)) * np.where(abroad, 8.0, 1.0)
    fraud = rng.random(n) < _FRAUD_RATE * risky
    spread = _SPREAD[category]
    euros = means[who] * _SIZE[category] * np.exp(spread * rng.normal(0.0, 1.0, n) - spread**2 / 2)
    euros = np.clip(euros * np.where(fraud, 3.0, 1.0), 0.5, 0.6 * people.income[who])
    euros = np.where(category == CASH, np.maximum(np.round(euros, -1), 10.0), euros)
    euros = np.where(category == SENT, np.maximum(np.round(euros / 5.0) * 5.0, 5.0), euros)
    provider = np.floor(rng.random(n) ** 2 * _PROVIDERS[category]).astype(np.int64)
    bought = Rows(
        who=who,
        second=second,
        cents=np.rint(euros * 100.0).astype(np.int64),
        category=category,
        channel=channel,
        provider=_FIRST_PROVIDER[category] + provider,
        country=country,
        fraud=fraud.astype(np.int64),
    )
    return Rows.concat([bought, _refunds(rng, bought, month)])


def _refunds(rng: np.random.Generator, bought: Rows, month: Month) -> Rows:
    """Money back for some purchases, whole or half, days later and within the month."""
    wait = rng.integers(2, 10, len(bought)) * _DAY
    in_month = bought.second + wait < (month.first_day + month.days) * _DAY
    chosen = (rng.random(len(bought)) < _REFUNDS[bought.category]) & in_month
    back = bought.take(chosen)
    whole = rng.random(len(back)) < 0.75
    return Rows(
        who=back.who,
        second=back.second + wait[chosen],
        cents=-np.where(whole, back.cents, np.maximum(back.cents // 2, 1)),
        category=np.full(len(back), REFUND),
        channel=back.channel,
        provider=back.provider,
        country=back.country,
        fraud=np.zeros(len(back), dtype=np.int64),
    )


def _consequences(
    rng: np.random.Generator,
    people: People,
    habits: Habits,
    month: Month,
    active: Flags,
    balance: Floats,
    lowest: Floats,
) -> Rows:
    """What last month's balance brings: fees, help from family, savings put aside."""
    n = len(people)
    charged = np.flatnonzero(active & (lowest < 0.0))
    fee = 6.0 + np.round(0.012 * -lowest[charged], 2)
    # An account that gets no pay lives on transfers from elsewhere; others are helped in need.
    floor = np.where(habits.paid_here, -habits.overdraft, 0.15 * people.income)
    helped = np.flatnonzero(active & (balance < floor) & (rng.random(n) < 0.6))
    help_ = np.maximum(-balance, np.where(habits.paid_here, 0.0, 0.5 * people.income))[helped]
    help_ = np.round(help_ * rng.uniform(0.4, 0.9, len(helped)), -1)
    comfortable = people.income * np.exp(0.45 + 0.35 * people.solvency[:, month.index])
    saves = active & (balance > comfortable) & (rng.random(n) < 0.5)
    saved = np.flatnonzero(saves)
    aside = np.round((balance - comfortable)[saved] * rng.uniform(0.5, 1.0, len(saved)), -1) + 10.0
    joins = np.flatnonzero(active & (people.joined == month.index) & (month.index > 0))
    return Rows.concat(
        [
            _rows(charged, _at(month, np.full(len(charged), 1), 25_200), fee, FEES, DIRECT_DEBIT),
            _rows(
                helped,
                _at(month, rng.integers(1, 12, len(helped)), 43_200),
                -(help_ + 20.0),
                SENT,
                TRANSFER,
            ),
            _rows(saved, _at(month, 2 + saved % 8, 39_600), aside, SENT, TRANSFER, 1),
            _rows(
                joins, _at(month, joins % 3, 36_000), -(habits.opening[joins] + 50.0), SENT, BRANCH
            ),
        ]
    )


def _mean_purchase(people: People, habits: Habits, month: Month, balance: Floats) -> Floats:
    """Mean purchase in EUR so that spending follows income and solvency, 0 = account unused.

    People spend towards the balance they can live with, which solvency sets: near a month's
    pay for the sound, below zero for the strained. A deep overdraft and lost work curb that.
    """
    z = people.solvency[:, month.index]
    spare = balance - people.income * (0.90 + 1.05 * z)
    target = people.income * np.exp(-0.03 - 0.04 * z) + 0.50 * spare
    free = target - habits.rent - habits.household - habits.utilities
    free = np.clip(free, 0.10 * people.income, 1.2 * people.income)
    free = np.where(habits.paid_here, free, 0.25 * people.income)
    free = free * np.where(balance < -0.5 * habits.overdraft, 0.45, 1.0)
    free = free * np.where(people.out_of_work[:, month.index], 0.75, 1.0)
    mean = free / (habits.purchases * np.sqrt(people.activity[:, month.index]))
    mean = np.where(people.thin, 0.02 * people.income, mean)
    return np.where(people.active[:, month.index], mean, 0.0)


def _per_customer(rows: Rows, n: int) -> Ints:
    """Sum of cents by customer, exact: sums of a month stay far below 2**53."""
    return np.rint(np.bincount(rows.who, weights=rows.cents, minlength=n)).astype(np.int64)


def _closing(people: People, month: Month, cents: Ints) -> Rows:
    """What a leaving customer takes along; one who owes leaves the debt behind."""
    last = (people.left == month.index + 1) & people.active[:, month.index]
    leaving = np.flatnonzero(last & (cents > 0))
    moment = _at(month, np.full(len(leaving), month.days), _DAY - 600)
    return _rows(leaving, moment, cents[leaving] / 100.0, SENT, TRANSFER, 1)


def _running(rows: Rows, cents: Ints) -> Ints:
    """Balance after each row; ``rows`` ordered by customer, ``cents`` the balances before."""
    total = np.cumsum(rows.cents)
    first = np.flatnonzero(np.diff(rows.who, prepend=-1))
    before = (total - rows.cents)[first]
    lengths = np.diff(first, append=len(rows))
    return np.asarray(cents[rows.who] - (total - np.repeat(before, lengths)))


def _lowest(who: Ints, after: Ints, cents: Ints) -> Ints:
    """Lowest balance of the month by customer, the one carried in included."""
    lowest = cents.copy()
    np.minimum.at(lowest, who, after)
    return lowest


def walk(rng: np.random.Generator, people: People, months: list[Month]) -> tuple[Rows, Ints]:
    """All transactions of a chunk and the balance after each.

    Returns
    -------
    rows : ordered by time; one customer's rows that share a second keep their order.
    balance : cents after each row, ``balance_t = balance_(t-1) - cents_t`` for a customer.
    """
    n = len(people)
    habits = draw_habits(rng, people)
    start = np.where(people.joined > 0, 0.0, habits.opening)
    cents = np.rint(start * 100.0).astype(np.int64)
    lowest = np.zeros(n)
    parts: list[Rows] = []
    balances: list[Ints] = []
    for month in months:
        active = people.active[:, month.index]
        balance = cents / 100.0
        rows = Rows.concat(
            [
                _consequences(rng, people, habits, month, active, balance, lowest),
                _income(rng, people, habits, month, active),
                _bills(habits, month, active),
                _purchases(
                    rng, people, habits, month, _mean_purchase(people, habits, month, balance)
                ),
            ]
        )
        closing = _closing(people, month, cents - _per_customer(rows, n))
        rows = Rows.concat([rows, closing])
        rows = rows.take(np.lexsort((rows.second, rows.who)))
        after = _running(rows, cents)
        lowest = _lowest(rows.who, after, cents) / 100.0
        cents = cents - _per_customer(rows, n)
        parts.append(rows)
        balances.append(after)
    rows, after = Rows.concat(parts), np.concatenate(balances)
    order = np.argsort(rows.second, kind="stable")
    return rows.take(order), after[order]
