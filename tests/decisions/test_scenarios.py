"""Scenarios edit transactions: time moves on, money stays consistent, the past is never touched."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.decisions.scenarios import (
    MONTH,
    SCENARIOS,
    _with_rows,
    combinations,
    imagine,
    possible,
)

AS_OF = datetime(2024, 6, 30)


def history(*rows: tuple[int, float], balance: float | None = 100.0) -> pd.DataFrame:
    """Transactions so many days before AS_OF, with a running balance."""
    ordered = sorted(rows, key=lambda row: -row[0])
    frame = pd.DataFrame(
        {
            "customer_id": "A",
            "timestamp": [AS_OF - timedelta(days=days) for days, _ in ordered],
            "amount": [float(amount) for _, amount in ordered],
        }
    )
    if balance is not None:
        frame["balance"] = balance - frame["amount"].cumsum()
    return frame


rows = st.lists(
    st.tuples(st.integers(1, 200), st.floats(-2000, 2000).map(lambda x: round(x, 2)).filter(bool)),
    min_size=1,
    max_size=30,
)
choices = st.fixed_dictionaries(
    {}, optional={one.name: st.sampled_from(one.levels) for one in SCENARIOS}
)


@given(rows, choices, st.integers(1, 6))
@effort(max_examples=40)
def test_the_past_stays_and_what_is_added_lies_ahead(drawn, chosen, months) -> None:
    past = history(*drawn)
    chosen = {name: level for name, level in chosen.items()
              if name in {one.name for one in possible(past)}}  # fmt: skip
    lived = imagine(past, AS_OF, months, chosen)
    before = lived[lived["timestamp"] < AS_OF]
    pd.testing.assert_frame_equal(
        before.sort_values(["timestamp", "amount"]).reset_index(drop=True),
        past.sort_values(["timestamp", "amount"]).reset_index(drop=True),
    )
    ahead = lived[lived["timestamp"] >= AS_OF]
    assert (ahead["timestamp"] < AS_OF + months * MONTH).all()
    assert (ahead["customer_id"] == "A").all()
    assert lived["timestamp"].is_monotonic_increasing
    assert lived["amount"].notna().all()


def test_going_on_as_before_repeats_the_last_months() -> None:
    past = history((40, 10), (20, 20), (5, -300))
    lived = imagine(past, AS_OF, 1, {})
    ahead = lived[lived["timestamp"] >= AS_OF]
    assert ahead["amount"].tolist() == [20.0, -300.0]
    assert (ahead["timestamp"] - MONTH).tolist() == past["timestamp"].tolist()[1:]


def test_income_fills_only_the_months_that_lack_it() -> None:
    past = history((75, -1000), (45, -1000), (20, 50))
    lived = imagine(past, AS_OF, 3, {"income": 1})
    ahead = lived[lived["timestamp"] >= AS_OF]
    assert (ahead["amount"] == -1000).sum() == 3
    # The balance is higher by what came in and had not before.
    without = imagine(past, AS_OF, 3, {})
    assert ahead["balance"].iloc[-1] == pytest.approx(without["balance"].iloc[-1] + 1000)


def test_more_purchases_cost_money() -> None:
    past = history((60, 10), (30, 30), (2, 20))
    lived = imagine(past, AS_OF, 2, {"purchases": 2})
    usual = imagine(past, AS_OF, 2, {})
    assert len(lived) == len(usual) + 4
    assert lived["amount"].sum() == pytest.approx(usual["amount"].sum() + 4 * 20)
    assert lived["balance"].iloc[-1] < usual["balance"].iloc[-1]


@given(rows, st.lists(st.integers(0, 89), min_size=1, max_size=8, unique=True).map(sorted))
@effort(max_examples=40)
def test_rows_added_at_once_are_those_added_one_by_one(drawn, days) -> None:
    past = history(*drawn)
    ahead = past.assign(timestamp=past["timestamp"] + 3 * MONTH)
    moments = [AS_OF + timedelta(days=day, hours=12) for day in days]
    together, alone = _with_rows(ahead, past.iloc[[0]], moments, 12.5), ahead
    for moment in moments:
        alone = _with_rows(alone, past.iloc[[0]], [moment], 12.5)
    pd.testing.assert_frame_equal(together, alone)


def test_balances_after_an_added_row_move_by_it() -> None:
    past = history((60, 10), (30, 30), (2, 20))
    ahead = past.assign(timestamp=past["timestamp"] + 3 * MONTH)
    found = _with_rows(ahead, past.iloc[[1]], [AS_OF + timedelta(days=45)], 7.0)
    assert found["amount"].tolist() == [10.0, 7.0, 30.0, 20.0]
    assert found["balance"].tolist() == [90.0, 83.0, 53.0, 33.0]


def test_smaller_payments_leave_money_in_the_balance() -> None:
    past = history((20, 100), (10, -500), (5, 200))
    lived = imagine(past, AS_OF, 1, {"spend_less": 25})
    ahead = lived[lived["timestamp"] >= AS_OF]
    assert ahead["amount"].tolist() == [75.0, -500.0, 150.0]
    usual = imagine(past, AS_OF, 1, {})
    assert ahead["balance"].iloc[-1] == pytest.approx(usual["balance"].iloc[-1] + 75)


def test_no_balance_below_zero() -> None:
    past = history((20, 400), (5, 10), balance=0)
    lived = imagine(past, AS_OF, 1, {"above_zero": 1})
    assert (lived.loc[lived["timestamp"] >= AS_OF, "balance"] >= 0).all()
    assert "above_zero" not in {one.name for one in possible(history((5, 1), balance=None))}


def test_only_what_has_a_meaning_is_offered() -> None:
    spender = history((5, 10), balance=None)
    assert {one.name for one in possible(spender)} == {"spend_less", "purchases"}
    fewest = list(combinations(possible(spender), 2))
    assert fewest[0] == {}
    assert [len(chosen) for chosen in fewest] == [0, 1, 1, 1, 1, 2, 2, 2, 2]
