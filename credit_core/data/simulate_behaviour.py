"""Simulated behaviour: the transactions that one month of hidden state leaves in an account.

The months are walked in order because money has memory: a balance below zero brings a fee next
month, curbs spending and calls for help; a large one is moved to savings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
from credit_core.data.simulate_rows import (
    BENEFIT,
    BRANCH,
    DAY,
    DIRECT_DEBIT,
    FEES,
    RENT,
    SALARY,
    SENT,
    TRANSFER,
    UTILITIES,
    Month,
    Rows,
    at,
    domestic,
)
from credit_core.data.simulate_spending import purchases

_HOUSEHOLD_NOISE = 0.25  # of a month's income; what keeps solvency from being read off the balance


@dataclass(frozen=True)
class Habits:
    """What a customer does every month, shape (n,) each: money in EUR, days counted from 0."""

    payday: Ints
    purchases: Floats
    mean_purchase: Floats
    rent: Floats
    rent_day: Ints
    utilities: Floats
    utilities_day: Ints
    overdraft: Floats
    paid_here: Flags
    opening: Floats


def _draw_habits(rng: np.random.Generator, people: People) -> Habits:
    """Draw the monthly habits of a chunk of customers."""
    n = len(people)
    income = people.income
    paid_here = ~people.thin & (rng.random(n) < 0.96)
    pays_rent = paid_here & (people.home <= 1) & (rng.random(n) < 0.70)
    pays_utilities = paid_here & (rng.random(n) < 0.65)
    rent = np.round(income * rng.uniform(0.30, 0.42, n), -1)
    purchases = np.exp(rng.normal(0.62, 0.50, n))
    # The better off in solvency start with more in the account.
    opening = np.exp(rng.normal(-0.5, 0.40, n) + 0.70 * people.solvency[:, 0])
    # Pay falls on the last days of the month, on the 1st or on the 15th, for most people.
    usual = np.array([24, 26, 27, 0, 14])[rng.choice(5, n, p=[0.22, 0.2, 0.3, 0.16, 0.12])]
    return Habits(
        payday=np.where(rng.random(n) < 0.85, usual, rng.integers(0, 28, n)),
        purchases=np.where(people.thin, 0.12 * purchases, purchases),
        mean_purchase=0.04 * income * np.exp(rng.normal(0.0, 0.3, n)),
        rent=np.where(pays_rent, rent, 0.0),
        rent_day=rng.integers(0, 5, n),
        utilities=np.where(pays_utilities, np.round(income * rng.uniform(0.03, 0.08, n)), 0.0),
        utilities_day=rng.integers(3, 20, n),
        overdraft=np.round(income * rng.uniform(0.8, 1.5, n), -2),
        paid_here=paid_here,
        opening=np.round(income * np.minimum(opening, 3.0), 2),
    )


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
    salary = domestic(
        regular,
        at(month, day, 19_800)[regular],
        -np.round(pay[regular]),
        np.where(benefit, BENEFIT, SALARY)[regular],
        TRANSFER,
        np.where(benefit, 0, habits.payday % 4)[regular],
    )

    invoices = rng.poisson(np.where(paid_here & irregular, 1.5 * expit(1.6 + 0.5 * z) / 0.8, 0.0))
    who = np.repeat(np.arange(n), invoices)
    earned = people.income[who] / 1.5 * np.exp(rng.normal(-0.18, 0.6, len(who)))
    invoiced = domestic(
        who,
        at(month, rng.integers(0, month.days, len(who)), rng.integers(28_800, 61_200, len(who))),
        -earned,
        SALARY,
        TRANSFER,
        rng.integers(0, 4, len(who)),
    )
    supported = np.flatnonzero(
        active & habits.paid_here & people.out_of_work[:, month.index] & (rng.random(n) < 0.65)
    )
    support = domestic(
        supported,
        at(month, np.full(len(supported), 9), 20_400),
        -np.round(0.42 * people.income[supported]),
        BENEFIT,
        TRANSFER,
    )
    return Rows.concat([salary, invoiced, support])


def _bills(habits: Habits, month: Month, active: Flags) -> Rows:
    """Rent and utilities: the same days, nearly the same amounts."""
    rent = np.flatnonzero(active & (habits.rent > 0.0))
    utilities = np.flatnonzero(active & (habits.utilities > 0.0))
    heating = 1.25 if month.calendar in (11, 12, 1, 2, 3) else 0.9
    return Rows.concat(
        [
            domestic(
                rent,
                at(month, habits.rent_day[rent], 22_200),
                habits.rent[rent],
                RENT,
                np.where(rent % 3 == 0, TRANSFER, DIRECT_DEBIT),
                rent % 3,
            ),
            domestic(
                utilities,
                at(month, habits.utilities_day[utilities], 23_400),
                np.round(habits.utilities[utilities] * heating),
                UTILITIES,
                DIRECT_DEBIT,
                utilities % 4,
            ),
        ]
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
    joins = np.flatnonzero((people.joined > 0) & month.holds(people.joined))
    return Rows.concat(
        [
            domestic(charged, at(month, np.full(len(charged), 1), 25_200), fee, FEES, DIRECT_DEBIT),
            domestic(
                helped,
                at(month, rng.integers(1, 12, len(helped)), 43_200),
                -(help_ + 20.0),
                SENT,
                TRANSFER,
            ),
            domestic(saved, at(month, 2 + saved % 8, 39_600), aside, SENT, TRANSFER, 1),
            domestic(joins, _opened(people)[joins], -(habits.opening[joins] + 50.0), SENT, BRANCH),
        ]
    )


def _household(
    rng: np.random.Generator,
    people: People,
    habits: Habits,
    month: Month,
    active: Flags,
    balance: Floats,
) -> Rows:
    """What goes to the household's shared account after payday: most of the living.

    It is set so that the balance moves to what the customer can live with, which solvency
    decides: about a month's pay for most, far below zero for the strained. A deep overdraft and
    lost work curb it.
    """
    n = len(people)
    z = people.solvency[:, month.index]
    spare = balance - people.income * (1.10 + 1.05 * z)
    target = people.income * np.exp(-0.03 - 0.04 * z) + 0.65 * spare
    rest = target - habits.rent - habits.utilities - habits.purchases * habits.mean_purchase
    rest = np.minimum(rest + people.income * rng.normal(0.0, _HOUSEHOLD_NOISE, n), people.income)
    rest = rest * np.where(balance < -0.7 * habits.overdraft, 0.3, 1.0)
    rest = rest * np.where(people.out_of_work[:, month.index], 0.75, 1.0)
    who = np.flatnonzero(active & habits.paid_here & (rest > 0.05 * people.income))
    moment = at(month, (habits.payday[who] + 1) % 28, 24_600)
    return domestic(who, moment, np.round(rest[who], -1), SENT, DIRECT_DEBIT)


def _per_customer(rows: Rows, n: int) -> Ints:
    """Sum of cents by customer, exact: sums of a month stay far below 2**53."""
    return np.rint(np.bincount(rows.who, weights=rows.cents, minlength=n)).astype(np.int64)


def _closing(people: People, month: Month, cents: Ints, end: int) -> Rows:
    """What a leaving customer takes along; one who owes leaves the debt behind.

    ``end`` is the day after the ledger's last: who stays until then does not leave.
    """
    last = people.left - 1
    leaving = np.flatnonzero(month.holds(last) & (people.left < end) & (cents > 0))
    moment = last[leaving] * DAY + DAY - 600
    return domestic(leaving, moment, cents[leaving] / 100.0, SENT, TRANSFER, 1)


def _opened(people: People) -> Ints:
    """Second at which each account is opened: at ten in the morning, or before the ledger."""
    return np.where(people.joined > 0, people.joined * DAY + 36_000, 0)


def _in_use(people: People, rows: Rows) -> Rows:
    """The rows that fall between opening and leaving, and into no silence."""
    day = rows.second // DAY
    silent = (day >= people.silent_from[rows.who]) & (day < people.silent_to[rows.who])
    begun = rows.second >= _opened(people)[rows.who]
    return rows.take(begun & (day < people.left[rows.who]) & ~silent)


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


def walk(
    rng: np.random.Generator, people: People, months: list[Month]
) -> Iterator[tuple[Rows, Ints]]:
    """Yield each month's transactions of a chunk, and the balance after each.

    Yields
    ------
    rows : ordered by time; one customer's rows that share a second keep their order.
    balance : cents after each row, ``balance_t = balance_(t-1) - cents_t`` for a customer.
    """
    n = len(people)
    habits = _draw_habits(rng, people)
    start = np.where(people.joined > 0, 0.0, habits.opening)
    cents = np.rint(start * 100.0).astype(np.int64)
    lowest = np.zeros(n)
    end = months[-1].first_day + months[-1].days
    for month in months:
        active = people.active[:, month.index]
        balance = cents / 100.0
        bought = np.where(active, habits.mean_purchase, 0.0)
        rows = Rows.concat(
            [
                _consequences(rng, people, habits, month, active, balance, lowest),
                _income(rng, people, habits, month, active),
                _bills(habits, month, active),
                _household(rng, people, habits, month, active, balance),
                purchases(rng, people, month, habits.purchases, habits.payday, bought),
            ]
        )
        rows = _in_use(people, rows)
        closing = _closing(people, month, cents - _per_customer(rows, n), end)
        rows = Rows.concat([rows, _in_use(people, closing)])
        rows = rows.take(np.lexsort((rows.second, rows.who)))
        after = _running(rows, cents)
        lowest = _lowest(rows.who, after, cents) / 100.0
        cents = cents - _per_customer(rows, n)
        order = np.argsort(rows.second, kind="stable")
        yield rows.take(order), after[order]
