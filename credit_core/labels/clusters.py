"""K-means on log-scaled, standardised R, F and M: the rule behind proxy labels and segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.labels.rfm import RFM

_SAMPLE = 20_000
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ClusterRule:
    """A frozen clustering: how R, F, M are scaled, and the centres.

    ``centres`` has shape (k, 3) in scaled units, ordered from the least engaged cluster (0) to
    the most engaged (k - 1).
    """

    mean: FloatArray
    scale: FloatArray
    centres: FloatArray

    def assign(self, table: pd.DataFrame) -> NDArray[np.int64]:
        """Return the nearest centre of each row of an RFM table; 0 is the least engaged."""
        scaled = self.scaled(table)
        distance = ((scaled[:, None, :] - self.centres[None, :, :]) ** 2).sum(axis=2)
        return distance.argmin(axis=1)

    def scaled(self, table: pd.DataFrame) -> FloatArray:
        """Return log1p of R, F, M, centred and scaled, shape (n, 3)."""
        return (_logged(table) - self.mean) / self.scale

    def facts(self) -> dict[str, Any]:
        """Return the rule as JSON-ready facts."""
        return {
            "columns": list(RFM),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "centres": self.centres.tolist(),
        }


def _logged(table: pd.DataFrame) -> FloatArray:
    values = table[list(RFM)].to_numpy(dtype=np.float64)
    return np.log1p(np.maximum(values, 0.0))


def fit_clusters(table: pd.DataFrame, k: int, seed: int) -> ClusterRule:
    """Fit K-means with ``k`` clusters to an RFM table.

    The rows are ordered by value first, so that their order in the file cannot matter; above
    20,000 rows the centres come from a sample (inertia within 1e-4 of a full fit).
    Engagement orders the centres: mean of scaled F and M minus scaled R.
    """
    from sklearn.cluster import KMeans

    logged = _logged(table)
    mean = logged.mean(axis=0)
    spread = logged.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    scaled = (logged - mean) / scale
    scaled = scaled[np.lexsort(scaled.T)]
    if len(scaled) > _SAMPLE:
        chosen = np.random.default_rng(seed).choice(len(scaled), _SAMPLE, replace=False)
        scaled = scaled[np.sort(chosen)]
    k = min(k, len(np.unique(scaled, axis=0)))
    model = KMeans(n_clusters=k, n_init=10, random_state=seed, algorithm="lloyd").fit(scaled)
    centres = model.cluster_centers_
    engagement = (centres[:, 1] + centres[:, 2]) / 2 - centres[:, 0]
    return ClusterRule(mean, scale, centres[np.argsort(engagement, kind="stable")])
