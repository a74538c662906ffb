"""Folds that run side by side give what they give one after the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from credit_core.config import ModelConfig
from credit_core.modelling.design import fit_design
from credit_core.modelling.training import TrainingData, train_family


@pytest.mark.parametrize("family", ["logistic", "scorecard"])
def test_one_worker_and_two_give_the_same_bits(family: str) -> None:
    rng = np.random.default_rng(0)
    n = 900
    table = pd.DataFrame(rng.normal(size=(n, 5)), columns=list("abcde"))
    label = (rng.random(n) < 1 / (1 + np.exp(1.5 - table["a"] - 0.5 * table["b"]))).astype(int)
    sample = np.where(np.arange(n) % 5 == 0, "holdout", "development")
    frame = pd.DataFrame(
        {"customer_id": [f"{i:04}" for i in range(n)], "label": label, "sample": sample}
    )
    design = fit_design(table, frozenset(), 12)
    data = TrainingData(design.matrix(table), frame, design, None)
    config = ModelConfig().replacing(training={"bootstraps": 0})
    said: list[str] = []
    one, two = (
        train_family(family, data, config, threads, lambda _share, words: said.append(words))
        for threads in (1, 2)
    )
    assert one.log_odds.tobytes() == two.log_odds.tobytes()
    assert one.estimator.files() == two.estimator.files()
    assert f"{family}: fold 5 of 5 judged" in said
