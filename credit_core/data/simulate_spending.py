"""Simulated free spending: what is bought, where, when, and what comes back as a refund."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from credit_core.data.simulate_people import Floats, Ints, People, expit
from credit_core.data.simulate_rows import (
    CARD,
    CASH,
    COUNTRY,
    DAY,
    FIRST_PROVIDER,
    MOBILE,
    PROVIDERS,
    REFUND,
    SENT,
    Month,
    Rows,
    at,
)


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
    _Spending("cash", 0.10, 0.24, 1.40, 0.60, (0, 0, 0, 0.93, 0, 0.07), False, 0.03, 0.0),
    _Spending("transfer", 0.07, 0.08, 2.10, 1.00, (0, 0.60, 0.36, 0, 0, 0.04), False, 0.02, 0.0),
)
# Purchases by calendar month (January first) and by weekday (Monday first), 1 = an ordinary one.
_SEASON = np.array([0.86, 0.90, 0.97, 0.98, 1.0, 1.02, 1.08, 1.05, 0.97, 0.99, 1.05, 1.32])
_WEEKDAY = np.array([0.90, 0.88, 0.95, 1.0, 1.25, 1.40, 0.80])
# Purchases by hour, from midnight.
_DAY_HOURS = [1, 0.5, 0.3, 0.2, 0.2, 0.5, 2, 5, 7, 8, 9, 10]
_DAY_HOURS += [11, 9, 8, 8, 9, 11, 11, 8, 5, 3, 2, 1]
_EVENING_HOURS = [5, 3, 1.5, 0.7, 0.3, 0.3, 0.5, 1, 1, 1, 2, 4]
_EVENING_HOURS += [8, 8, 4, 3, 4, 6, 10, 13, 12, 11, 9, 7]
_FRAUD_RATE = 0.0012  # of purchases by card or mobile at home; eight times that abroad


def _cumulative(weights: Floats) -> Floats:
    return np.asarray(np.cumsum(weights, axis=-1) / np.sum(weights, axis=-1, keepdims=True))


_MIX = _cumulative(np.array([[s.share for s in _SPENDING], [s.strained_share for s in _SPENDING]]))
_CHANNELS = _cumulative(np.array([s.channels for s in _SPENDING]))
_HOURS = _cumulative(np.array([_DAY_HOURS, _EVENING_HOURS]))
_SIZE = np.array([s.size for s in _SPENDING]) / sum(s.size * s.share for s in _SPENDING)
_SPREAD = np.array([s.spread for s in _SPENDING])
_EVENING = np.array([int(s.evening) for s in _SPENDING])
_ABROAD = np.array([s.abroad for s in _SPENDING])
_REFUNDS = np.array([s.refunds for s in _SPENDING])


def _pick_by_row(rng: np.random.Generator, cumulative: Floats) -> Ints:
    """One position per row of a (rows, k) table of cumulative shares."""
    u = rng.random(len(cumulative))[:, None]
    return np.asarray((u >= cumulative[:, :-1]).sum(axis=1), dtype=np.int64)


def _purchase_days(rng: np.random.Generator, payday: Ints, month: Month) -> Ints:
    """Day of each purchase, given its buyer's ``payday``: more at weekends, a third after pay."""
    n = len(payday)
    weekday = (month.weekday + np.arange(month.days)) % 7
    by_weekday = np.searchsorted(_cumulative(_WEEKDAY[weekday]), rng.random(n))
    after_pay = payday + np.floor(rng.exponential(3.0, n)).astype(np.int64)
    return np.where(rng.random(n) < 0.3, after_pay % month.days, by_weekday)


def _refunds(rng: np.random.Generator, bought: Rows, month: Month) -> Rows:
    """Money back for some purchases, whole or half, days later and within the month."""
    wait = rng.integers(2, 10, len(bought)) * DAY
    in_month = bought.second + wait < (month.first_day + month.days) * DAY
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


def purchases(
    rng: np.random.Generator,
    people: People,
    month: Month,
    usual: Floats,
    payday: Ints,
    means: Floats,
) -> Rows:
    """Draw a month of free spending and its refunds.

    Parameters
    ----------
    usual : each customer's ordinary number of purchases a month, shape (n,).
    payday : day of the month on which pay comes, from 0, shape (n,).
    means : each customer's mean purchase in EUR, 0 = buys nothing this month, shape (n,).
    """
    activity = people.activity[:, month.index]
    expected = usual * activity * _SEASON[month.calendar - 1]
    expected = expected * np.exp(-0.06 * people.solvency[:, month.index])
    expected = np.where(means > 0.0, expected, 0.0)
    # Half of the purchases are routine, as many as usual; the other half are left to chance.
    routine = np.floor(0.5 * expected + rng.random(len(people))).astype(np.int64)
    who = np.repeat(np.arange(len(people)), routine + rng.poisson(0.5 * expected))
    n = len(who)
    strained = rng.random(n) < expit(-1.3 * (people.solvency[:, month.index] + 1.1))[who]
    category = _pick_by_row(rng, _MIX[strained.astype(np.int64)])
    channel = _pick_by_row(rng, _CHANNELS[category])
    hour = _pick_by_row(rng, _HOURS[_EVENING[category]])
    second = at(
        month,
        _purchase_days(rng, payday[who], month),
        np.minimum(hour * 3600 + rng.integers(0, 3600, n), DAY - 900),
    )
    abroad = rng.random(n) < _ABROAD[category]
    country = np.where(abroad, rng.integers(1, len(COUNTRY), n), 0)
    risky = np.isin(channel, (CARD, MOBILE)) * np.where(abroad, 8.0, 1.0)
    fraud = rng.random(n) < _FRAUD_RATE * risky
    spread = _SPREAD[category]
    euros = means[who] * _SIZE[category] * np.exp(spread * rng.normal(0.0, 1.0, n) - spread**2 / 2)
    euros = np.clip(euros * np.where(fraud, 3.0, 1.0), 0.5, 0.8 * people.income[who])
    euros = np.where(category == CASH, np.maximum(np.round(euros, -1), 10.0), euros)
    euros = np.where(category == SENT, np.maximum(np.round(euros / 5.0) * 5.0, 5.0), euros)
    provider = np.floor(rng.random(n) ** 2 * PROVIDERS[category]).astype(np.int64)
    bought = Rows(
        who=who,
        second=second,
        cents=np.rint(euros * 100.0).astype(np.int64),
        category=category,
        channel=channel,
        provider=FIRST_PROVIDER[category] + provider,
        country=country,
        fraud=fraud.astype(np.int64),
    )
    return Rows.concat([bought, _refunds(rng, bought, month)])
