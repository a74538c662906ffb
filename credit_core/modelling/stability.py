"""The population stability index (PSI) with the value that chance alone would reach.

PSI = sum over bins of (share now - share then) x ln(share now / share then). Its customary bands
are 0.10 and 0.25, whatever n; with few rows chance passes them. Without a shift it is distributed
like (1/n + 1/m) x chi-square with bins - 1 degrees of freedom (Yurdakul and Naranjo 2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_BINS = 10
_ABSENT = 0.5
"""Rows that an empty bin counts as: a logarithm of 0 would be infinite."""
MODERATE, LARGE = 0.10, 0.25


@dataclass(frozen=True)
class Psi:
    """``critical``: the PSI that chance passes once in twenty without any shift."""

    psi: float
    critical: float
    n_then: int
    n_now: int

    @property
    def verdict(self) -> str:
        """'stable' below 0.10 or below what chance reaches, else 'moderate' or 'large'."""
        if self.psi < max(MODERATE, self.critical):
            return "stable"
        return "large" if self.psi >= LARGE else "moderate"

    def facts(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def psi_of_counts(then: FloatArray, now: FloatArray) -> Psi:
    """Return the PSI of two rows of counts over the same bins.

    Examples
    --------
    >>> round(psi_of_counts(np.array([50.0, 50.0]), np.array([60.0, 40.0])).psi, 4)
    0.0405
    """
    from scipy.special import chdtri

    held = (then > 0) | (now > 0)
    then, now = then[held], now[held]
    n, m = float(then.sum()), float(now.sum())
    a, b = (np.maximum(counts, _ABSENT) / total for counts, total in ((then, n), (now, m)))
    value = float(np.sum((b - a) * np.log(b / a)))
    freedom = max(len(then) - 1, 1)
    return Psi(value, float(chdtri(freedom, 0.05)) * (1 / n + 1 / m), int(n), int(m))


def psi_of_numbers(then: FloatArray, now: FloatArray) -> Psi:
    """Return the PSI over tenths of ``then``; missing values are a bin of their own."""
    known = then[~np.isnan(then)]
    if len(known) == 0:
        edges = np.empty(0)
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [
        np.bincount(
            np.where(np.isnan(x), len(edges) + 1, np.searchsorted(edges, x, side="right")),
            minlength=len(edges) + 2,
        ).astype(np.float64)
        for x in (then, now)
    ]
    return psi_of_counts(*counts)
