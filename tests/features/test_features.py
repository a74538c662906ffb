"""Features: the future never counts, order and threads never matter, values as pandas says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.data import lines
from credit_core.data.contract import BY_NAME, COLUMNS
from credit_core.data.erasure import erase_rows
from credit_core.data.intake import ingest
from credit_core.data.ledger import Ledger, ledger_of, open_ledger
from credit_core.data.store import Dataset, open_dataset
from credit_core.features import build, totals
from credit_core.features.build import (
    build_features,
    features_in_parts,
    frequent_categories,
)
from credit_core.features.catalogue import Catalogue, build_catalogue
from credit_core.features.single import SingleFeatures
from credit_core.labels.rfm import customers_seen
from credit_core.settings import SAMPLE_FILES, Settings

AS_OF = pd.Timestamp("2024-06-30")
DAYS = 180
EVERYTHING = frozenset(BY_NAME) | {"time_of_day", "money_in"}
CATEGORIES = ("rent", "food", 'it\'s "odd"; --')
FULL = build_catalogue(DAYS, EVERYTHING, CATEGORIES)

seconds = st.integers(-260 * 86400, 60 * 86400)
cents = st.integers(-500_000, 500_000)
rows = st.tuples(
    st.sampled_from(["A", "B", "C"]),
    seconds,
    cents,
    st.none() | st.integers(-200_000, 900_000),
    st.sampled_from([*CATEGORIES, "other", "refund", None]),
    st.sampled_from(["card", "atm", None]),
    st.sampled_from([True, False, None]),
)
ledgers = st.lists(rows, min_size=1, max_size=40)
SNAPSHOTS = pd.DataFrame(
    {
        "customer_id": ["B", "A", "C", "A", "nobody"],
        "as_of": [AS_OF, AS_OF, AS_OF, AS_OF - timedelta(days=37, hours=5), AS_OF],
    }
)


def frame_of(drawn: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(
        drawn,
        columns=["customer_id", "s", "cents", "b", "category", "channel", "is_fraud"],
    )
    frame["timestamp"] = (AS_OF + pd.to_timedelta(frame.pop("s"), unit="s")).astype(
        "datetime64[us]"
    )
    frame["amount"] = frame.pop("cents") / 100
    frame["balance"] = frame.pop("b").astype("float64") / 100
    for name in ("category", "channel"):
        frame[name] = frame[name].astype("str")
    frame["is_fraud"] = frame["is_fraud"].astype("boolean")
    return frame


def features_of(
    frame: pd.DataFrame, catalogue: Catalogue = FULL, threads: int = 1, snapshots=SNAPSHOTS
) -> pd.DataFrame:
    settings = Settings(threads=threads)
    with ledger_of(frame, settings) as ledger:
        return build_features(ledger, snapshots, catalogue)


def bits(table: pd.DataFrame) -> bytes:
    """Return the table's exact content; every missing value is the same missing value."""
    values = table.to_numpy()
    return np.where(np.isnan(values), np.nan, values).tobytes()


@given(ledgers, ledgers)
@effort(max_examples=20)
def test_a_transaction_at_or_after_as_of_never_changes_a_feature(
    past: list[tuple], future: list[tuple]
) -> None:
    snapshots = SNAPSHOTS[SNAPSHOTS["as_of"] == AS_OF]
    late = [(who, abs(s), *rest) for who, s, *rest in future]
    late.append(("A", 0, 99_999, -99_999, "rent", "card", True))  # at as_of, to the second
    without = features_of(frame_of(past), snapshots=snapshots)
    with_future = features_of(frame_of(past + late), snapshots=snapshots)
    only_past = [row for row in past if row[1] < 0]
    assert bits(without) == bits(with_future)
    if only_past:
        assert bits(features_of(frame_of(only_past), snapshots=snapshots)) == bits(without)


@given(ledgers)
@effort(max_examples=10)
def test_a_transaction_before_the_window_never_changes_a_feature(drawn: list[tuple]) -> None:
    early = ("A", -DAYS * 86400 - 38 * 86400 - 1, 77_777, -77_777, "rent", "card", True)
    assert bits(features_of(frame_of(drawn))) == bits(features_of(frame_of([*drawn, early])))


@given(ledgers, st.randoms(use_true_random=False))
@effort(max_examples=15)
def test_row_order_and_threads_never_change_a_bit(drawn: list[tuple], random) -> None:
    straight = features_of(frame_of(drawn), threads=1)
    shuffled = list(drawn)
    random.shuffle(shuffled)
    assert bits(features_of(frame_of(shuffled), threads=3)) == bits(straight)


def test_order_never_changes_a_bit_of_long_histories() -> None:
    """Sums of many amounts of every size, as one applicant's transactions come in."""
    rng = np.random.default_rng(0)
    n = 4000
    drawn = zip(
        rng.choice(["A", "B", "C"], n),
        rng.integers(-DAYS * 86400, 0, n).tolist(),
        np.round(rng.normal(0, 1, n) * 10 ** rng.uniform(1, 9, n)).astype(int).tolist(),
        np.round(rng.normal(0, 1, n) * 10 ** rng.uniform(1, 9, n)).tolist(),
        rng.choice([*CATEGORIES, "other"], n),
        rng.choice(["card", "atm"], n),
        rng.random(n) < 0.1,
        strict=True,
    )
    frame = frame_of(list(drawn))
    straight = features_of(frame, threads=1)
    for seed in range(3):
        shuffled = frame.sample(frac=1, random_state=seed)
        assert bits(features_of(shuffled, threads=2)) == bits(straight)


def test_order_and_threads_never_change_a_bit_of_a_whole_ledger(
    dataset: Dataset, shared_settings: Settings
) -> None:
    found = []
    for threads, order in ((1, "transaction_id"), (2, "hash(transaction_id)"), (4, "amount DESC")):
        settings = shared_settings.model_copy(update={"threads": threads})
        with open_ledger(dataset, settings) as ledger:
            ledger.run(f"CREATE TEMP TABLE other AS SELECT * FROM transactions ORDER BY {order}")
            categories = frequent_categories(ledger, ledger.end, 10)
            catalogue = build_catalogue(365, ledger.abilities, categories)
            snapshots = pd.read_parquet(dataset.applications_path)[["customer_id", "as_of"]]
            reordered = replace(ledger, relation="other")
            found.append(bits(build_features(reordered, snapshots, catalogue)))
    assert found[0] == found[1] == found[2]


def test_a_snapshot_alone_is_the_same_as_in_a_batch(
    dataset: Dataset, shared_settings: Settings
) -> None:
    snapshots = pd.read_parquet(dataset.applications_path)[["customer_id", "as_of"]]
    with open_ledger(dataset, shared_settings) as ledger:
        catalogue = build_catalogue(180, ledger.abilities, frequent_categories(ledger, AS_OF, 10))
        batch = build_features(ledger, snapshots, catalogue)
        for row in (0, 17, len(snapshots) - 1):
            alone = build_features(ledger, snapshots.iloc[[row]], catalogue)
            assert bits(alone) == bits(batch.iloc[[row]])


def columns_of(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    kept = list(rows)
    return {name: [row.get(name) for row in kept] for name in BY_NAME}


@given(ledgers)
@effort(max_examples=15)
def test_one_customer_after_the_other_is_the_same_as_in_a_batch(drawn: list[tuple]) -> None:
    frame = frame_of(drawn)
    batch = features_of(frame)
    moved = [
        {name: None if value is pd.NA or value != value else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    one_by_one = SingleFeatures(FULL)
    alone = [
        one_by_one.values(columns_of(row for row in moved if row["customer_id"] == customer), as_of)
        for customer, as_of in zip(SNAPSHOTS["customer_id"], SNAPSHOTS["as_of"], strict=True)
    ]
    assert bits(pd.DataFrame(alone, columns=batch.columns)) == bits(batch)


def as_for_many(chunk: int = 7) -> tuple[Any, Any]:
    """Return contexts in which features are computed as those of very many snapshots are."""
    rows = mock.patch.multiple(totals, _ROWS=chunk, _GROUPS=chunk)
    return mock.patch.multiple(build, MOST_GROUPED_BY_SQL=0, _MANY=0), rows


def for_many(frame: pd.DataFrame, threads: int = 2) -> pd.DataFrame:
    limits, rows = as_for_many()
    with limits, rows, mock.patch.object(build, "feature_sql", side_effect=AssertionError):
        return features_of(frame, threads=threads)


@given(ledgers)
@effort(max_examples=25)
@example([("A", -1, 0, None, None, None, None)])
@example([("A", -i, 9_999_999_999_999, -i, "rent", "card", None) for i in range(1, 9)])
def test_many_snapshots_have_the_same_features_to_the_bit(drawn: list[tuple]) -> None:
    frame = frame_of(drawn)
    assert bits(for_many(frame)) == bits(features_of(frame))


@pytest.mark.parametrize("threads", [1, 3])
def test_many_snapshots_of_a_whole_ledger_have_the_same_features_to_the_bit(
    dataset: Dataset, shared_settings: Settings, threads: int
) -> None:
    snapshots = pd.read_parquet(dataset.applications_path)[["customer_id", "as_of"]]
    settings = shared_settings.model_copy(update={"threads": threads})
    with open_ledger(dataset, settings) as ledger:
        catalogue = build_catalogue(365, ledger.abilities, frequent_categories(ledger, AS_OF, 10))
        plain = build_features(ledger, snapshots, catalogue)
        limits, rows = as_for_many(1000)
        with limits, rows, mock.patch.object(build, "feature_sql", side_effect=AssertionError):
            many = build_features(ledger, snapshots, catalogue)
    assert bits(many) == bits(plain)


@pytest.mark.parametrize(
    "unfit",
    [
        {"amount": 9_999_999_999_999.0},  # 100 of them in the smallest unit have 20 digits
        {"channel": [f"channel {i}" for i in range(100)]},
    ],
    ids=["sums of 20 digits", "a channel a row"],
)
def test_what_does_not_fit_is_left_to_sql(unfit: dict[str, object]) -> None:
    drawn = [("A", -1 - i, 100, 5, "rent", "card", False) for i in range(100)]
    frame = frame_of(drawn).assign(**unfit)
    limits, rows = as_for_many()
    with limits, rows:
        many = features_of(frame)
    assert bits(many) == bits(features_of(frame))
    assert many.loc[1, "money_out"] == pytest.approx(frame["amount"].sum())
    assert many.loc[1, "channels"] == frame["channel"].nunique()


def snapshots_of_a_kind(ledger: Ledger, kind: str) -> pd.DataFrame:
    if kind == "everyone":
        return customers_seen(ledger, ledger.end).sample(frac=1, random_state=0)
    if kind == "some":
        return customers_seen(ledger, ledger.end).iloc[::3]
    if kind == "one without a date":
        found = customers_seen(ledger, ledger.end)
        found.loc[7, "as_of"] = pd.NaT
        return found
    if kind == "earlier":
        return customers_seen(ledger, ledger.first + timedelta(days=40))
    at = [ledger.end, ledger.end - timedelta(days=50)]
    found = pd.concat([customers_seen(ledger, as_of).iloc[:300] for as_of in at])
    nobody = pd.DataFrame({"customer_id": ["nobody"], "as_of": [pd.Timestamp(at[0])]})
    return pd.concat([found, nobody], ignore_index=True)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The sample's ledger, its customers numbered as those of a large file are."""
    home = tmp_path_factory.mktemp("numbered")
    settings = Settings(home=home, models=home, threads=2)
    with mock.patch.object(lines, "LEAST_BYTES", 0):
        dataset = ingest(SAMPLE_FILES[0], settings)
    with open_ledger(dataset, settings) as ledger:
        yield ledger


@pytest.mark.parametrize("many", [False, True], ids=["by SQL", "by loops"])
@pytest.mark.parametrize(
    "kind", ["everyone", "some", "earlier", "one without a date", "two dates, and nobody"]
)
def test_customers_by_number_have_the_same_features_to_the_bit(
    numbered: Ledger, kind: str, many: bool
) -> None:
    assert numbered.key == "customer_number"
    snapshots = snapshots_of_a_kind(numbered, kind)
    categories = frequent_categories(numbered, numbered.end, 10)
    catalogue = build_catalogue(180, numbered.abilities, categories)
    by_name = build_features(replace(numbered, numbered=False), snapshots, catalogue)
    with ExitStack() as contexts:
        for limit in as_for_many(1000) if many else ():
            contexts.enter_context(limit)
        by_number = build_features(numbered, snapshots, catalogue)
    assert bits(by_number) == bits(by_name)


def test_an_erased_customer_leaves_the_numbers_of_the_others(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, models=tmp_path, threads=2)
    with mock.patch.object(lines, "LEAST_BYTES", 0):
        dataset = ingest(SAMPLE_FILES[0], settings)
    tables = []
    for erased in (False, True):
        if erased:
            assert erase_rows(dataset, "C000010", settings)
        with open_ledger(open_dataset(settings, dataset.fingerprint), settings) as ledger:
            snapshots = customers_seen(ledger, dataset.last)
            limits, rows = as_for_many(1000)
            with limits, rows:
                table = build_features(
                    ledger, snapshots, build_catalogue(180, ledger.abilities, ())
                )
        tables.append(table.set_axis(snapshots["customer_id"]))
    assert bits(tables[0].drop("C000010")) == bits(tables[1])


@pytest.mark.parametrize("many", [False, True], ids=["by SQL", "by loops"])
def test_parts_have_the_features_of_the_whole(numbered: Ledger, many: bool) -> None:
    snapshots = snapshots_of_a_kind(numbered, "everyone")
    catalogue = build_catalogue(180, numbered.abilities, ())
    whole = build_features(numbered, snapshots, catalogue)
    # One is left out, as a part that was finished before; the last two are read by themselves.
    parts = [slice(0, 1), slice(1, 500), slice(900, 1000), slice(1000, 2000), slice(2000, 2003)]
    with ExitStack() as contexts:
        contexts.enter_context(mock.patch.object(build, "MOST_AT_ONCE", 1000))
        for limit in as_for_many(300) if many else ():
            contexts.enter_context(limit)
        found = list(features_in_parts(numbered, snapshots, catalogue, parts))
    assert [bits(table) for table in found] == [bits(whole.iloc[part]) for part in parts]


def oracle(own: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, float]:
    """The same features by plain pandas, for one customer's transactions in the window."""
    age = (as_of - own["timestamp"]).dt.total_seconds() / 86400
    amount = own["amount"].to_numpy()
    month = np.minimum((age // 30).astype(int), DAYS // 30 - 1)
    week = np.minimum((age // 7).astype(int), 62)
    paid, received = np.clip(amount, 0, None), np.clip(-amount, 0, None)
    last = (age <= 30).to_numpy()
    n = len(own)

    def ratio(top: float, bottom: float) -> float:
        return top / bottom if bottom else math.nan

    def since(chosen: np.ndarray) -> float:
        return float(age[chosen].min()) if chosen.any() else float(DAYS)

    span = age.max() - age.min()
    monthly = pd.DataFrame({"paid": paid, "received": received}).groupby(month.to_numpy()).sum()
    monthly = monthly.reindex(range(DAYS // 30), fill_value=0.0)
    rest = 30 / (DAYS - 30)
    balance = own["balance"]
    low = (balance < 0).to_numpy()
    recent = balance[last]
    category = own["category"].to_numpy()
    return {
        "recency_days": age.min(),
        "days_since_spend": since(amount > 0),
        "days_since_income": since(amount < 0),
        "tenure_days": age.max(),
        "transactions": n,
        "transactions_last_30d": last.sum(),
        "active_months": month.nunique(),
        "active_weeks": week.nunique(),
        "gap_days_mean": ratio(span, n - 1),
        "overdue_ratio": ratio(age.min() * (n - 1), span),
        "money_out": paid.sum(),
        "money_out_mean": ratio(paid.sum(), (amount > 0).sum()),
        "money_out_max": paid.max(),
        "money_out_last_30d": paid[last].sum(),
        "money_in": received.sum(),
        "money_in_last_30d": received[last].sum(),
        "net_flow": -amount.sum(),
        "net_flow_last_30d": -amount[last].sum(),
        "out_to_in": ratio(paid.sum(), received.sum()),
        "negative_months": (monthly["received"].round(6) < monthly["paid"].round(6)).sum(),
        "income_count": (amount < 0).sum(),
        "income_months": month[amount < 0].nunique(),
        "income_largest": received.max(),
        "balance_min": balance.min(),
        "balance_min_last_30d": recent.min(),
        "balance_mean": balance.mean(),
        "balance_mean_last_30d": recent.mean(),
        "months_below_zero": month[low].nunique(),
        "share_below_zero": ratio(low.sum(), balance.notna().sum()),
        "weekend_share": (own["timestamp"].dt.day_of_week >= 5).mean(),
        "night_share": (own["timestamp"].dt.hour < 6).mean(),
        "refund_share": (category == "refund").mean(),
        "fraud_count": own["is_fraud"].fillna(False).sum(),
        "channels": own["channel"].nunique(),
        "categories": own["category"].nunique(),
        "transactions_trend": last.sum() - (~last).sum() * rest,
        "money_out_trend": paid[last].sum() - paid[~last].sum() * rest,
        "money_in_trend": received[last].sum() - received[~last].sum() * rest,
        "money_out_monthly": paid.sum() * 30 / DAYS,
        "money_out_volatility": ratio(monthly["paid"].std(ddof=0), monthly["paid"].mean()),
        "income_volatility": ratio(monthly["received"].std(ddof=0), monthly["received"].mean()),
        "share_rent": (category == "rent").mean(),
        "amount_food": np.abs(amount[category == "food"]).sum(),
    }


@given(ledgers)
@effort(max_examples=25)
def test_features_are_what_plain_pandas_says(drawn: list[tuple]) -> None:
    frame = frame_of(drawn)
    table = features_of(frame)
    for row, snapshot in SNAPSHOTS.iterrows():
        inside = (
            (frame["customer_id"] == snapshot["customer_id"])
            & (frame["timestamp"] < snapshot["as_of"])
            & (frame["timestamp"] >= snapshot["as_of"] - timedelta(days=DAYS))
        )
        if not inside.any():
            continue
        own = frame[inside].reset_index(drop=True)
        for name, wanted in oracle(own, snapshot["as_of"]).items():
            found = table.loc[row, name]
            assert found == pytest.approx(float(wanted), rel=1e-9, abs=1e-6, nan_ok=True), name


def test_every_declared_feature_has_an_oracle_or_is_of_a_category() -> None:
    frame = frame_of([("A", -5, 100, 1, "rent", "card", True), ("A", -50, -100, 1, "x", "c", None)])
    known = set(oracle(frame, AS_OF))
    left = {name for name in FULL.names if not name.startswith(("share_", "amount_"))} - known
    assert left == set()


def test_silent_customers_take_the_declared_empty_values() -> None:
    table = features_of(frame_of([("A", -100, 100, None, None, None, None)]))
    silent = table.iloc[4]
    for feature in FULL.features:
        wanted = {"zero": 0.0, "window": float(DAYS), "missing": math.nan}[feature.empty]
        assert silent[feature.name] == pytest.approx(wanted, nan_ok=True), feature.name
    assert silent["transactions"] == 0
    assert silent["recency_days"] == DAYS


@pytest.mark.parametrize("absent", ["balance", "category", "channel", "is_fraud"])
def test_an_absent_column_drops_its_features(absent: str) -> None:
    catalogue = build_catalogue(DAYS, EVERYTHING - {absent}, CATEGORIES)
    dropped = {feature.name for feature in FULL.features if absent in feature.needs}
    assert dropped
    assert set(catalogue.names) == set(FULL.names) - dropped
    frame = frame_of([("A", -100, 100, 5, "rent", "card", True)]).drop(columns=absent)
    assert list(features_of(frame, catalogue).columns) == list(catalogue.names)


def test_a_ledger_of_dates_and_amounts_only_is_enough() -> None:
    catalogue = build_catalogue(DAYS, frozenset({"customer_id", "timestamp", "amount"}))
    frame = frame_of([("A", -100, 100, 5, "rent", "card", True)])
    table = features_of(frame[["customer_id", "timestamp", "amount"]], catalogue)
    assert table.loc[1, "money_out"] == 1.0
    assert not {"night_share", "money_in", "balance_min"} & set(table.columns)


def test_the_sample_feeds_at_least_thirty_features(
    dataset: Dataset, shared_settings: Settings
) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        without_categories = build_catalogue(180, ledger.abilities)
    assert len(without_categories.features) >= 30
    assert len(set(without_categories.names)) == len(without_categories.names)


hostile = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda text: "\x00" not in text
)


@given(st.lists(hostile, min_size=1, max_size=4, unique=True))
@example(["BELOW", "below zero"])
@effort(max_examples=12)
def test_category_names_are_only_values(names: list[str]) -> None:
    names = [*names, "'); DROP TABLE transactions; --"]
    frame = frame_of(
        [("A", -i * 3600 - 1, 100 * (i + 1), 5, "x", "c", 0) for i in range(len(names))]
    )
    frame["category"] = names
    table = features_of(frame, build_catalogue(DAYS, EVERYTHING, names))
    shares = [name for name in table.columns if re.match("share_(?!below_zero$)", name)]
    assert len(shares) == len(names)
    assert table.loc[1, shares].tolist() == pytest.approx([1 / len(names)] * len(names))


def test_category_names_with_braces_or_of_a_declared_share_are_told_apart() -> None:
    catalogue = build_catalogue(DAYS, EVERYTHING, ("{x}", "below zero", "{0.__class__}", "a b"))
    assert len(set(catalogue.names)) == len(catalogue.names)
    said = [f.reason.format(value="7") for f in catalogue.features if f.family == "categories"]
    assert said[0] == "7 of the transactions were in the category '{x}'"
    assert "{0.__class__}" in said[4]


def test_frequent_categories_are_counted_before_the_date_only() -> None:
    drawn = [("A", -i, 100, 5, "food", "c", None) for i in range(1, 6)]
    drawn += [("A", -i, 100, 5, "rent", "c", None) for i in range(1, 6)]
    drawn += [("A", -9, 100, 5, "odd", "c", None)]
    drawn += [("A", i, 100, 5, "later", "c", None) for i in range(50)]
    with ledger_of(frame_of(drawn), Settings(threads=1)) as ledger:
        assert frequent_categories(ledger, AS_OF, 2) == ("food", "rent")
        assert frequent_categories(ledger, AS_OF, 9) == ("food", "rent", "odd")
        assert frequent_categories(ledger, AS_OF, 0) == ()


def changed(**kwargs: object) -> Callable[[], Catalogue]:
    return lambda: build_catalogue(**{**{"observation_days": DAYS, "abilities": EVERYTHING,
                                         "categories": CATEGORIES}, **kwargs})  # fmt: skip


def test_the_fingerprint_names_what_decides_the_values() -> None:
    assert changed()().fingerprint == FULL.fingerprint
    others = [
        changed(observation_days=DAYS + 30)(),
        changed(categories=CATEGORIES[::-1])(),
        changed(abilities=EVERYTHING - {"balance"})(),
        FULL.only(FULL.names[:-1]),
    ]
    assert len({FULL.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_every_feature_can_be_explained() -> None:
    assert {column.name for column in COLUMNS} <= EVERYTHING
    for feature in FULL.features:
        assert feature.description.endswith("."), feature.name
        assert feature.reason.format(value="7") != feature.reason, feature.name
        assert set(feature.needs) <= EVERYTHING
