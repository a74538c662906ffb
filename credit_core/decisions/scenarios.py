"""What a customer might do next: edits of the transactions, never of the features.

A scenario looks ahead: the last days are lived once more, with one thing done differently, and the
score is taken at the end of them. The features are then recomputed by the same SQL from the whole
history, so frequency, money and recency always move together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

MONTH = timedelta(days=30)
HORIZON_MONTHS = 3


@dataclass(frozen=True)
class Scenario:
    """One thing done differently over the months ahead.

    ``levels`` are the strengths a search for paths tries, the mildest first; ``needs`` the
    canonical columns without which it means nothing. ``sentence`` names the level and the months.
    """

    name: str
    sentence: str
    levels: tuple[float, ...]
    low: float
    high: float
    unit: str
    edit: Callable[[pd.DataFrame, pd.DataFrame, datetime, int, float], pd.DataFrame]
    needs: frozenset[str] = frozenset()

    def said(self, level: float, months: int) -> str:
        """Return the sentence of a level over so many months.

        >>> BY_NAME["purchases"].said(2, 3)
        '2 more purchases a month for 3 months'
        """
        counted = "a month" if months == 1 else f"{months} months"
        return self.sentence.format(level=f"{level:g}", months=counted)


def carry_on(history: pd.DataFrame, as_of: datetime, months: int) -> pd.DataFrame:
    """Return the last months before ``as_of`` lived once more after it: the same rows, later."""
    length = months * MONTH
    recent = history[(history["timestamp"] >= as_of - length) & (history["timestamp"] < as_of)]
    ahead = recent.assign(timestamp=recent["timestamp"] + length)
    if "transaction_id" in ahead.columns:
        ahead["transaction_id"] = None
    return ahead


def imagine(
    history: pd.DataFrame, as_of: datetime, months: int, chosen: dict[str, float]
) -> pd.DataFrame:
    """Return the history with the months ahead, lived as the chosen scenarios say.

    Parameters
    ----------
    history : DataFrame
        One customer's canonical transactions; those at or after ``as_of`` are left out.
    chosen : {scenario name: level}
        None chosen = the customer goes on as before.
    """
    known = history[history["timestamp"] < as_of]
    ahead = carry_on(known, as_of, months)
    for scenario in SCENARIOS:
        if scenario.name in chosen:
            ahead = scenario.edit(known, ahead, as_of, months, chosen[scenario.name])
    return pd.concat([known, ahead], ignore_index=True).sort_values("timestamp", kind="stable")


def _with_row(
    ahead: pd.DataFrame, template: pd.Series, moment: datetime, amount: float
) -> pd.DataFrame:
    """Add a movement like ``template``; later balances move by its amount."""
    row = template.copy()
    row["timestamp"], row["amount"] = pd.Timestamp(moment), amount
    if "transaction_id" in row.index:
        row["transaction_id"] = None
    if "balance" in ahead.columns:
        later = ahead["timestamp"] >= moment
        before = ahead.loc[~later, "balance"]
        last = before.iloc[-1] if len(before) else template["balance"]
        ahead = ahead.assign(balance=ahead["balance"].where(~later, ahead["balance"] - amount))
        row["balance"] = last - amount
    added = pd.concat([ahead, row.to_frame().T.astype(ahead.dtypes.to_dict())], ignore_index=True)
    return added.sort_values("timestamp", kind="stable").reset_index(drop=True)


def _income(
    known: pd.DataFrame, ahead: pd.DataFrame, as_of: datetime, months: int, _level: float
) -> pd.DataFrame:
    """Let the customer's usual largest receipt arrive in every month that would lack it."""
    receipts = known[known["amount"] < 0]
    if receipts.empty:
        return ahead
    block = ((pd.Timestamp(as_of) - receipts["timestamp"]).dt.days // MONTH.days).to_numpy()
    largest = receipts.loc[receipts.groupby(block)["amount"].idxmin()]
    usual = float(largest["amount"].median())
    template = largest.iloc[(largest["amount"] - usual).abs().argmin()]
    for month in range(months):
        begins = as_of + month * MONTH
        inside = (ahead["timestamp"] >= begins) & (ahead["timestamp"] < begins + MONTH)
        if not (ahead.loc[inside, "amount"] <= usual).any():
            ahead = _with_row(ahead, template, begins + timedelta(hours=9), usual)
    return ahead


def _above_zero(
    _known: pd.DataFrame, ahead: pd.DataFrame, _as_of: datetime, _months: int, _level: float
) -> pd.DataFrame:
    return ahead.assign(balance=ahead["balance"].clip(lower=0))


def _purchases(
    known: pd.DataFrame, ahead: pd.DataFrame, as_of: datetime, months: int, level: float
) -> pd.DataFrame:
    """Add so many payments a month of the customer's middle size, evenly spread."""
    payments = known[known["amount"] > 0]
    if payments.empty:
        return ahead
    middle = float(payments["amount"].median())
    template = payments.iloc[(payments["amount"] - middle).abs().argmin()]
    count = round(level) * months
    for i in range(count):
        moment = as_of + (i + 0.5) * (months * MONTH / count)
        ahead = _with_row(ahead, template, moment.replace(hour=12, minute=0, second=0), middle)
    return ahead


def _spend_less(
    _known: pd.DataFrame, ahead: pd.DataFrame, _as_of: datetime, _months: int, level: float
) -> pd.DataFrame:
    """Make every payment smaller by a share; what is saved stays in the balance."""
    paid = ahead["amount"].clip(lower=0)
    saved = (paid * level / 100).round(2)
    ahead = ahead.assign(amount=ahead["amount"] - saved)
    if "balance" in ahead.columns:
        ahead["balance"] = ahead["balance"] + saved.cumsum()
    return ahead


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("income", "Salary keeps arriving for {months}", (1,), 1, 1, "", _income),
    Scenario(
        "spend_less",
        "Every payment {level}% smaller for {months}",
        (10, 25),
        5,
        50,
        "% smaller",
        _spend_less,
    ),
    Scenario(
        "purchases",
        "{level} more purchases a month for {months}",
        (2, 4),
        1,
        20,
        "more a month",
        _purchases,
    ),
    Scenario(
        "above_zero",
        "No balance below zero for {months}",
        (1,),
        1,
        1,
        "",
        _above_zero,
        frozenset({"balance"}),
    ),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def possible(history: pd.DataFrame) -> tuple[Scenario, ...]:
    """Return the scenarios that this history's columns and movements give a meaning."""
    amount = history["amount"].to_numpy(dtype=np.float64)
    absent = set()
    if not (amount < 0).any():
        absent.add("income")
    if not (amount > 0).any():
        absent |= {"spend_less", "purchases"}
    return tuple(
        one for one in SCENARIOS if one.needs <= set(history.columns) and one.name not in absent
    )


def combinations(scenarios: tuple[Scenario, ...], most: int) -> Iterator[dict[str, float]]:
    """Yield every choice of up to ``most`` scenarios at their levels, the fewest changes first."""
    for size in range(most + 1):
        for chosen in itertools.combinations(scenarios, size):
            for levels in itertools.product(*(one.levels for one in chosen)):
                yield {one.name: level for one, level in zip(chosen, levels, strict=True)}
