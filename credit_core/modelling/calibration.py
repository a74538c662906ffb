"""Platt's line: calibrated log-odds = intercept + slope x margin.

A line keeps contributions additive: each one is multiplied by the slope and stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A line from a model's margin to the calibrated log-odds of being bad."""

    intercept: float
    slope: float

    def log_odds(self, margin: FloatArray) -> FloatArray:
        return self.intercept + self.slope * margin


def fit_platt(margin: FloatArray, label: NDArray[np.int64]) -> Calibration:
    """Fit the line by maximum likelihood on out-of-fold margins, shape (n,), and labels, (n,).

    A model whose margin does not rise with risk gets slope 0: the base rate for everyone.
    Platt (1999), without his target smoothing.
    """
    from sklearn.linear_model import LogisticRegression

    spread = float(margin.std())
    rate = float(label.mean())
    flat = Calibration(float(np.log(rate / (1 - rate))), 0.0)
    if spread == 0:
        return flat
    centre = float(margin.mean())
    scaled = ((margin - centre) / spread)[:, None]
    model = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-10).fit(scaled, label)
    slope = float(model.coef_[0, 0]) / spread
    if slope <= 0:
        return flat
    return Calibration(float(model.intercept_[0]) - slope * centre, slope)


def calibration_slope(label: NDArray[np.int64], log_odds: FloatArray) -> tuple[float, float, float]:
    """Return the slope of the labels' log-odds on predicted ones, with its 95% interval.

    1 = right; below 1 = predictions too extreme (Cox 1958). (0, 0, 0) where all predictions are
    the same. By Newton's method; the interval is Wald's.
    """
    spread = float(log_odds.std())
    if spread == 0:
        return 0.0, 0.0, 0.0
    Z = np.column_stack([np.ones(len(label)), (log_odds - log_odds.mean()) / spread])
    beta = np.zeros(2)
    # Where bads and goods are apart the likelihood has no maximum; the ridge gives it one.
    ridge = np.diag([1e-6, 1e-6])
    for _ in range(50):
        risk = probability(Z @ beta)
        information = (Z * (risk * (1 - risk))[:, None]).T @ Z + ridge
        step = np.linalg.solve(information, Z.T @ (label - risk) - ridge @ beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    error = float(np.sqrt(np.linalg.inv(information)[1, 1]))
    slope = float(beta[1])
    return slope / spread, (slope - 1.96 * error) / spread, (slope + 1.96 * error) / spread


def probability(log_odds: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-log_odds)), shape kept.

    >>> probability(np.array([0.0])).tolist()
    [0.5]
    """
    from scipy.special import expit

    result: FloatArray = expit(log_odds)
    return result
