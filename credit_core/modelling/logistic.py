"""Logistic regression on winsorised, scaled columns; its contributions are exact by definition."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from credit_core.config import LogisticConfig
from credit_core.modelling.weights import row_weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_SKEWED = 2.0
_CHOOSING_ROWS = 20_000
_CHUNK = 4096


@dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression; every array has one entry a design column.

    A value is clipped to ``[low, high]``, bent by ``sign(x) log(1 + |x| / bend)`` where ``bend``
    is positive, centred and scaled, and weighed; a missing value counts ``weight_missing``.
    """

    family: ClassVar[str] = "logistic"
    low: FloatArray
    high: FloatArray
    bend: FloatArray
    mean: FloatArray
    scale: FloatArray
    weight: FloatArray
    weight_missing: FloatArray
    intercept: float

    @cached_property
    def _learnt(self) -> FloatArray:
        shape = (self.low, self.high, self.bend, self.mean, self.scale)
        return np.array([*shape, self.weight, self.weight_missing])

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        values = np.ascontiguousarray(X.T)
        parts = np.empty_like(values)
        columns = np.arange(len(values))
        for start in range(0, len(X), _CHUNK):
            here = np.s_[:, start : start + _CHUNK]
            parts[here] = self._parts(columns, values[here])
        return self.intercept, parts

    def _parts(self, columns: IntArray, values: FloatArray) -> FloatArray:
        """Return the contributions of values of some columns, both of shape (columns, rows)."""
        low, high, bend, mean, scale, weight, missing = self._learnt[:, columns, None]
        z = np.clip(values, low, high)
        bent = bend[:, 0] > 0
        z[bent] = _bent(z[bent], bend[bent])
        return np.where(np.isnan(values), missing, (z - mean) / scale * weight)

    def files(self) -> dict[str, bytes]:
        content = {
            field.name: np.asarray(getattr(self, field.name)).tolist() for field in fields(self)
        }
        return {"model.json": json.dumps(content).encode()}

    @staticmethod
    def from_files(files: dict[str, bytes]) -> Logistic:
        content = json.loads(files["model.json"])
        intercept = float(content.pop("intercept"))
        arrays = {name: np.asarray(values, dtype=np.float64) for name, values in content.items()}
        return Logistic(**arrays, intercept=intercept)


def _bent(x: FloatArray, bend: FloatArray | float) -> FloatArray:
    return np.sign(x) * np.log1p(np.abs(x) / bend)


@dataclass(frozen=True)
class _Shape:
    """How columns are shaped before the regression, learnt from the rows it is fitted on."""

    low: FloatArray
    high: FloatArray
    bend: FloatArray
    mean: FloatArray
    scale: FloatArray

    @staticmethod
    def of(X: FloatArray) -> _Shape:
        p = X.shape[1]
        low, high, bend = np.zeros(p), np.zeros(p), np.zeros(p)
        mean, scale = np.zeros(p), np.ones(p)
        for j in range(p):
            x = X[~np.isnan(X[:, j]), j]
            if len(x) == 0:
                continue
            low[j], high[j] = np.quantile(x, [0.01, 0.99])
            if low[j] == high[j]:
                low[j], high[j] = x.min(), x.max()
            x = np.clip(x, low[j], high[j])
            if _skewness(x) > _SKEWED and len(np.unique(x)) > 2:
                bend[j] = float(np.median(np.abs(x[x != 0])))
                x = _bent(x, bend[j])
            mean[j] = x.mean()
            scale[j] = x.std() or 1.0
        return _Shape(low, high, bend, mean, scale)

    def apply(self, X: FloatArray) -> FloatArray:
        """Return scaled columns with missing at the mean, then one column for each missingness."""
        Z = np.empty_like(X)
        for j in range(X.shape[1]):
            x = np.clip(X[:, j], self.low[j], self.high[j])
            if self.bend[j] > 0:
                x = _bent(x, self.bend[j])
            Z[:, j] = (x - self.mean[j]) / self.scale[j]
        missing = np.isnan(X)
        return np.hstack([np.where(missing, 0.0, Z), missing.astype(np.float64)])


def _skewness(x: FloatArray) -> float:
    spread = x.std()
    return 0.0 if spread == 0 else float(np.abs(np.mean(((x - x.mean()) / spread) ** 3)))


def fit_logistic(
    X: FloatArray, label: IntArray, penalty: float, balanced: bool = False
) -> Logistic:
    """Fit with an L2 penalty; ``penalty`` is scikit-learn's C (smaller = more regularised)."""
    from sklearn.linear_model import LogisticRegression

    shape = _Shape.of(X)
    Z = shape.apply(X)
    model = LogisticRegression(C=penalty, max_iter=2000, tol=1e-6, solver="newton-cholesky").fit(
        Z, label, row_weights(label, balanced)
    )
    weights = model.coef_[0]
    p = X.shape[1]
    return Logistic(
        shape.low,
        shape.high,
        shape.bend,
        shape.mean,
        shape.scale,
        weights[:p],
        weights[p:],
        float(model.intercept_[0]),
    )


def choose_penalty(
    X: FloatArray,
    label: IntArray,
    folds: Sequence[tuple[IntArray, IntArray]],
    config: LogisticConfig,
    balanced: bool = False,
) -> float:
    """Return the penalty with the smallest log loss over the folds.

    A regular part of a large fold is enough to choose by.
    """
    from sklearn.linear_model import LogisticRegression

    losses = np.zeros(len(config.penalties))
    for train, test in folds:
        train = train[:: max(1, len(train) // _CHOOSING_ROWS)]
        shape = _Shape.of(X[train])
        Z, Z_test = shape.apply(X[train]), shape.apply(X[test])
        for i, penalty in enumerate(config.penalties):
            model = LogisticRegression(
                C=penalty, max_iter=2000, tol=1e-4, solver="newton-cholesky"
            ).fit(Z, label[train], row_weights(label[train], balanced))
            risk = np.clip(model.predict_proba(Z_test)[:, 1], 1e-12, 1 - 1e-12)
            gained = np.where(label[test] == 1, np.log(risk), np.log1p(-risk))
            losses[i] -= np.average(gained, weights=row_weights(label[test], balanced)) * len(test)
    return config.penalties[int(np.argmin(losses))]
