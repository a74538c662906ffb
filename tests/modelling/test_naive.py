"""A model that says no more than its best feature, or than the base rate, is not promotable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from credit_core.config import ModelConfig
from credit_core.labels.samples import DEVELOPMENT, OUT_OF_TIME
from credit_core.modelling.design import fit_design
from credit_core.modelling.metrics import auc_interval
from credit_core.modelling.naive import Naive, against_naive, naive_references
from credit_core.modelling.training import TrainingData

CONFIG = ModelConfig().replacing(training={"folds": 3})


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Two equally telling features; the last quarter lies out of time."""
    rng = np.random.default_rng(0)
    n = 4000
    table = pd.DataFrame({"one": rng.normal(size=n), "two": rng.normal(size=n)})
    risk = table["one"] * 1.2 + table["two"] - 1.5
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "as_of": pd.Timestamp("2024-01-01"),
            "label": (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64),
            "sample": np.where(np.arange(n) < 3000, DEVELOPMENT, OUT_OF_TIME),
        }
    )
    design = fit_design(table, frozenset(), 2)
    return TrainingData(design.matrix(table), frame, design, None)


@pytest.fixture(scope="module")
def naive(data: TrainingData) -> Naive:
    return naive_references(data, CONFIG)


def truth(data: TrainingData) -> np.ndarray:
    return 1.2 * data.X[:, 0] + data.X[:, 1] - 1.5


def test_the_best_feature_is_found_and_judged_on_rows_it_did_not_see(data, naive) -> None:
    assert naive.source == "one"
    found = against_naive(data, truth(data), naive)
    rows = data.rows(OUT_OF_TIME)
    assert (found["sample"], found["n"]) == ("out_of_time", len(rows))
    assert found["auc"] == pytest.approx(
        auc_interval(data.label[rows], data.X[rows, 0]).auc, abs=0.02
    )
    assert found["refusal"] is None
    assert found["low"] > 0, "two features are clearly better than one"
    assert found["log_loss"] < found["base_log_loss"]


def test_a_model_that_is_its_best_feature_is_refused(data, naive) -> None:
    found = against_naive(data, naive.risk, naive)
    assert found["difference"] == 0
    assert "one alone ranks with AUC" in found["refusal"]


def test_a_model_worse_than_the_base_rate_is_refused(data, naive) -> None:
    found = against_naive(data, -3 * truth(data), naive)
    assert "no better than the base rate" in found["refusal"]
    assert f"{naive.rate:.1%}" in found["refusal"]
    everyone = np.full(len(data.frame), np.log(naive.rate / (1 - naive.rate)))
    assert against_naive(data, everyone, naive)["refusal"] is not None


def test_without_a_later_cohort_the_folds_judge(data) -> None:
    early = replace(data, frame=data.frame.assign(sample=DEVELOPMENT))
    naive = naive_references(early, CONFIG)
    found = against_naive(early, truth(early), naive)
    assert (found["sample"], found["n"]) == ("cross_validation", len(early.frame))


def test_noise_has_no_best_feature() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"noise": rng.normal(size=600)})
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(600)],
            "as_of": pd.Timestamp("2024-01-01"),
            "label": np.arange(600) % 2,
            "sample": DEVELOPMENT,
        }
    )
    design = fit_design(table, frozenset(), 2)
    data = TrainingData(design.matrix(table), frame, design, None)
    strict = CONFIG.replacing(models={"scorecard": {"min_iv": 0.3}})
    naive = naive_references(data, strict)
    assert naive.source is None
    assert "base rate" in against_naive(data, table["noise"].to_numpy(), naive)["refusal"]
