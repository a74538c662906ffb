"""Proxy labels: what they see, who is on which side, and that order does not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger, ledger_of
from credit_core.errors import InputError
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.proxy import proxy_labels
from credit_core.labels.rfm import RFM, rfm_table
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME, hold_out_customers
from credit_core.settings import Settings

CONFIG = ModelConfig()
START = pd.Timestamp("2023-01-01")
SPAN = 500


def spending(seed: int = 0, customers: int = 80) -> pd.DataFrame:
    """Transactions of customers of very different habits, some of whom stop."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        stops = rng.uniform(60, 2 * SPAN)
        moments = np.cumsum(rng.exponential(rng.choice([4, 20, 60]), 400))
        for moment in moments[moments < min(stops, SPAN - 0.01)]:
            rows.append((f"C{i:03d}", START + pd.Timedelta(days=moment), rng.integers(-500, 5000)))
    rows += [("C000", START, 100), ("C000", START + pd.Timedelta(days=SPAN - 0.5), 100)]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "cents"])
    frame["timestamp"] = frame["timestamp"].dt.floor("s").astype("datetime64[us]")
    return frame.assign(amount=frame.pop("cents") / 100)


@pytest.fixture(scope="module")
def transactions() -> pd.DataFrame:
    return spending()


@pytest.fixture
def opened(settings: Settings) -> Callable:
    @contextmanager
    def of(frame: pd.DataFrame) -> Iterator[Ledger]:
        with ledger_of(frame, settings) as ledger:
            yield ledger

    return of


def test_inactive_is_no_transaction_in_the_outcome_window(
    transactions: pd.DataFrame, opened: Callable
) -> None:
    with opened(transactions) as ledger:
        labels = proxy_labels(ledger, "inactive", CONFIG)
    frame = labels.frame
    followed = pd.Timedelta(days=labels.outcome_days)
    for row in frame.itertuples(index=False):
        own = transactions.loc[transactions["customer_id"] == row.customer_id, "timestamp"]
        inside = (own >= row.as_of) & (own < row.as_of + followed)
        assert row.label == int(not inside.any())
        assert (own < row.as_of).any(), "only customers already seen are snapshots"
    seen = {
        (customer, as_of)
        for as_of in frame["as_of"].unique()
        for customer in transactions.loc[transactions["timestamp"] < as_of, "customer_id"]
    }
    assert set(zip(frame["customer_id"], frame["as_of"], strict=True)) == seen


@pytest.mark.parametrize("kind", ["inactive", "disengaged"])
def test_a_label_sees_only_its_outcome_window(
    kind: str, transactions: pd.DataFrame, opened: Callable
) -> None:
    one = CONFIG.replacing(windows={"observation_days": 300, "outcome_days": 150})
    with opened(transactions) as ledger:
        before = proxy_labels(ledger, kind, one)
    (as_of,) = before.frame["as_of"].unique()
    past = transactions["timestamp"] < as_of
    first = transactions["timestamp"] == transactions["timestamp"].min()
    changed = transactions.assign(
        amount=np.where(past, transactions["amount"] * 7 - 3, transactions["amount"])
    )
    others = transactions[past].assign(
        timestamp=as_of - (as_of - transactions.loc[past, "timestamp"]) / 2
    )
    others["timestamp"] = others["timestamp"].dt.floor("s").astype("datetime64[us]")
    moved = pd.concat([transactions[first], others, transactions[~past]])
    for frame in (changed, moved):
        with opened(frame) as ledger:
            after = proxy_labels(ledger, kind, one)
        pd.testing.assert_frame_equal(before.frame, after.frame)


def test_same_window_sees_only_its_observation_window(
    transactions: pd.DataFrame, opened: Callable
) -> None:
    with opened(transactions) as ledger:
        before = proxy_labels(ledger, "same_window", CONFIG)
    last = before.frame["as_of"].max()
    later = transactions["timestamp"] >= last
    changed = transactions.assign(amount=np.where(later, 1_000_000, transactions["amount"]))
    with opened(changed) as ledger:
        after = proxy_labels(ledger, "same_window", CONFIG)
    pd.testing.assert_frame_equal(before.frame, after.frame)


def test_customers_are_on_one_side_and_the_last_cohort_is_out_of_time(
    transactions: pd.DataFrame, opened: Callable
) -> None:
    with opened(transactions) as ledger:
        labels = proxy_labels(ledger, "inactive", CONFIG)
    frame = labels.frame
    assert set(frame["sample"]) == {DEVELOPMENT, HOLDOUT, OUT_OF_TIME}
    held = set(frame.loc[frame["sample"] == HOLDOUT, "customer_id"])
    developed = set(frame.loc[frame["sample"] == DEVELOPMENT, "customer_id"])
    assert held.isdisjoint(developed)
    assert len(held) / (len(held) + len(developed)) == pytest.approx(0.2, abs=0.05)
    late = frame["sample"] == OUT_OF_TIME
    assert frame.loc[late, "as_of"].nunique() == 1
    assert frame.loc[late, "as_of"].min() >= frame.loc[~late, "as_of"].max() + pd.Timedelta(
        days=labels.outcome_days
    )


@pytest.mark.parametrize("kind", ["disengaged", "inactive", "same_window"])
def test_row_order_does_not_change_labels(
    kind: str, transactions: pd.DataFrame, opened: Callable
) -> None:
    found = []
    for frame in (transactions, transactions.sample(frac=1, random_state=3)):
        with opened(frame) as ledger:
            found.append(proxy_labels(ledger, kind, CONFIG))
    pd.testing.assert_frame_equal(found[0].frame, found[1].frame)
    assert found[0].facts() == found[1].facts()


def test_the_disengaged_are_the_least_engaged(transactions: pd.DataFrame, opened: Callable) -> None:
    with opened(transactions) as ledger:
        labels = proxy_labels(ledger, "disengaged", CONFIG)
        days = labels.outcome_days
        table = rfm_table(ledger, labels.frame, start_days=0, end_days=days)
    bad = labels.frame["label"].to_numpy() == 1
    means = table[bad].mean(), table[~bad].mean()
    assert means[0]["recency_days"] > means[1]["recency_days"]
    assert means[0]["frequency"] < means[1]["frequency"]
    assert means[0]["monetary"] < means[1]["monetary"]
    silent = table["frequency"].to_numpy() == 0
    assert silent.any()
    assert labels.frame["label"].to_numpy()[silent].all(), "who is silent is disengaged"
    assert (table.loc[silent, "recency_days"] == days).all()
    assert (table.loc[silent, "monetary"] == 0).all()


def test_a_label_with_one_value_is_refused(opened: Callable) -> None:
    days = pd.date_range(START, periods=60, freq="D").as_unit("us")
    frame = pd.concat(
        [pd.DataFrame({"customer_id": c, "timestamp": days, "amount": 1.0}) for c in "ABCDE"]
    )
    with opened(frame) as ledger, pytest.raises(InputError, match="nobody is inactive"):
        proxy_labels(ledger, "inactive", CONFIG)


def test_rfm_against_pandas(transactions: pd.DataFrame, opened: Callable) -> None:
    as_of = START + pd.Timedelta(days=300)
    snapshots = pd.DataFrame(
        {"customer_id": [f"C{i:03d}" for i in range(79, -1, -1)], "as_of": as_of}
    )
    with opened(transactions) as ledger:
        found = rfm_table(ledger, snapshots, start_days=-90, end_days=0)
    inside = transactions[
        (transactions["timestamp"] >= as_of - pd.Timedelta(days=90))
        & (transactions["timestamp"] < as_of)
    ]
    grouped = inside.groupby("customer_id").agg(
        last=("timestamp", "max"),
        frequency=("amount", "size"),
        monetary=("amount", lambda amounts: amounts.clip(lower=0).sum()),
    )
    grouped["recency_days"] = (as_of - grouped["last"]).dt.total_seconds() / 86400
    wanted = grouped[list(RFM)].reindex(snapshots["customer_id"])
    wanted = wanted.fillna({"recency_days": 90.0, "frequency": 0, "monetary": 0})
    np.testing.assert_allclose(found.to_numpy(), wanted.to_numpy(), rtol=1e-12)


tables = st.integers(0, 10**6).map(
    lambda seed: pd.DataFrame(
        np.random.default_rng(seed).lognormal(2, 1.5, (60, 3)).round(2), columns=list(RFM)
    )
)


@given(tables, st.integers(2, 6))
@effort(max_examples=8)
def test_clusters_do_not_depend_on_row_order(table: pd.DataFrame, k: int) -> None:
    order = np.random.default_rng(1).permutation(len(table))
    straight = fit_clusters(table, k, seed=0)
    shuffled = fit_clusters(table.iloc[order].reset_index(drop=True), k, seed=0)
    np.testing.assert_allclose(straight.centres, shuffled.centres, rtol=0, atol=1e-12)
    assert (straight.assign(table)[order] == shuffled.assign(table.iloc[order])).all()


def test_clusters_are_ordered_by_engagement(transactions: pd.DataFrame) -> None:
    engaged = pd.DataFrame({"recency_days": [1.0], "frequency": [200.0], "monetary": [9e4]})
    absent = pd.DataFrame({"recency_days": [90.0], "frequency": [0.0], "monetary": [0.0]})
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "recency_days": rng.uniform(0, 90, 400),
            "frequency": rng.poisson(rng.choice([0, 3, 30], 400)),
            "monetary": rng.lognormal(5, 2, 400),
        }
    )
    rule = fit_clusters(table, 4, seed=0)
    assert rule.assign(absent)[0] == 0
    assert rule.assign(engaged)[0] == 3


def test_fewer_distinct_customers_than_clusters(transactions: pd.DataFrame) -> None:
    table = pd.DataFrame([[1.0, 2, 3], [1, 2, 3], [9, 1, 1]], columns=list(RFM))
    assert len(fit_clusters(table, 4, seed=0).centres) == 2


@given(st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=60), st.integers(0, 100))
def test_the_hold_out_depends_on_the_set_of_customers_only(names: list[str], seed: int) -> None:
    customers = pd.Series(names, dtype="str")
    held = set(customers[hold_out_customers(customers, 0.25, seed)])
    again = pd.concat([customers[::-1], customers], ignore_index=True)
    assert set(again[hold_out_customers(again, 0.25, seed)]) == held
    assert 1 <= len(held) < max(2, customers.nunique())


@pytest.mark.parametrize("seed", range(4))
def test_nothing_from_as_of_on_changes_the_observation_windows_rfm(
    seed: int, transactions: pd.DataFrame, opened: Callable
) -> None:
    rng = np.random.default_rng(seed)
    as_of = START + pd.Timedelta(days=int(rng.integers(100, 400)))
    snapshots = pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(80)], "as_of": as_of})
    later = pd.DataFrame(
        {
            "customer_id": snapshots["customer_id"].sample(50, random_state=seed),
            "timestamp": as_of + pd.to_timedelta(rng.integers(0, 9_000_000, 50), unit="s"),
            "amount": rng.integers(-(10**6), 10**6, 50) / 100,
        }
    )
    later.loc[later.index[0], "timestamp"] = as_of  # exactly then is already too late
    later["timestamp"] = later["timestamp"].astype("datetime64[us]")
    found = []
    for frame in (transactions, pd.concat([transactions, later]).sample(frac=1, random_state=1)):
        with opened(frame) as ledger:
            found.append(rfm_table(ledger, snapshots, start_days=-90, end_days=0))
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)


def test_windows_can_be_chosen_by_date(transactions: pd.DataFrame, opened: Callable) -> None:
    asked = (START + pd.Timedelta(days=380)).date()
    config = CONFIG.replacing(windows={"as_of": asked, "outcome_days": 60})
    with opened(transactions) as ledger:
        labels = proxy_labels(ledger, "inactive", config)
    late = labels.frame.loc[labels.frame["sample"] == OUT_OF_TIME, "as_of"]
    assert {moment.date() for moment in late} == {asked}
    assert labels.windows["out_of_time"] == asked.isoformat()
