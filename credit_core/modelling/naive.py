"""What a model must beat to be worth anything: the base rate, and the best single feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.labels.samples import DEVELOPMENT, OUT_OF_TIME
from credit_core.modelling.calibration import probability
from credit_core.modelling.estimator import margin
from credit_core.modelling.metrics import auc_difference, auc_interval, log_loss
from credit_core.modelling.scorecard import Scorecard, fit_scorecard
from credit_core.modelling.training import TrainingData, grouped_folds

FloatArray = NDArray[np.float64]
CHANCE = 0.5
_FITTED_ROWS = 50_000
"""A regular part of a large sample is enough for one feature's bins."""


@dataclass(frozen=True)
class Naive:
    """The references of one training: ``rate`` is the development sample's share of bads.

    ``source`` is the feature with the highest information value, None where none says anything;
    ``risk`` its bins' log-odds of each snapshot, shape (n,), out-of-fold for development rows (the
    feature is chosen anew in each fold).
    """

    rate: float
    source: str | None
    risk: FloatArray


def naive_references(data: TrainingData, config: ModelConfig) -> Naive:
    """Fit the references on the development sample."""
    development = data.rows(DEVELOPMENT)
    X, label = data.X[development], data.label[development]
    frame = data.frame.iloc[development].reset_index(drop=True)
    section = config.models.scorecard

    def fit(rows: NDArray[np.int64]) -> Scorecard:
        return fit_scorecard(X[rows], label[rows], data.design, section, most=1)

    def part(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[:: max(1, len(rows) // _FITTED_ROWS)]

    final = fit(part(np.arange(len(label))))
    risk = margin(final, data.X)
    for train, test in grouped_folds(frame, config.training.folds, config.training.seed):
        risk[development[test]] = margin(fit(part(train)), X[test])
    chosen = final.characteristics
    return Naive(float(label.mean()), chosen[0].source if chosen else None, risk)


def against_naive(data: TrainingData, log_odds: FloatArray, naive: Naive) -> dict[str, Any]:
    """Judge a model beside the references on the strictest sample there is.

    Returns
    -------
    dict
        ``sample`` (out_of_time, else cross_validation), n, bads; ``source``; auc, auc_low and
        auc_high of the single feature; ``difference``, ``low``, ``high``: the model's AUC minus
        the feature's (DeLong's paired test); ``log_loss`` of the model and ``base_log_loss`` of
        the base rate; ``refusal``: why the model is not promotable, None where it beats chance and
        both.
    """
    rows, sample = data.rows(OUT_OF_TIME), "out_of_time"
    if len(rows) == 0 or len(np.unique(data.label[rows])) < 2:
        rows, sample = data.rows(DEVELOPMENT), "cross_validation"
    label = data.label[rows]
    alone = auc_interval(label, naive.risk[rows])
    gain = auc_difference(label, log_odds[rows], naive.risk[rows])
    loss = log_loss(label, probability(log_odds[rows]))
    base = log_loss(label, np.full(len(rows), naive.rate))
    own = auc_interval(label, log_odds[rows])
    refusal = None
    if loss >= base:
        refusal = (
            f"It predicts no better than the base rate of {naive.rate:.1%} for everyone: log loss "
            f"{loss:.4f} against {base:.4f} on {len(rows):,} snapshots. Train on more customers or "
            "other features."
        )
    elif own.low <= CHANCE:
        refusal = (
            f"It may rank no better than chance: AUC {own.auc:.3f} ({own.low:.3f} to "
            f"{own.high:.3f}, 95%) on {len(rows):,} snapshots with {own.bads:,} bad. Train on more "
            "customers or other features."
        )
    elif naive.source is not None and gain.difference <= 0:
        refusal = (
            f"It does not beat its best single feature: {naive.source} alone ranks with AUC "
            f"{alone.auc:.3f}, the model {-gain.difference:.3f} lower ({gain.low:+.3f} to "
            f"{gain.high:+.3f}) on the same {len(rows):,} snapshots. Use the feature itself, or "
            "train another family."
        )
    return {
        "sample": sample,
        "n": len(rows),
        "bads": int(label.sum()),
        "source": naive.source,
        "auc": alone.auc,
        "auc_low": alone.low,
        "auc_high": alone.high,
        "difference": gain.difference,
        "low": gain.low,
        "high": gain.high,
        "log_loss": loss,
        "base_log_loss": base,
        "refusal": refusal,
    }
