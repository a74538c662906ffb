"""Observed outcomes: each at its own date, the latest fifth out of time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from credit_core.config import ModelConfig
from credit_core.data.intake import ingest
from credit_core.data.ledger import open_ledger
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.features.build import build_features
from credit_core.features.catalogue import build_catalogue
from credit_core.labels.observed import observed_labels
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME
from credit_core.settings import Settings

CONFIG = ModelConfig()


def test_every_outcome_is_a_snapshot_and_the_latest_fifth_is_out_of_time(
    dataset: Dataset, shared_settings: Settings
) -> None:
    given = pd.read_parquet(dataset.applications_path)
    with open_ledger(dataset, shared_settings) as ledger:
        labels = observed_labels(dataset, ledger, CONFIG)
    frame = labels.frame
    merged = frame.merge(given, on=["customer_id", "as_of"])
    assert len(merged) == len(frame) == given["outcome"].notna().sum()
    assert (merged["label"] == merged["outcome"]).all()
    late = frame["sample"] == OUT_OF_TIME
    assert frame.loc[late, "as_of"].min() > frame.loc[~late, "as_of"].max()
    assert late.mean() == pytest.approx(0.2, abs=0.02)
    held = set(frame.loc[frame["sample"] == HOLDOUT, "customer_id"])
    assert held.isdisjoint(frame.loc[frame["sample"] == DEVELOPMENT, "customer_id"])
    assert labels.question == "default"
    assert not labels.is_proxy


def test_features_stop_before_each_customers_own_date(
    dataset: Dataset, shared_settings: Settings
) -> None:
    with open_ledger(dataset, shared_settings) as ledger:
        labels = observed_labels(dataset, ledger, CONFIG)
        catalogue = build_catalogue(labels.observation_days, ledger.abilities)
        table = build_features(ledger, labels.frame, catalogue)
        ledger.run(
            "CREATE TEMP TABLE truncated AS SELECT t.* FROM transactions t JOIN "
            "(SELECT customer_id, as_of FROM read_parquet($path)) a USING (customer_id) "
            "WHERE t.timestamp < a.as_of",
            {"path": str(dataset.applications_path)},
        )
        past = replace(ledger, relation="truncated")
        again = build_features(past, labels.frame, catalogue)
    pd.testing.assert_frame_equal(table, again, check_exact=True)
    assert table["recency_days"].min() > 0


def applications(settings: Settings, tmp_path, lines: list[str]) -> Dataset:
    path = tmp_path / "applications.csv"
    path.write_text("\n".join(["customer_id,as_of,outcome,x", *lines]) + "\n", encoding="utf-8")
    return ingest(None, settings, applications=path)


def test_rows_without_an_outcome_are_no_snapshots(settings: Settings, tmp_path) -> None:
    lines = [f"C{i},2024-01-{i % 28 + 1:02d},{'' if i % 5 == 0 else i % 2},1" for i in range(100)]
    labels = observed_labels(applications(settings, tmp_path, lines), None, CONFIG)
    assert len(labels.frame) == 80


def test_of_a_hundred_dates_the_last_twenty_are_out_of_time(settings: Settings, tmp_path) -> None:
    dates = pd.date_range("2024-01-01", periods=100).strftime("%Y-%m-%d")
    lines = [f"C{i},{date},{i % 2},1" for i, date in enumerate(dates)]
    frame = observed_labels(applications(settings, tmp_path, lines), None, CONFIG).frame
    late = frame.loc[frame["sample"] == OUT_OF_TIME, "as_of"]
    assert sorted(late.dt.strftime("%Y-%m-%d")) == list(dates[80:])


@pytest.mark.parametrize(
    ("outcomes", "says"), [(["0"] * 30, "every outcome is the same"), ([""] * 30, "no outcome")]
)
def test_outcomes_that_teach_nothing_are_refused(
    outcomes: list[str], says: str, settings: Settings, tmp_path
) -> None:
    lines = [f"C{i},2024-01-05,{outcome},1" for i, outcome in enumerate(outcomes)]
    with pytest.raises(InputError, match=says):
        observed_labels(applications(settings, tmp_path, lines), None, CONFIG)


def test_without_differing_dates_nothing_is_out_of_time(settings: Settings, tmp_path) -> None:
    lines = [f"C{i},2024-01-05,{i % 2},1" for i in range(60)]
    labels = observed_labels(applications(settings, tmp_path, lines), None, CONFIG)
    assert set(labels.frame["sample"]) == {DEVELOPMENT, HOLDOUT}
    assert np.mean(labels.frame["sample"] == HOLDOUT) == pytest.approx(0.2)


def test_applicants_unknown_to_the_ledger_are_counted(settings: Settings, tmp_path) -> None:
    ledger_file = tmp_path / "t.csv"
    ledger_file.write_text(
        "customer_id,timestamp,amount\nA,2024-01-05,1\nB,2024-02-05,2\n", encoding="utf-8"
    )
    path = tmp_path / "a.csv"
    path.write_text(
        "customer_id,as_of,outcome\nA,2024-01-31,0\nB,2024-01-31,1\nZ,2024-01-31,1\n"
        "A,2025-01-31,1\n",
        encoding="utf-8",
    )
    dataset = ingest(ledger_file, settings, applications=path)
    with open_ledger(dataset, settings) as ledger:
        report = observed_labels(dataset, ledger, CONFIG).report
    assert report["without_any_transaction"] == 1
    assert report["without_history_before_as_of"] == 1
    assert report["as_of_after_the_ledger"] == 1
    counted = ("with_history", "thin_file", "without_history_before_as_of", "before_the_ledger")
    assert sum(report[name] for name in (*counted, "without_any_transaction")) == 4


def test_every_application_is_in_one_place_of_the_matching_report(
    dataset: Dataset, shared_settings: Settings
) -> None:
    transactions = pd.read_parquet(dataset.transactions_path)
    with open_ledger(dataset, shared_settings) as ledger:
        labels = observed_labels(dataset, ledger, CONFIG)
    report, days = labels.report, pd.Timedelta(days=labels.observation_days)
    seen = transactions.groupby("customer_id")["timestamp"]
    first, moments = seen.min(), dict(list(seen))
    expected = dict.fromkeys(("unknown", "silent", "thin", "history"), 0)
    for row in labels.frame.itertuples():
        if row.customer_id not in moments:
            expected["unknown"] += 1
        elif first[row.customer_id] >= row.as_of:
            expected["silent"] += 1
        else:
            own = moments[row.customer_id]
            inside = ((own >= row.as_of - days) & (own < row.as_of)).sum()
            expected["thin" if inside < CONFIG.policy.thin_file_transactions else "history"] += 1
    assert report["without_any_transaction"] == expected["unknown"]
    assert (
        report["without_history_before_as_of"] + report["before_the_ledger"] == (expected["silent"])
    )
    assert report["thin_file"] == expected["thin"]
    assert report["with_history"] == expected["history"]


def test_a_decision_before_the_ledger_begins_is_counted_apart(settings: Settings, tmp_path) -> None:
    ledger_file = tmp_path / "t.csv"
    ledger_file.write_text(
        "customer_id,timestamp,amount\nA,2024-01-05,1\nB,2024-02-05,2\n", encoding="utf-8"
    )
    path = tmp_path / "a.csv"
    path.write_text(
        "customer_id,as_of,outcome\nA,2023-12-31,0\nB,2024-01-20,1\nA,2024-01-20,1\n",
        encoding="utf-8",
    )
    dataset = ingest(ledger_file, settings, applications=path)
    with open_ledger(dataset, settings) as ledger:
        report = observed_labels(dataset, ledger, CONFIG).report
    assert report["before_the_ledger"] == 1
    assert report["without_history_before_as_of"] == 1
    assert report["thin_file"] == 1
