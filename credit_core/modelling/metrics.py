"""Every figure Candor reports about a model, computed in one place.

``label`` is 1 for bad; ``risk`` is any value that rises with risk; probabilities where a
calibration figure is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.modelling.calibration import calibration_slope
from credit_core.modelling.resampling import FIGURES, bootstrap

FloatArray = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve with its DeLong interval.

    0.5 = no better than chance, 1 = every bad ranked above every good. The interval is NaN-free:
    with fewer than two goods or bads it is (0, 1).
    """

    auc: float
    low: float
    high: float
    variance: float
    n: int
    bads: int


@dataclass(frozen=True)
class Metrics:
    """The figures of one model on one sample; intervals at 95%.

    That of the AUC is DeLong's, that of the calibration ``slope`` (1 = the risk is as spread as it
    should be, below 1 = too extreme) comes from the likelihood, the others from the bootstrap.
    """

    n: int
    bads: int
    auc: float
    auc_low: float
    auc_high: float
    gini: float
    ks: float
    ks_low: float
    ks_high: float
    pr_auc: float
    pr_auc_low: float
    pr_auc_high: float
    brier: float
    brier_low: float
    brier_high: float
    log_loss: float
    log_loss_low: float
    log_loss_high: float
    slope: float
    slope_low: float
    slope_high: float

    def facts(self) -> dict[str, float | int]:
        return asdict(self)


def auc_interval(label: NDArray[np.int64], risk: FloatArray, level: float = LEVEL) -> Auc:
    """AUC and its interval by DeLong, DeLong and Clarke-Pearson (1988), by ranks.

    The fast form is that of Sun and Xu (2014): placements from midranks, O(n log n).

    Examples
    --------
    >>> found = auc_interval(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> found.auc
    0.75
    """
    above_good, below_bad = _placements(label, risk)
    m, n = len(above_good), len(below_bad)
    auc = float(above_good.mean())
    if m < 2 or n < 2:
        return Auc(auc, 0.0, 1.0, float("inf"), m + n, m)
    variance = float(above_good.var(ddof=1) / m + below_bad.var(ddof=1) / n)
    return with_interval(auc, variance, m + n, m, level)


def _placements(label: NDArray[np.int64], risk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each bad's share of goods ranked below it, and each good's share of bads above it."""
    bad, good = risk[label == 1], risk[label == 0]
    m, n = len(bad), len(good)
    if m == 0 or n == 0:
        raise ValueError("an AUC needs at least one good and one bad")
    everyone = midranks(np.concatenate([bad, good]))
    return (everyone[:m] - midranks(bad)) / n, 1.0 - (everyone[m:] - midranks(good)) / m


def midranks(values: FloatArray) -> FloatArray:
    """Return the ranks of the values from 1, shape (n,); equal values share their mean rank."""
    order = np.argsort(values)
    ordered = values[order]
    changes = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(values)]
    start = np.flatnonzero(changes)
    alike = np.diff(start, append=len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(start + (alike + 1) / 2, alike)
    return ranks


@dataclass(frozen=True)
class AucDifference:
    """The first model's AUC minus the second's on the same rows; 0 = no difference.

    ``p`` is the two-sided p of there being none.
    """

    difference: float
    low: float
    high: float
    n: int
    bads: int
    p: float

    @property
    def clear(self) -> bool:
        """True where the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def auc_difference(
    label: NDArray[np.int64], first: FloatArray, second: FloatArray, level: float = LEVEL
) -> AucDifference:
    """Difference of two AUCs on the same rows, by DeLong's paired test.

    The two risks share their rows, so their AUCs rise and fall together; the covariance makes the
    interval narrower than two separate ones suggest.

    Examples
    --------
    >>> label = np.array([0, 0, 1, 1])
    >>> risk = np.array([0.1, 0.4, 0.35, 0.8])
    >>> auc_difference(label, risk, risk).difference
    0.0
    """
    bads_1, goods_1 = _placements(label, first)
    bads_2, goods_2 = _placements(label, second)
    m, n = len(bads_1), len(goods_1)
    difference = float(bads_1.mean() - bads_2.mean())
    if m < 2 or n < 2:
        return AucDifference(difference, -1.0, 1.0, m + n, m, 1.0)
    variance = (bads_1 - bads_2).var(ddof=1) / m + (goods_1 - goods_2).var(ddof=1) / n
    error = float(np.sqrt(variance))
    half = NormalDist().inv_cdf(0.5 + level / 2) * error
    p = erfc(abs(difference) / error / sqrt(2)) if error > 0 else float(difference == 0)
    return AucDifference(difference, difference - half, difference + half, m + n, m, p)


def mean_auc(parts: Sequence[Auc], level: float = LEVEL) -> Auc:
    """Mean of independent AUCs (the folds of a cross-validation) with its interval."""
    auc = float(np.mean([part.auc for part in parts]))
    variance = float(np.sum([part.variance for part in parts])) / len(parts) ** 2
    n, bads = sum(part.n for part in parts), sum(part.bads for part in parts)
    return with_interval(auc, variance, n, bads, level)


def with_interval(auc: float, variance: float, n: int, bads: int, level: float = LEVEL) -> Auc:
    """Return an AUC with the normal interval of its variance, within 0 and 1."""
    half = NormalDist().inv_cdf(0.5 + level / 2) * float(np.sqrt(variance))
    return Auc(auc, max(0.0, auc - half), min(1.0, auc + half), variance, n, bads)


def ks_statistic(label: NDArray[np.int64], risk: FloatArray) -> float:
    """Kolmogorov-Smirnov distance between the risks of bads and goods; 0 = same, 1 = apart."""
    rates = roc_points(label, risk)
    return float(np.max(rates[:, 1] - rates[:, 0]))


def roc_points(label: NDArray[np.int64], risk: FloatArray) -> FloatArray:
    """Return the ROC curve, shape (points, 2): false and true positive rate, from (0, 0)."""
    order = np.argsort(-risk, kind="stable")
    ordered, sorted_risk = label[order], risk[order]
    last = np.append(np.diff(sorted_risk) != 0, True)
    bads, goods = np.cumsum(ordered)[last], np.cumsum(1 - ordered)[last]
    points = np.column_stack([goods / max(goods[-1], 1), bads / max(bads[-1], 1)])
    return np.vstack([[0.0, 0.0], points])


def average_precision(label: NDArray[np.int64], risk: FloatArray) -> float:
    """Area under the precision-recall curve as average precision; the base rate = chance."""
    order = np.argsort(-risk, kind="stable")
    ordered, sorted_risk = label[order], risk[order]
    last = np.append(np.diff(sorted_risk) != 0, True)
    bads = np.cumsum(ordered)[last]
    seen = (np.arange(len(ordered)) + 1)[last]
    recall = bads / max(bads[-1], 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * bads / seen))


def log_loss(label: NDArray[np.int64], probability: FloatArray) -> float:
    """Mean negative log-likelihood of the labels; lower = better."""
    clipped = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label == 1, np.log(clipped), np.log1p(-clipped))))


def evaluate(label: NDArray[np.int64], probability: FloatArray, auc: Auc | None = None) -> Metrics:
    """Return the figures of calibrated probabilities, shape (n,), against labels, shape (n,).

    ``auc`` replaces the AUC of the pooled sample (a cross-validation's mean over folds).
    """
    found = auc or auc_interval(label, probability)
    names = list(FIGURES)
    estimates = bootstrap([FIGURES[name](label, probability) for name in names], len(label))
    figures: dict[str, float] = {}
    for name, estimate in zip(names, estimates, strict=True):
        figures |= {
            name: estimate.value,
            f"{name}_low": max(0.0, estimate.low),
            f"{name}_high": estimate.high,
        }
    clipped = np.clip(probability, 1e-15, 1 - 1e-15)
    slope, slope_low, slope_high = calibration_slope(label, np.log(clipped) - np.log1p(-clipped))
    return Metrics(
        n=len(label),
        bads=int(label.sum()),
        auc=found.auc,
        auc_low=found.low,
        auc_high=found.high,
        gini=2 * found.auc - 1,
        slope=slope,
        slope_low=slope_low,
        slope_high=slope_high,
        **figures,
    )


def share_interval(
    bads: NDArray[np.int64], n: NDArray[np.int64], level: float = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Return the Jeffreys interval of bads / n: quantiles of Beta(bads + 1/2, n - bads + 1/2).

    Brown, Cai and DasGupta (2001): its end is 0 where there is no bad, 1 where all are.

    Examples
    --------
    >>> low, high = share_interval(np.array([0, 5]), np.array([10, 10]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.224], [0.217, 0.776])
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = np.where(bads > 0, betaincinv(bads + 0.5, n - bads + 0.5, tail), 0.0)
    high = np.where(bads < n, betaincinv(bads + 0.5, n - bads + 0.5, 1 - tail), 1.0)
    return low, high


def calibration_table(
    label: NDArray[np.int64], probability: FloatArray, groups: int = 10, level: float = LEVEL
) -> pd.DataFrame:
    """Compare predicted with observed shares in groups of equal size, lowest risk first.

    Returns
    -------
    DataFrame
        Columns group (from 1), n, bads, predicted (mean probability), observed (bads / n), and
        low and high: the Jeffreys interval of the observed share (`share_interval`).

    Examples
    --------
    >>> table = calibration_table(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]), groups=2)
    >>> table[["n", "bads", "predicted", "observed"]].values.tolist()
    [[2.0, 0.0, 0.15, 0.0], [2.0, 2.0, 0.75, 1.0]]
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, groups) if len(part)]
    n = np.array([len(part) for part in parts])
    bads = np.array([int(label[part].sum()) for part in parts])
    low, high = share_interval(bads, n, level)
    return pd.DataFrame(
        {
            "group": np.arange(1, len(parts) + 1),
            "n": n,
            "bads": bads,
            "predicted": [round(float(probability[part].mean()), 12) for part in parts],
            "observed": bads / n,
            "low": low,
            "high": high,
        }
    )
