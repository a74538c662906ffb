"""Simulated customers: what they are, and the two hidden processes that move them.

*Solvency* (income against spending, drifting slowly, broken by lost work) decides whether a
customer goes bad. *Engagement* (how much of life runs through this account) decides whether a
customer leaves. They are drawn independently, so leaving says almost nothing about going bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

EMPLOYMENT = ("salaried", "self_employed", "part_time", "student", "retired", "unemployed")
SALARIED, SELF_EMPLOYED, PART_TIME, STUDENT, RETIRED, UNEMPLOYED = range(6)
HOME = ("rent", "mortgage", "own", "family")
PURPOSE = ("car", "home_improvement", "debt_consolidation", "education", "medical", "other")
GENDER = ("female", "male")
TERMS = (12, 24, 36, 48, 60)

_EMPLOYMENT_SHARE = (0.58, 0.13, 0.11, 0.06, 0.08, 0.04)
_EMPLOYMENT_INCOME = (1.0, 1.05, 0.55, 0.40, 0.70, 0.42)
_EMPLOYMENT_RISK = (0.0, 0.35, 0.2, 0.35, -0.5, 0.8)
_HOME_SHARE = (0.44, 0.28, 0.16, 0.12)
_HOME_RISK = (0.30, -0.25, -0.55, 0.05)
_PURPOSE_SHARE = (0.27, 0.21, 0.22, 0.09, 0.07, 0.14)
_PURPOSE_RISK = (-0.15, -0.15, 0.35, 0.0, 0.15, 0.0)

_MEDIAN_INCOME = 2_100.0  # EUR a month, salaried
# The outcome's logistic function. The intercept is set so that about 8% go bad.
_INTERCEPT = -4.45
_SOLVENCY_WEIGHT = 2.1
_STATED_WEIGHT = 0.5
_OUTCOME_NOISE = 0.35


@dataclass(frozen=True)
class People:
    """One chunk of customers; ``n`` customers, ``months`` months.

    Attributes
    ----------
    income : usual monthly income in EUR, shape (n,)
    employment, home, purpose, gender : positions in the tuples of this module, shape (n,)
    thin : customers with next to no transactions, shape (n,)
    joined, left : first day with the account, and first day after it (the day after the ledger's
        end = never left), in days after the ledger's first day, shape (n,)
    silent_from, silent_to : first day without a transaction, and first day with one again; after
        the ledger's end where there is no such time, shape (n,)
    as_of_day : the decision date in days after the ledger's first day, shape (n,)
    active : whether the account is in use on some day of the month, shape (n, months)
    activity : purchases relative to the customer's usual number, shape (n, months)
    out_of_work : pay has stopped, shape (n, months)
    solvency : the hidden state, high = safe, about standard normal, shape (n, months)
    probability, outcome : the true probability of going bad and what happened, shape (n,)
    """

    income: Floats
    stated_income: Floats
    employment: Ints
    home: Ints
    purpose: Ints
    gender: Ints
    years_at_address: Floats
    existing_loans: Ints
    requested: Floats
    term: Ints
    thin: Flags
    joined: Ints
    left: Ints
    silent_from: Ints
    silent_to: Ints
    as_of_day: Ints
    active: Flags
    activity: Floats
    out_of_work: Flags
    solvency: Floats
    probability: Floats
    outcome: Ints

    def __len__(self) -> int:
        return len(self.income)


def _pick(rng: np.random.Generator, share: tuple[float, ...], n: int) -> Ints:
    return rng.choice(len(share), size=n, p=np.asarray(share) / np.sum(share)).astype(np.int64)


def expit(x: npt.NDArray[Any]) -> Floats:
    """Logistic function ``1 / (1 + exp(-x))``."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def _autoregression(
    rng: np.random.Generator, n: int, months: int, memory: float, spread: float
) -> Floats:
    """Stationary AR(1) paths of standard deviation ``spread``, shape (n, months)."""
    path = np.empty((n, months))
    path[:, 0] = rng.normal(0.0, spread, n)
    step = spread * np.sqrt(1.0 - memory**2)
    for month in range(1, months):
        path[:, month] = memory * path[:, month - 1] + rng.normal(0.0, step, n)
    return path


def _lost_work(rng: np.random.Generator, drift: Floats) -> Flags:
    """Spells without pay: 3 to 8 months, likelier when solvency is already low."""
    n, months = drift.shape
    lost = np.zeros((n, months), dtype=bool)
    remaining = np.zeros(n, dtype=np.int64)
    for month in range(months):
        starts = (remaining == 0) & (rng.random(n) < 0.008 * np.exp(-0.6 * drift[:, month]))
        remaining = np.where(starts, rng.integers(3, 9, n), remaining)
        lost[:, month] = remaining > 0
        remaining = np.maximum(remaining - 1, 0)
    return lost


def _solvency(rng: np.random.Generator, stated: Floats, months: int) -> tuple[Floats, Flags]:
    """Solvency and the spells without pay, both of shape (n, months).

    What is stated in the application (``stated``, high = riskier) tells a little about the level.
    """
    n = len(stated)
    level = (rng.normal(0.0, 0.78, n) - 0.40 * stated)[:, None]
    drift = level + _autoregression(rng, n, months, memory=0.92, spread=0.50)
    lost = _lost_work(rng, drift)
    strain = np.zeros(n)
    solvency = np.empty_like(drift)
    for month in range(months):  # lost work wears solvency down and heals slowly
        strain = 0.80 * strain + 0.40 * lost[:, month]
        solvency[:, month] = drift[:, month] - strain
    return solvency, lost


def _engagement(
    rng: np.random.Generator, month_days: Ints, joined: Ints
) -> tuple[Floats, Ints, Ints, Ints]:
    """Activity by month, the day each customer left, and the days of silence: from, to.

    A customer may begin to drift away; activity then falls a little every month and the account
    is closed some months later. Apart from that, some fall silent for months and return. Both
    happen on any day: on the first of a month alone, a model would learn the calendar.
    """
    n, end = len(joined), int(month_days[-1])
    activity = np.exp(_autoregression(rng, n, len(month_days) - 1, memory=0.80, spread=0.35))
    fading_from = np.where(rng.random(n) < 0.24, rng.integers(month_days[3], end + 90, n), 2 * end)
    fading_from = np.maximum(fading_from, joined + 60)
    activity *= 0.85 ** np.clip((month_days[:-1] - fading_from[:, None]) / 30, 0, None)
    left = np.minimum(fading_from + rng.integers(15, 135, n), end)

    silent_from = np.where(rng.random(n) < 0.35, rng.integers(month_days[2], end, n), 2 * end)
    silent_to = silent_from + rng.integers(60, 200, n)
    return activity, left, silent_from, silent_to


def _active(
    month_days: Ints, joined: Ints, left: Ints, silent_from: Ints, silent_to: Ints
) -> Flags:
    """Whether an account is in use on some day of a month, shape (n, months)."""
    first, after = month_days[None, :-1], month_days[None, 1:]
    silent = (silent_from[:, None] <= first) & (silent_to[:, None] >= after)
    return np.asarray((joined[:, None] < after) & (left[:, None] > first) & ~silent)


def _around(solvency: Floats, as_of_month: Ints) -> Floats:
    """Mean solvency from three months before the decision to two after, shape (n,)."""
    months = solvency.shape[1]
    window = np.clip(as_of_month[:, None] + np.arange(-3, 3)[None, :], 0, months - 1)
    return np.asarray(np.take_along_axis(solvency, window, axis=1).mean(axis=1))


def draw_people(rng: np.random.Generator, n: int, month_days: Ints) -> People:
    """Draw one chunk of customers.

    Parameters
    ----------
    rng : the chunk's own generator.
    n : number of customers.
    month_days : first day of each month in days after the ledger's first day, and one last
        entry for the day after its end, shape (months + 1,).
    """
    months = len(month_days) - 1
    # Decisions fall in months 8 to 15 of 18, leaving a past to learn from and a future to check.
    first_as_of, last_as_of = (int(month_days[round(months * k / 18)]) for k in (8, 15))
    as_of_day = rng.integers(first_as_of, last_as_of, n)
    as_of_month = np.searchsorted(month_days, as_of_day, side="right") - 1

    # A quarter join during the ledger, before their decision; some are new to the bank.
    joins = rng.random(n) < 0.24
    joined = np.where(joins, np.floor(rng.random(n) * month_days[as_of_month]).astype(np.int64), 0)
    new_to_bank = rng.random(n) < 0.015
    following = np.minimum(as_of_day + rng.integers(1, 60, n), month_days[-1] - 1)
    joined = np.where(new_to_bank, following, joined)

    employment = _pick(rng, _EMPLOYMENT_SHARE, n)
    gender = _pick(rng, (0.49, 0.51), n)
    income = _MEDIAN_INCOME * np.take(_EMPLOYMENT_INCOME, employment)
    income = income * np.where(gender == 0, 0.93, 1.05) * np.exp(rng.normal(0.0, 0.38, n))
    home = _pick(rng, _HOME_SHARE, n)
    purpose = _pick(rng, _PURPOSE_SHARE, n)
    years = np.round(rng.gamma(1.6, 3.6, n), 1)
    loans = np.minimum(rng.poisson(0.8, n), 6)
    term = np.take(TERMS, _pick(rng, (0.16, 0.27, 0.28, 0.17, 0.12), n))
    requested = income * term * np.exp(rng.normal(-1.75, 0.5, n))
    requested = np.clip(np.round(requested / 100.0) * 100.0, 500.0, 60_000.0)

    burden = np.log(requested / (income * term)) + 1.75
    stated = (
        np.take(_EMPLOYMENT_RISK, employment)
        + np.take(_HOME_RISK, home)
        + np.take(_PURPOSE_RISK, purpose)
        + 0.38 * (loans - 0.8)
        - 0.05 * (years - 5.8)
        + 0.5 * burden
    )
    solvency, out_of_work = _solvency(rng, stated, months)
    out_of_work &= (employment != RETIRED)[:, None]
    activity, left, silent_from, silent_to = _engagement(rng, month_days, joined)

    logit = (
        _INTERCEPT
        - _SOLVENCY_WEIGHT * _around(solvency, as_of_month)
        + _STATED_WEIGHT * stated
        + rng.normal(0.0, _OUTCOME_NOISE, n)
    )
    probability = expit(logit)
    # People in difficulty tend to state a little more than they earn.
    overstated = 0.03 - 0.02 * solvency[np.arange(n), as_of_month]
    stated_income = np.round(income * np.exp(overstated + rng.normal(0.0, 0.08, n)), -1)
    return People(
        income=income,
        stated_income=stated_income,
        employment=employment,
        home=home,
        purpose=purpose,
        gender=gender,
        years_at_address=years,
        existing_loans=loans.astype(np.int64),
        requested=requested,
        term=term.astype(np.int64),
        thin=rng.random(n) < 0.08,
        joined=joined.astype(np.int64),
        left=left.astype(np.int64),
        silent_from=silent_from.astype(np.int64),
        silent_to=silent_to.astype(np.int64),
        as_of_day=as_of_day.astype(np.int64),
        active=_active(month_days, joined, left, silent_from, silent_to),
        activity=activity,
        out_of_work=out_of_work,
        solvency=solvency,
        probability=probability,
        outcome=(rng.random(n) < probability).astype(np.int64),
    )
