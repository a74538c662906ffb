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


def probability(log_odds: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-log_odds)), shape kept.

    >>> probability(np.array([0.0])).tolist()
    [0.5]
    """
    from scipy.special import expit

    result: FloatArray = expit(log_odds)
    return result
