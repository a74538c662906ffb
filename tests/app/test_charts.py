"""Figures about models and scores: tables in, figures out."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from app.charts import models, overlays, scores
from credit_core import workflows
from credit_core.modelling.metrics import auc_difference, auc_interval, calibration_table
from credit_core.workflows import Explanation, comparison


@pytest.fixture(scope="module")
def explained(store) -> Explanation:
    version = store.version("lightgbm")
    return workflows.explain(
        store.dataset, store.settings, _first_customer(store), model=version.reference
    )


def _first_customer(store) -> str:
    frame = workflows.score_dataset(store.dataset, store.settings).frame
    return str(frame["customer_id"].iloc[0])


@pytest.fixture(scope="module")
def board(store) -> pd.DataFrame:
    return comparison.leaderboard(store.observed.versions)


def test_base_and_contributions_are_the_score(explained):
    total = explained.base + sum(part.points for part in explained.contributions)
    assert total == pytest.approx(explained.score, abs=1e-9)


@pytest.mark.parametrize("most", [1, 8, 500])
def test_waterfall_steps_add_up_to_the_score(explained, most):
    steps = scores.waterfall_steps(explained, most)
    assert steps[0].points == explained.base
    assert steps[-1].points == explained.score
    assert sum(step.points for step in steps[:-1]) == pytest.approx(explained.score, abs=1e-9)
    shown = len(explained.contributions) if most == 500 else most
    assert len(steps) == shown + 2 + (most < len(explained.contributions))


def test_waterfall_shows_the_largest_factors_first(explained):
    sizes = [abs(step.points) for step in scores.waterfall_steps(explained, 5)[1:6]]
    assert sizes == sorted(sizes, reverse=True)
    drawn = scores.waterfall(explained, 5).data[0]
    assert list(drawn.measure) == ["absolute", *["relative"] * 6, "total"]
    assert drawn.text[-1] == f"{explained.score:.1f}"


@pytest.mark.parametrize(("score", "low", "high"), [(553.0, 300, 850), (210.0, 200, 850)])
def test_score_scale_is_never_clipped(score, low, high):
    drawn = scores.score_scale(score, 557.0, 515.0, "#000000")
    assert tuple(drawn.layout.xaxis.range) == (low, high)
    assert f"<b>{score:.0f}</b>" in [note.text for note in drawn.layout.annotations]


def test_score_scale_without_a_refer_zone_has_two_zones():
    drawn = scores.score_scale(600.0, 550.0, 550.0, "#000000")
    assert sum(trace.type == "bar" for trace in drawn.data) == 2


def test_history_marks_what_the_score_saw():
    months = pd.DataFrame(
        {
            "month": pd.date_range("2024-01-01", periods=3, freq="MS"),
            "money_in": [100.0, 0.0, 300.0],
            "money_out": [150.0, 20.0, 10.0],
            "transactions": [3, 1, 2],
            "balance": [np.nan, np.nan, np.nan],
        }
    )
    whole = "More went out than came in during 2 of 3 months"
    assert scores.history_finding(months, None) == whole
    assert scores.history_finding(months, datetime(2024, 3, 15)) == whole
    assert scores.history_finding(months, datetime(2023, 1, 1)).startswith("No transaction before")
    assert scores.history_finding(months, datetime(2024, 2, 1)) == (
        "More went out than came in during 1 of 1 month before the score; 2 months came after it"
    )
    drawn = scores.history(months, datetime(2024, 3, 15), 30)
    assert "30 days up to 15 March 2024" in drawn.layout.xaxis.title.text
    assert [trace.name for trace in drawn.data] == ["Money in", "Money out"]
    assert len(scores.history(months.assign(balance=1.0), None, 30).data) == 3


def test_decisions_count_every_customer():
    table = pd.DataFrame(
        {"band": ["A", "E", "E"], "decision": ["approve", "refer", "decline"], "n": [6, 1, 3]}
    )
    drawn = scores.decisions(table)
    assert sum(sum(trace.y) for trace in drawn.data) == 10
    assert drawn.layout.title.text == "6 of 10 would be approved (60%)"


def test_distribution_names_the_median_bin():
    table = pd.DataFrame({"low": [500, 510, 520], "n": [1, 3, 1]})
    drawn = scores.distribution(table, 530.0, 505.0)
    assert drawn.layout.title.text == "Half of the 5 customers score below 520"
    assert sum(drawn.data[0].y) == 5


def test_auc_intervals_draw_every_model_and_sample(board):
    drawn = models.auc_intervals(board)
    assert sum(len(trace.x) for trace in drawn.data) == len(board)
    trace = drawn.data[0]
    assert np.all(np.asarray(trace.error_x.array) >= 0)
    assert np.all(np.asarray(trace.error_x.arrayminus) >= 0)


def test_a_circular_model_is_marked_and_never_called_the_best(board):
    best = board["reference"].iloc[0]
    rows = board.assign(circular=board["reference"] == best)
    rows.loc[rows["circular"], ["auc", "mark"]] = [1.0, "circular"]
    assert best not in models.auc_finding(rows)
    drawn = models.auc_intervals(rows)
    assert any("(circular)" in label for label in drawn.layout.yaxis.ticktext)
    assert "means nothing" not in models.auc_finding(rows)
    assert "mean nothing" in models.auc_finding(rows.assign(circular=True))


def test_roc_and_calibration_come_from_the_same_rows(store):
    version = store.version("logistic")
    rows = pd.read_parquet(version.path / "evaluation.parquet")
    curve = comparison.roc_curve(rows, "holdout", most=50)
    assert len(curve) <= 50
    assert curve.iloc[0].tolist() == [0.0, 0.0]
    assert curve.iloc[-1].tolist() == [1.0, 1.0]
    tenths = comparison.calibration(rows, "holdout")
    metrics = version.metrics["holdout"]
    assert tenths["n"].sum() == metrics["n"]
    assert tenths["bads"].sum() == metrics["bads"]
    shares = comparison.score_shares(rows, "holdout", store.bundle("logistic"))
    assert shares["bads"].sum() == metrics["bads"]
    assert shares["goods_share"].sum() == pytest.approx(1.0)
    for drawn in (
        models.roc({"logistic": curve}, "title"),
        models.calibration({"logistic": tenths}, "title"),
        models.score_shares(shares, "title", 550.0),
    ):
        assert drawn.layout.title.text == "title"
        assert drawn.layout.xaxis.title.text
        assert drawn.layout.yaxis.title.text


def test_evidence_pairs_models_of_one_training_only(store):
    first, second = store.observed.versions[:2]

    def rows(version):
        return pd.read_parquet(version.path / "evaluation.parquet")

    table = comparison.evidence(second, first, rows)
    strict = table[table["sample"] == "holdout"].iloc[0]
    gap = second.metrics["holdout"]["auc"] - first.metrics["holdout"]["auc"]
    assert strict["difference"] == pytest.approx(gap)
    assert strict["difference_low"] <= strict["difference"] <= strict["difference_high"]
    other = comparison.evidence(second, store.proxy.versions[0], rows)
    assert other["difference"].isna().all()
    assert comparison.evidence(second, None, rows)["champion_auc"].isna().all()


def test_auc_difference_agrees_with_the_two_aucs():
    drawn = np.random.default_rng(3)
    label = (drawn.random(400) < 0.3).astype(np.int64)
    first = label + drawn.normal(0, 1, 400)
    second = label + drawn.normal(0, 2, 400)
    found = auc_difference(label, first, second)
    alone = auc_interval(label, first).auc - auc_interval(label, second).auc
    assert found.difference == pytest.approx(alone)
    assert found.clear
    assert not auc_difference(label, first, first + 0.0).clear


def test_calibration_intervals_hold_the_observed_share():
    drawn = np.random.default_rng(4)
    risk = drawn.random(1000)
    table = calibration_table((drawn.random(1000) < risk).astype(np.int64), risk)
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()
    assert table["predicted"].is_monotonic_increasing


def test_overlays_show_every_model_with_what_its_figure_says() -> None:
    ks_curve = pd.DataFrame(
        {
            "population_share": [0.0, 0.3, 1.0],
            "bads_share": [0.0, 0.8, 1.0],
            "goods_share": [0.0, 0.2, 1.0],
            "distance": [0.0, 0.6, 0.0],
        }
    )
    made = overlays.ks({"a<b": ks_curve, "c": ks_curve}, "KS")
    tops = [trace for trace in made.data if trace.mode == "markers"]
    assert [(trace.x[0], trace.y[0]) for trace in tops] == [(0.3, 0.6)] * 2
    lines = [trace for trace in made.data if trace.mode == "lines"]
    assert [trace.name for trace in lines] == ["a&lt;b", "c"]
    assert lines[0].line.dash != lines[1].line.dash, "told apart without colour"
    curve = pd.DataFrame({"recall": [0.5, 1.0], "precision": [0.9, 0.3]})
    chance = overlays.precision({"a": curve}, "Precision", 0.3)
    assert chance.layout.shapes[0].y0 == 0.3
