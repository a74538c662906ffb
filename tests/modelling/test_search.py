"""The search keeps its budget, starts from what is given, and finds the same settings twice."""

from __future__ import annotations

from typing import Any

import pytest

from credit_core.config import ModelConfig
from credit_core.modelling.search import search

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def searched(
    family: str, trials: int, **settings: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    given = {**getattr(ModelConfig().models, family).model_dump(), **settings}
    tried: list[dict[str, Any]] = []

    def loss(settings: dict[str, Any], trial: int) -> float:
        assert trial == len(tried)
        tried.append(settings)
        return abs(settings["max_depth"] - 5) + settings["subsample"]

    return search(family, given, loss, trials, seed=3), tried


@pytest.mark.parametrize("family", ["xgboost", "lightgbm"])
def test_the_best_of_the_budget_is_found_and_valid(family: str) -> None:
    best, tried = searched(family, 12)
    given = getattr(ModelConfig().models, family).model_dump()
    assert len(tried) == 12
    assert tried[0] == {name: given[name] for name in tried[0]}
    assert best == min(tried, key=lambda one: abs(one["max_depth"] - 5) + one["subsample"])
    assert best != tried[0]
    ModelConfig().replacing(models={family: best})
    assert searched(family, 12) == (best, tried), "the same seed finds the same"


def test_one_trial_is_what_was_given() -> None:
    best, tried = searched("xgboost", 1)
    assert [best] == tried


def test_what_was_given_is_tried_first_though_outside_the_usual_ranges() -> None:
    settings = {"subsample": 0.1, "reg_lambda": 0.0, "min_child_weight": 500.0}
    best, tried = searched("xgboost", 10, **settings)
    assert {name: tried[0][name] for name in settings} == settings
    assert all(0 <= one["reg_lambda"] <= 50 for one in tried)
    ModelConfig().replacing(models={"xgboost": best})
