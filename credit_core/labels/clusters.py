"""K-means on log-scaled, standardised R, F and M: the rule behind proxy labels and segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.labels.rfm import RFM

SAMPLE = 20_000
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ClusterRule:
    """A frozen clustering: how R, F, M are scaled, and the centres.

    ``centres`` has shape (k, 3) in scaled units, ordered from the least engaged cluster (0) to
    the most engaged (k - 1). ``logged`` says whether R, F, M go through log(1 + x) first.
    ``inertia`` is the mean squared distance of a row to its centre, scaled units.
    """

    mean: FloatArray
    scale: FloatArray
    centres: FloatArray
    logged: bool = True
    inertia: float = 0.0

    def assign(self, table: pd.DataFrame) -> NDArray[np.int64]:
        """Return the nearest centre of each row of an RFM table; 0 is the least engaged."""
        scaled = self.scaled(table)
        nearest = np.zeros(len(scaled), dtype=np.int64)
        least = np.full(len(scaled), np.inf)
        for k, centre in enumerate(self.centres):  # one centre at a time: no (n, k, 3) in memory
            distance = ((scaled - centre) ** 2).sum(axis=1)
            nearer = distance < least
            nearest[nearer], least[nearer] = k, distance[nearer]
        return nearest

    def scaled(self, table: pd.DataFrame) -> FloatArray:
        """Return R, F, M logged (unless told otherwise), centred and scaled, shape (n, 3)."""
        return (_values(table, self.logged) - self.mean) / self.scale

    def facts(self) -> dict[str, Any]:
        """Return the rule as JSON-ready facts."""
        return {
            "columns": list(RFM),
            "logged": self.logged,
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "centres": self.centres.tolist(),
        }


def _values(table: pd.DataFrame, logged: bool) -> FloatArray:
    values = np.maximum(table[list(RFM)].to_numpy(dtype=np.float64), 0.0)
    return np.log1p(values) if logged else values


def fit_clusters(table: pd.DataFrame, k: int, seed: int, *, logged: bool = True) -> ClusterRule:
    """Fit K-means with ``k`` clusters to an RFM table.

    The rows are ordered by value first, so that their order in the file cannot matter; above
    20,000 rows the centres come from a sample (inertia within 1e-4 of a full fit).
    Engagement orders the centres: mean of scaled F and M minus scaled R.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    values = _values(table, logged)
    values = values[np.lexsort(values.T)]
    mean = values.mean(axis=0)
    spread = values.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    if len(values) > SAMPLE:
        chosen = np.random.default_rng(seed).choice(len(values), SAMPLE, replace=False)
        values = values[np.sort(chosen)]
    scaled = (values - mean) / scale
    k = min(k, len(np.unique(scaled, axis=0)))
    # One thread: threads add up a centre in any order, and two runs must give the same bits.
    with threadpool_limits(1):
        model = KMeans(n_clusters=k, n_init=10, random_state=seed, algorithm="lloyd").fit(scaled)
    centres = model.cluster_centers_
    engagement = (centres[:, 1] + centres[:, 2]) / 2 - centres[:, 0]
    ordered = centres[np.argsort(engagement, kind="stable")]
    return ClusterRule(mean, scale, ordered, logged, float(model.inertia_) / len(scaled))
