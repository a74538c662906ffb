"""The population stability index (PSI) with the value that chance alone would reach.

PSI = sum over bins of (share now - share then) x ln(share now / share then). Its customary bands
are 0.10 and 0.25, whatever n; with few rows chance passes them. Without a shift it is distributed
like (1/n + 1/m) x chi-square with bins - 1 degrees of freedom (Yurdakul and Naranjo 2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_BINS, _MOST_LEVELS = 10, 30
ALPHA = 0.05
_ABSENT = 0.5
"""Rows that an empty bin counts as: a logarithm of 0 would be infinite."""
MODERATE, LARGE = 0.10, 0.25


@dataclass(frozen=True)
class Psi:
    """``critical``: the PSI that chance passes without any shift, once in twenty unless said."""

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


def psi_of_counts(then: FloatArray, now: FloatArray, alpha: float = ALPHA) -> Psi:
    """Return the PSI of two rows of counts over the same bins.

    ``critical`` is what chance alone passes with probability ``alpha``.

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
    return Psi(value, float(chdtri(freedom, alpha)) * (1 / n + 1 / m), int(n), int(m))


def freeze_numbers(values: FloatArray) -> Frozen:
    """Return bins at the tenths of ``values`` with what falls into each; missing is a bin too."""
    known = values[~np.isnan(values)]
    edges = np.empty(0)
    if len(known):
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    found = Frozen(edges.tolist(), None, [])
    return replace(found, counts=found.count(values).tolist())


def freeze_levels(texts: pd.Series, most: int = _MOST_LEVELS) -> Frozen:
    """Return the most frequent levels with their counts, and one bin for all others."""
    levels = sorted(texts.value_counts().sort_index(kind="stable").nlargest(most).index)
    found = Frozen(None, [str(level) for level in levels], [])
    return replace(found, counts=found.count(texts).tolist())


@dataclass(frozen=True)
class Frozen:
    """Bins fixed at development, with the rows it had in each (``counts``).

    Of numbers: between ``edges`` (a value at an edge belongs above), and one more for missing
    values. Of categories: one for each of ``levels``, and one more for any other.
    """

    edges: list[float] | None
    levels: list[str] | None
    counts: list[int]

    def count(self, values: FloatArray | pd.Series) -> IntArray:
        """Return how many values fall into each bin; texts where the bins are levels."""
        if self.edges is None:
            place = {level: i for i, level in enumerate(self.levels or [])}
            codes = pd.Series(values).map(place).fillna(len(place)).to_numpy(dtype=np.int64)
            return np.bincount(codes, minlength=len(place) + 1)
        x = np.asarray(values, dtype=np.float64)
        last = len(self.edges) + 1
        codes = np.where(np.isnan(x), last, np.searchsorted(self.edges, x, side="right"))
        return np.bincount(codes, minlength=last + 1)

    def psi(self, now: IntArray, alpha: float = ALPHA) -> Psi:
        """Return the PSI of other rows' counts (those of `count`) against development's."""
        return psi_of_counts(np.array(self.counts, dtype=np.float64), now.astype(np.float64), alpha)

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def psi_of_numbers(then: FloatArray, now: FloatArray) -> Psi:
    """Return the PSI over tenths of ``then``; missing values are a bin of their own."""
    frozen = freeze_numbers(then)
    return frozen.psi(frozen.count(now))
