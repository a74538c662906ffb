"""What screens ask for beside scores: activity, segments, histories, comparisons, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from credit_core import workflows
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.decisions.scoring import SCORE_COLUMNS
from credit_core.errors import InputError
from credit_core.labels.rfm import SEGMENTS, name_segments, quintile_scores
from credit_core.settings import Settings
from credit_core.workflows import comparison
from credit_core.workflows import data as views
from credit_core.workflows.history import monthly_history

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def transactions(simulated: Path) -> pd.DataFrame:
    return pd.read_csv(simulated / "transactions.csv.gz", parse_dates=["timestamp"])


def test_activity_adds_up_to_the_ledger(
    dataset: Dataset, shared_settings: Settings, transactions: pd.DataFrame
) -> None:
    table = views.activity(dataset, shared_settings)
    by_month = transactions.groupby(transactions["timestamp"].dt.to_period("M"))
    assert table["transactions"].tolist() == by_month.size().tolist()
    assert table["customers"].tolist() == by_month["customer_id"].nunique().tolist()
    out = by_month["amount"].apply(lambda amounts: amounts.clip(lower=0).sum())
    np.testing.assert_allclose(table["money_out"], out)
    np.testing.assert_allclose(table["money_out"] - table["money_in"], by_month["amount"].sum())


def test_a_customers_history_leaves_no_month_out(
    dataset: Dataset, shared_settings: Settings, transactions: pd.DataFrame
) -> None:
    gaps = 0
    for customer in transactions["customer_id"].drop_duplicates().head(25):
        own = transactions[transactions["customer_id"] == customer]
        table = monthly_history(dataset, shared_settings, customer)
        months = pd.period_range(own["timestamp"].min(), own["timestamp"].max(), freq="M")
        assert table["month"].dt.to_period("M").tolist() == months.tolist()
        assert table["transactions"].sum() == len(own)
        assert (table["money_out"] - table["money_in"]).sum() == pytest.approx(own["amount"].sum())
        assert table["balance"].iloc[-1] == own.iloc[-1]["balance"]
        gaps += (table["transactions"] == 0).any()
    assert monthly_history(dataset, shared_settings, "nobody").empty
    assert gaps < 25


def test_segments_hold_every_customer_once(dataset: Dataset, shared_settings: Settings) -> None:
    found = workflows.segment(dataset, shared_settings, ModelConfig())
    assert found.table["customer_id"].is_unique
    assert len(found.table) == dataset.customers
    for profile in (found.profile, found.named):
        assert profile["customers"].sum() == dataset.customers
        assert profile["share"].sum() == pytest.approx(1)
    assert set(found.named.iloc[:, 0]) <= {name for name, *_ in SEGMENTS}
    assert (found.quintiles[["r_score", "f_score", "m_score"]].sum() == dataset.customers).all()
    engaged = found.profile.set_index("cluster")
    assert engaged["frequency"].iloc[0] < engaged["frequency"].iloc[-1]


def test_quintiles_score_the_engaged_five() -> None:
    table = pd.DataFrame(
        {
            "recency_days": np.arange(100.0),
            "frequency": np.arange(100.0),
            "monetary": [7.0] * 100,
        }
    )
    scores = quintile_scores(table)
    assert scores["r_score"].iloc[[0, 99]].tolist() == [5, 1]
    assert scores["f_score"].iloc[[0, 99]].tolist() == [1, 5]
    assert scores["m_score"].nunique() == 1, "ties share a score"
    assert scores["r_score"].value_counts().tolist() == [20] * 5


def test_every_score_has_a_segment() -> None:
    grid = pd.MultiIndex.from_product([range(1, 6)] * 3, names=["r_score", "f_score", "m_score"])
    named = name_segments(grid.to_frame(index=False))
    assert set(named) == {name for name, *_ in SEGMENTS}
    by_score = dict(zip(grid, named, strict=True))
    assert by_score[5, 5, 5] == "Champions"
    assert by_score[1, 1, 1] == "Lost"
    assert by_score[1, 5, 5] == "Cannot lose"
    for r, v in [(r, v) for r in range(1, 6) for v in range(1, 6)]:
        holding = [n for n, a, b, c, d in SEGMENTS if a <= r <= b and c <= v <= d]
        assert len(holding) == 1, "no pair of scores has two names, or none"


def test_the_segments_spreads_are_quantiles_of_their_customers(
    dataset: Dataset, shared_settings: Settings
) -> None:
    found = workflows.segment(dataset, shared_settings, ModelConfig())
    for row in found.spreads.itertuples(index=False):
        own = found.table.loc[found.table["cluster"] == row.cluster, row.measure]
        np.testing.assert_allclose(
            [row.p5, row.p25, row.p50, row.p75, row.p95],
            np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95]),
        )


@pytest.mark.parametrize("by", ["segment", "cluster"])
def test_movement_counts_every_customer_of_today_once(
    by: str, dataset: Dataset, shared_settings: Settings, transactions: pd.DataFrame
) -> None:
    config = ModelConfig()
    found = workflows.segment(dataset, shared_settings, config)
    earlier = found.as_of - pd.Timedelta(days=150)
    moved = workflows.move(dataset, shared_settings, config, found, earlier, by)
    assert moved.counts.to_numpy().sum() == dataset.customers
    counted = found.table[by].value_counts()
    assert {name: n for name, n in moved.counts.sum().items() if n} == counted.to_dict()
    seen = transactions.loc[transactions["timestamp"] < earlier, "customer_id"].nunique()
    assert moved.counts.loc["Not yet a customer"].sum() == dataset.customers - seen
    assert 0 < moved.stayed < 1


def test_nobody_moves_within_no_time(dataset: Dataset, shared_settings: Settings) -> None:
    config = ModelConfig()
    found = workflows.segment(dataset, shared_settings, config)
    moment = found.as_of - pd.Timedelta(seconds=1)
    assert workflows.move(dataset, shared_settings, config, found, moment, "cluster").stayed > 0.99
    with pytest.raises(InputError, match="Choose an earlier date after"):
        workflows.move(dataset, shared_settings, config, found, found.as_of, "segment")


def test_looking_at_a_file_stores_nothing(settings: Settings, written: Write) -> None:
    path = written("client,date,amt,note\nA,2024-01-05,1,x\nB,2024-01-06\nC,2024-01-07,2,y\n")
    found = views.look(path, settings)
    assert found.header == ("client", "date", "amt", "note")
    assert found.mapping.columns == {"customer_id": "client", "timestamp": "date", "amount": "amt"}
    assert {e.column: e.confidence for e in found.evidence} == {
        "customer_id": "medium", "timestamp": "medium", "amount": "medium", "date_format": "high",
        "amount_sign": "low",
    }  # fmt: skip
    assert found.rows["client"].tolist() == ["A", "C"]
    assert list(settings.home.iterdir()) == []
    undecided = views.look(written("customer_id,date,amount\nA,03/04/2024,1\n"), settings)
    assert undecided.mapping is None, "a person has to say which is the day"
    assert len(undecided.evidence) == 3


def test_the_leaderboard_says_what_the_registry_says(store) -> None:
    board = comparison.leaderboard(store.observed.versions)
    assert len(board) == sum(len(version.metrics) for version in store.observed.versions)
    for version in store.observed.versions:
        own = board[board["reference"] == version.reference].set_index("sample")
        for sample, metrics in version.metrics.items():
            assert own.loc[sample, "auc"] == metrics["auc"]
            assert own.loc[sample, "n"] == metrics["n"]


@pytest.mark.parametrize("family", ["logistic", "xgboost", "lightgbm", "scorecard"])
def test_evaluations_give_the_recorded_figures_again(family: str, store) -> None:
    version = store.version(family)
    evaluation = pd.read_parquet(version.path / "evaluation.parquet")
    for sample, name in comparison.SAMPLES.items():
        rows = evaluation[evaluation["sample"] == name]
        recorded = version.metrics[sample]
        assert len(rows) == recorded["n"]
        assert rows["label"].sum() == recorded["bads"]
        brier = ((rows["risk"] - rows["label"]) ** 2).mean()
        assert brier == pytest.approx(recorded["brier"])
        if sample != "cross_validation":  # that one is a mean over folds
            assert roc_auc_score(rows["label"], rows["risk"]) == pytest.approx(recorded["auc"])
        curve = comparison.roc_curve(evaluation, sample)
        assert curve.iloc[0].tolist() == [0, 0]
        assert curve.iloc[-1].tolist() == [1, 1]


def test_models_judged_on_one_sample_are_compared_in_pairs(store) -> None:
    first, second = (
        pd.read_parquet(store.version(family).path / "evaluation.parquet")
        for family in ("logistic", "xgboost")
    )
    assert comparison.same_sample([first, second])
    found = comparison.difference(first, second, "out_of_time")
    auc = [
        roc_auc_score(rows["label"], rows["risk"])
        for rows in (e[e["sample"] == "out_of_time"] for e in (first, second))
    ]
    assert found.difference == pytest.approx(auc[0] - auc[1])
    assert found.low <= found.difference <= found.high
    assert comparison.difference(first, second.iloc[:-1], "holdout") is None


def scores(**changes: object) -> pd.DataFrame:
    row = dict.fromkeys(SCORE_COLUMNS, "x") | {
        "as_of": pd.Timestamp("2024-01-05"), "score": 512.125, "risk": 0.1 + 0.2,
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def test_a_scores_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    workflows.write_scores(scores(), path)
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        workflows.write_scores(scores(customer_id=7), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"], "nothing half written is left"


@pytest.mark.parametrize(
    ("name", "says"), [("s.xlsx", "csv or .parquet"), ("nowhere/s.csv", "no folder")]
)
def test_a_scores_file_needs_a_kind_and_a_folder(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        workflows.write_scores(scores(), tmp_path / name)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_texts_are_never_formulas_and_numbers_stay_numbers(start: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    frame = scores(customer_id=f"{start}1", reason_2=f"{start}cmd", score=-5.5)
    workflows.write_scores(frame, path)
    found = pd.read_csv(path, dtype={"customer_id": "str"})
    shown = start.replace("\r", " ")
    assert found["customer_id"][0] == f"'{shown}1"
    assert found["reason_2"][0] == f"'{shown}cmd"
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    assert found["score"][0] == -5.5
    assert found["risk"][0] == 0.1 + 0.2, "every digit is there"


def test_a_summary_of_scores_counts_everyone(store) -> None:
    frame = workflows.score_dataset(store.dataset, store.settings).frame
    found = workflows.summarise_scores(frame)
    assert sum(row["n"] for row in found["decisions"]) == len(frame)
    assert sum(row["n"] for row in found["scores"]) == len(frame)
    for row in found["scores"]:
        inside = frame["score"].between(row["low"], row["low"] + 10, inclusive="left")
        assert inside.sum() == row["n"]
