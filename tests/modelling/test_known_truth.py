"""A simulation whose true risks are known: calibration must hold out of time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from credit_core.config import ModelConfig
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME
from credit_core.modelling.calibration import calibration_slope, probability
from credit_core.modelling.design import fit_design
from credit_core.modelling.metrics import auc_interval
from credit_core.modelling.training import REPEATS, TrainingData, repeats_for, train_family

CONFIG = ModelConfig().replacing(training={"folds": 3})


@pytest.fixture(scope="module")
def simulated() -> tuple[TrainingData, np.ndarray]:
    """12,000 snapshots with true log-odds; the features drift a little out of time."""
    rng = np.random.default_rng(11)
    n = 12_000
    later = np.arange(n) >= 8000
    balance = rng.normal(np.where(later, -0.2, 0.0), 1.0)
    overdrafts = rng.poisson(np.where(later, 1.2, 1.0)).astype(float)
    noise = rng.normal(size=n)
    truth = -2.0 - 0.9 * balance + 0.5 * overdrafts
    table = pd.DataFrame({"balance": balance, "overdrafts": overdrafts, "noise": noise})
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "as_of": pd.Timestamp("2024-01-01"),
            "label": (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.int64),
            "sample": np.select(
                [later, np.arange(n) % 5 == 0], [OUT_OF_TIME, HOLDOUT], DEVELOPMENT
            ),
        }
    )
    design = fit_design(table, frozenset(), 2)
    return TrainingData(design.matrix(table), frame, design, None), truth


@pytest.mark.parametrize(("asked", "used"), [("auto", "balanced"), ("none", "none")])
@pytest.mark.parametrize("family", ["scorecard", "logistic", "xgboost", "lightgbm"])
def test_calibrated_risks_have_slope_one_out_of_time(
    family: str, asked: str, used: str, simulated
) -> None:
    """However classes were weighed, risks are those of the population, which has a tenth bad."""
    data, truth = simulated
    config = CONFIG.replacing(training={"class_weights": asked})
    model = train_family(family, data, config, 1, lambda share, text: None)
    assert model.parameters["class_weights"] == used
    later = data.rows(OUT_OF_TIME)
    risk = probability(model.log_odds[later])
    assert risk.mean() == pytest.approx(data.label[later].mean(), rel=0.1)
    slope, low, high = calibration_slope(data.label[later], model.log_odds[later])
    assert 0.9 <= slope <= 1.1
    assert low < 1 < high
    assert model.metrics["out_of_time"].slope == pytest.approx(slope, rel=1e-6)
    assert np.corrcoef(model.log_odds[later], truth[later])[0, 1] > 0.95


@pytest.mark.parametrize("family", ["xgboost", "lightgbm"])
def test_with_many_rows_longer_steps_lead_to_the_same_scores(family: str, simulated) -> None:
    data, _ = simulated
    config = CONFIG.replacing(training={"many_rows": 1_000})
    few, many = (
        train_family(family, data, chosen, 1, lambda share, text: None)
        for chosen in (CONFIG, config)
    )
    assert many.parameters["learning_rate"] == 2 * few.parameters["learning_rate"]
    assert many.parameters["max_rounds"] == few.parameters["max_rounds"] // 2
    assert many.parameters["rounds"] < few.parameters["rounds"]
    later = data.rows(OUT_OF_TIME)
    assert np.corrcoef(many.log_odds[later], few.log_odds[later])[0, 1] > 0.99
    gained = many.metrics["out_of_time"].auc - few.metrics["out_of_time"].auc
    assert abs(gained) < 0.005


def test_a_search_is_told_trial_by_trial_and_keeps_what_it_does_not_choose(simulated) -> None:
    data, _ = simulated
    config = CONFIG.replacing(
        training={"search_trials": 3}, models={"lightgbm": {"max_rounds": 20, "early_stopping": 3}}
    )
    steps: list[str] = []
    model = train_family("lightgbm", data, config, 1, lambda share, text: steps.append(text))
    assert [step for step in steps if "search" in step] == [
        f"lightgbm: search, trial {i} of 3" for i in (1, 2, 3)
    ]
    assert (model.parameters["max_rounds"], model.parameters["early_stopping"]) == (20, 3)


def test_a_small_sample_is_cross_validated_again_and_again(simulated) -> None:
    data, _ = simulated
    few = np.flatnonzero(data.frame["sample"] == DEVELOPMENT)[:400]
    small = TrainingData(
        data.X[few], data.frame.iloc[few].reset_index(drop=True), data.design, None
    )
    steps: list[str] = []
    model = train_family("logistic", small, CONFIG, 1, lambda share, text: steps.append(text))
    assert repeats_for(small.label) == REPEATS
    assert model.parameters["class_weights"] == "none", "each of few bads would be followed"
    assert sum("fold" in step for step in steps) == REPEATS * CONFIG.training.folds
    assert any(f"repeat {REPEATS} of {REPEATS}" in step for step in steps)
    pooled = auc_interval(small.label, model.log_odds)
    found = model.metrics["cross_validation"]
    assert found.n == len(few)
    assert found.auc_high - found.auc_low == pytest.approx(pooled.high - pooled.low, rel=0.35)
    assert repeats_for(data.label) == 1
