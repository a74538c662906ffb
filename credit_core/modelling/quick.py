"""The quick model behind the checks: LightGBM of sixty rounds, fitted on half of the customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import LightGBMConfig
from credit_core.labels.samples import DEVELOPMENT, OUT_OF_TIME, LabelledSnapshots
from credit_core.modelling.boosting import fit_lightgbm
from credit_core.modelling.metrics import LEVEL, Auc, auc_interval, mean_auc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FEWEST = 20
"""Rows of the rarer label below which an AUC would say nothing."""
_ROUNDS = 60


@dataclass(frozen=True)
class Quick:
    """Fits the checks' model; one thread, for on so few rows two only wait for each other."""

    seed: int

    def fit(self, X: FloatArray, label: IntArray) -> Callable[[FloatArray], FloatArray]:
        """Return what gives rows their scores (log-odds of being bad), shape (rows,)."""
        import lightgbm as lgb

        fitted = fit_lightgbm(X, label, LightGBMConfig(), seed=self.seed, threads=1, rounds=_ROUNDS)
        booster = lgb.Booster(model_str=fitted.estimator.files()["model.txt"].decode())
        return lambda rows: np.asarray(booster.predict(rows, raw_score=True, num_threads=1))

    def half(self, customers: pd.Series) -> NDArray[np.bool_]:
        """Return True for the rows of a random half of the customers."""
        codes, distinct = pd.factorize(customers, sort=True)
        return (np.random.default_rng(self.seed).permutation(len(distinct)) % 2 == 0)[codes]

    def cross_fitted(
        self, X: FloatArray, label: IntArray, customers: pd.Series, level: float = LEVEL
    ) -> Auc:
        """Return the AUC of one half of the customers fitted and the other tested, both ways."""
        half = self.half(customers)
        parts = []
        for fitted, tested in ((half, ~half), (~half, half)):
            model = self.fit(X[fitted], label[fitted])
            parts.append(auc_interval(label[tested], model(X[tested])))
        return mean_auc(parts, level)


def rarer(label: IntArray) -> int:
    """Return how many rows the rarer label has."""
    bads = int(label.sum())
    return min(bads, len(label) - bads)


def one_cohort(
    labels: LabelledSnapshots, most: int, seed: int, *, out_of_time: bool = False
) -> LabelledSnapshots:
    """Return up to ``most`` snapshots of one cohort, one a customer, all marked development.

    The latest development cohort (with its hold-out), or the one out of time. Observed outcomes
    have no cohorts: theirs is every application that is in time, or every one out of time. The
    index keeps the rows' places in ``labels.frame``.
    """
    frame = labels.frame
    late = frame["sample"] == OUT_OF_TIME
    frame = frame[late] if out_of_time else frame[~late]
    if labels.is_proxy and not out_of_time:
        frame = frame[frame["as_of"] == frame["as_of"].max()]
    if len(frame) > most:
        chosen = np.random.default_rng(seed).choice(len(frame), most, replace=False)
        frame = frame.iloc[np.sort(chosen)]
    return replace(labels, frame=frame.assign(sample=DEVELOPMENT))


def auc_facts(found: Auc) -> dict[str, Any]:
    """Return an AUC as JSON-ready facts: auc, auc_low, auc_high, n, bads."""
    return {
        "auc": found.auc,
        "auc_low": found.low,
        "auc_high": found.high,
        "n": found.n,
        "bads": found.bads,
    }
