"""What a customer might do next: edits of the transactions, never of the features.

A scenario looks ahead: the last days are lived once more, with one thing done differently, and the
score is taken at the end of them. The features are then recomputed by the same SQL from the whole
history, so frequency, money and recency always move together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
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


def _with_rows(
    ahead: pd.DataFrame, template: pd.DataFrame, moments: Sequence[datetime], amount: float
) -> pd.DataFrame:
    """Add movements like the row ``template`` at rising moments; later balances move by them."""
    ahead = ahead.sort_values("timestamp", kind="stable", ignore_index=True)
    kinds = ahead.dtypes.to_dict()
    rows = template.iloc[[0] * len(moments)].assign(
        timestamp=pd.Series(list(moments), dtype=kinds["timestamp"]).to_numpy(), amount=amount
    )
    if "transaction_id" in rows.columns:
        rows["transaction_id"] = None
    if "balance" in ahead.columns:
        known = ahead["balance"].to_numpy(dtype=np.float64)
        times, added = ahead["timestamp"].to_numpy(), rows["timestamp"].to_numpy()
        before = np.searchsorted(times, added, side="left") - 1
        first = np.append(known, template["balance"].astype(np.float64))  # at -1: nothing before
        rows["balance"] = first[before] - amount * np.arange(1, len(moments) + 1)
        passed = np.searchsorted(added, times, side="right")
        ahead = ahead.assign(balance=known - amount * passed)
    both = pd.concat([ahead, rows.astype(kinds)], ignore_index=True)
    return both.sort_values("timestamp", kind="stable", ignore_index=True)


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
    nearest = int((largest["amount"] - usual).abs().argmin())
    received = ahead.loc[ahead["amount"] <= usual, "timestamp"]
    begins = [as_of + month * MONTH for month in range(months)]
    lacking = [
        begin + timedelta(hours=9)
        for begin in begins
        if not received.between(begin, begin + MONTH, inclusive="left").any()
    ]
    return _with_rows(ahead, largest.iloc[[nearest]], lacking, usual) if lacking else ahead


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
    nearest = int((payments["amount"] - middle).abs().argmin())
    count = round(level) * months
    days = [as_of + (i + 0.5) * (months * MONTH / count) for i in range(count)]
    noons = [day.replace(hour=12, minute=0, second=0, microsecond=0) for day in days]
    return _with_rows(ahead, payments.iloc[[nearest]], noons, middle)


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
