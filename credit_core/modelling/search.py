"""A search for a boosted family's settings with a budget of trials; off unless asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Loss = Callable[[dict[str, Any], int], float]
"""From settings and the number of the trial to the cross-validated log loss."""
_EVERY: dict[str, tuple[float, float, bool]] = {
    "max_depth": (1, 6, False),
    "subsample": (0.5, 1.0, False),
    "colsample": (0.2, 1.0, False),
    "reg_lambda": (0.1, 50.0, True),
}
"""Smallest, largest, and whether the search goes by the logarithm."""
_OWN: dict[str, dict[str, tuple[float, float, bool]]] = {
    "xgboost": {"min_child_weight": (0.5, 50.0, True)},
    "lightgbm": {"num_leaves": (2, 32, False), "min_child_samples": (5, 200, True)},
}


def search(
    family: str, given: dict[str, Any], loss: Loss, trials: int, seed: int
) -> dict[str, Any]:
    """Return the settings with the smallest loss, the given ones being the first that are tried.

    By Optuna's tree-structured Parzen estimator, one trial after the other: the same seed and
    data give the same settings. The budget counts trials, for a limit of time would not.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    searched = [*_EVERY, *_OWN[family]]
    study.enqueue_trial({name: given[name] for name in searched})
    study.optimize(lambda trial: loss(_suggested(family, given, trial), trial.number), trials)
    return dict(study.best_params)


def _suggested(family: str, given: dict[str, Any], trial: Any) -> dict[str, Any]:
    """Return one trial's settings; trees stay shallow, for they must be explained.

    A given value outside a setting's range widens it, or it could not be the first one tried.
    """
    found: dict[str, Any] = {}
    for name, (low, high, log) in {**_EVERY, **_OWN[family]}.items():
        suggest = trial.suggest_int if isinstance(low, int) else trial.suggest_float
        low, high = min(low, given[name]), max(high, given[name])
        found[name] = suggest(name, low, high, log=log and low > 0)
    return found
