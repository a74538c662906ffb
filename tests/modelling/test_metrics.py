"""Metrics against scikit-learn and SciPy; intervals against the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, ks_2samp, norm, rankdata
from sklearn import metrics as reference

from credit_core.modelling.metrics import (
    Auc,
    auc_difference,
    auc_interval,
    average_precision,
    calibration_table,
    evaluate,
    ks_statistic,
    mean_auc,
    midranks,
    roc_points,
)


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both kinds and risks, from no ties at all to nothing but ties."""
    n = draw(st.integers(4, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    label = rng.integers(0, 2, n)
    label[:4] = [0, 0, 1, 1]
    levels = draw(st.sampled_from([1, 2, 5, 1000]))
    signal = draw(st.sampled_from([0.0, 0.5, 3.0]))
    risk = 1 / (1 + np.exp(-(rng.normal(size=n) + signal * label)))
    return label, np.round(risk * levels) / levels if levels < 1000 else risk


@given(samples())
def test_ranks_and_intervals_are_scipys(sample: tuple[np.ndarray, np.ndarray]) -> None:
    label, risk = sample
    assert midranks(risk).tolist() == rankdata(risk).tolist()
    table = calibration_table(label, risk, groups=3)
    posterior = beta(table["bads"] + 0.5, table["n"] - table["bads"] + 0.5)
    # Where no one or everyone is bad, the interval reaches the end.
    low = np.where(table["bads"] > 0, posterior.ppf(0.025), 0)
    high = np.where(table["bads"] < table["n"], posterior.ppf(0.975), 1)
    assert table["low"].to_numpy() == pytest.approx(low)
    assert table["high"].to_numpy() == pytest.approx(high)


@given(samples())
def test_figures_are_scikit_learns(sample: tuple[np.ndarray, np.ndarray]) -> None:
    label, risk = sample
    found = evaluate(label, risk)
    assert found.auc == pytest.approx(reference.roc_auc_score(label, risk))
    assert found.gini == pytest.approx(2 * reference.roc_auc_score(label, risk) - 1)
    assert found.pr_auc == pytest.approx(reference.average_precision_score(label, risk))
    assert average_precision(label, risk) == found.pr_auc
    assert found.brier == pytest.approx(reference.brier_score_loss(label, risk))
    inside = np.clip(risk, 1e-15, 1 - 1e-15)
    assert found.log_loss == pytest.approx(reference.log_loss(label, inside))
    assert (found.n, found.bads) == (len(label), label.sum())


@given(samples())
def test_ks_is_the_largest_rise_of_bads_over_goods(sample: tuple[np.ndarray, np.ndarray]) -> None:
    label, risk = sample
    two = ks_2samp(risk[label == 1], risk[label == 0], alternative="less")
    assert ks_statistic(label, risk) == pytest.approx(two.statistic)
    assert evaluate(label, risk).ks == ks_statistic(label, risk)


@given(samples())
def test_the_roc_curve_has_the_auc_under_it(sample: tuple[np.ndarray, np.ndarray]) -> None:
    label, risk = sample
    points = roc_points(label, risk)
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert (np.diff(points, axis=0) >= 0).all()
    area = np.trapezoid(points[:, 1], points[:, 0])
    assert area == pytest.approx(auc_interval(label, risk).auc)


@given(samples())
def test_an_auc_turns_over_with_the_risk(sample: tuple[np.ndarray, np.ndarray]) -> None:
    label, risk = sample
    up, down = auc_interval(label, risk), auc_interval(label, -risk)
    assert up.auc + down.auc == pytest.approx(1)
    assert up.variance == pytest.approx(down.variance)
    assert 0 <= up.low <= up.auc <= up.high <= 1


def drawn(seed: int, n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.25).astype(np.int64)
    shared = rng.normal(size=n)
    return label, shared + 1.0 * label, shared + rng.normal(size=n) * 0.7 + 0.8 * label


def test_delong_agrees_with_the_bootstrap() -> None:
    label, first, second = drawn(0)
    rng = np.random.default_rng(99)
    chosen = rng.integers(0, len(label), (500, len(label)))
    bads = label[chosen].sum(axis=1)

    def drawn_aucs(risk: np.ndarray) -> np.ndarray:
        """One AUC a resample, by Mann and Whitney's sum of the bads' ranks."""
        ranks = (rankdata(risk[chosen], axis=1) * label[chosen]).sum(axis=1)
        return (ranks - bads * (bads + 1) / 2) / (bads * (len(label) - bads))

    aucs = drawn_aucs(first)
    differences = aucs - drawn_aucs(second)
    found = auc_interval(label, first)
    assert np.sqrt(found.variance) == pytest.approx(np.std(aucs), rel=0.12)
    assert (found.low, found.high) == pytest.approx(np.quantile(aucs, [0.025, 0.975]), abs=0.012)
    apart = auc_difference(label, first, second)
    assert (apart.low, apart.high) == pytest.approx(
        np.quantile(differences, [0.025, 0.975]), abs=0.012
    )
    assert apart.difference == pytest.approx(
        reference.roc_auc_score(label, first) - reference.roc_auc_score(label, second)
    )


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    truth = 0.76025  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        label = np.repeat([0, 1], [120, 60])
        found = auc_interval(label, rng.normal(size=180) + label)
        covered += found.low <= truth <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_a_difference_of_a_model_with_itself_is_not_clear() -> None:
    label, first, second = drawn(4)
    assert auc_difference(label, first, first).difference == 0
    assert not auc_difference(label, first, first * 2 + 1).clear
    assert auc_difference(label, first, -second).clear


def test_with_one_bad_the_interval_says_nothing() -> None:
    found = auc_interval(np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert (found.auc, found.low, found.high) == (1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="one good and one bad"):
        auc_interval(np.zeros(3, dtype=np.int64), np.arange(3.0))


def test_the_mean_of_folds_is_narrower_than_one() -> None:
    one = Auc(0.7, 0.6, 0.8, 0.0025, 100, 30)
    mean = mean_auc([one] * 4)
    assert mean.auc == pytest.approx(0.7)
    assert mean.variance == pytest.approx(0.0025 / 4)
    assert (mean.n, mean.bads) == (400, 120)


@given(samples(), st.integers(1, 12))
def test_the_calibration_table_accounts_for_everyone(
    sample: tuple[np.ndarray, np.ndarray], groups: int
) -> None:
    label, risk = sample
    table = calibration_table(label, risk, groups)
    assert table["n"].sum() == len(label)
    assert table["bads"].sum() == label.sum()
    assert (table["predicted"] * table["n"]).sum() == pytest.approx(risk.sum())
    assert table["predicted"].is_monotonic_increasing
    assert ((table["low"] < table["high"]) & (table["low"] >= 0) & (table["high"] <= 1)).all()
    assert table["n"].max() - table["n"].min() <= 1


def delong_by_pairs(label: np.ndarray, risks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's AUCs and covariance as the paper writes them: every bad beside every good."""
    tens, ones = [], []
    for risk in risks:
        bad, good = risk[label == 1][:, None], risk[label == 0][None, :]
        won = (bad > good) + 0.5 * (bad == good)
        tens.append(won.mean(axis=1))
        ones.append(won.mean(axis=0))
    covariance = np.cov(tens) / len(tens[0]) + np.cov(ones) / len(ones[0])
    return np.array([ten.mean() for ten in tens]), covariance


@given(samples(), st.integers(0, 1000))
def test_differences_are_delongs_as_printed(
    sample: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    label, risk = sample
    other = np.random.default_rng(seed).normal(size=len(label)) + 0.5 * risk
    aucs, covariance = delong_by_pairs(label, [risk, other])
    found = auc_difference(label, risk, other)
    assert found.difference == pytest.approx(aucs[0] - aucs[1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found.high - found.difference == pytest.approx(1.959964 * np.sqrt(variance), abs=1e-6)
    if variance > 1e-12:
        z = abs(aucs[0] - aucs[1]) / np.sqrt(variance)
        assert found.p == pytest.approx(2 * norm.sf(z), abs=1e-9)
    assert (found.n, found.bads) == (len(label), label.sum())
