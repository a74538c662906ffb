"""Bootstrap against formulas and scikit-learn; PSI, lift and bands by definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy.stats import beta, binomtest
from sklearn import metrics as reference

from credit_core.modelling.grades import band_table, gains_table, multiple_testing
from credit_core.modelling.metrics import ks_statistic
from credit_core.modelling.resampling import FIGURES, bootstrap, paired_difference
from credit_core.modelling.stability import psi_of_counts, psi_of_numbers


def sample(n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = rng.beta(2, 8, n)
    return (rng.random(n) < risk).astype(np.int64), risk


LABEL, RISK = sample()


@given(st.integers(0, 10**6), st.sampled_from([2, 10, 10**6]))
@effort(max_examples=40)
def test_a_draw_gives_the_figure_of_the_drawn_rows(seed: int, levels: int) -> None:
    """Counts stand for repeated rows: scikit-learn on the repeated rows must agree."""
    rng = np.random.default_rng(seed)
    label, risk = sample(200, seed)
    risk = np.round(risk * levels) / levels
    label[:2] = [0, 1]
    drawn = np.concatenate([[0, 1], rng.integers(0, 200, 198)])
    counts = np.bincount(drawn, minlength=200).astype(float)
    y, p = label[drawn], risk[drawn]
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    expected = {
        "ks": ks_statistic(y, p),
        "pr_auc": reference.average_precision_score(y, p),
        "brier": reference.brier_score_loss(y, p),
        "log_loss": reference.log_loss(y, clipped, labels=[0, 1]),
    }
    for name, value in expected.items():
        assert FIGURES[name](label, risk)(counts) == pytest.approx(value, abs=1e-9), name


def test_the_bootstraps_error_of_a_mean_is_the_formulas() -> None:
    found = bootstrap([FIGURES["brier"](LABEL, RISK)], len(LABEL))[0]
    losses = (RISK - LABEL) ** 2
    assert found.value == pytest.approx(losses.mean())
    half = 1.96 * losses.std(ddof=1) / np.sqrt(len(LABEL))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)


def test_many_rows_are_drawn_in_part_with_the_same_error() -> None:
    label, risk = sample(80_000, 3)
    found = bootstrap([FIGURES["brier"](label, risk)], len(label))[0]
    half = 1.96 * ((risk - label) ** 2).std(ddof=1) / np.sqrt(len(label))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.25)


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_a_model_against_itself_differs_by_nothing(figure: str) -> None:
    found = paired_difference(figure, LABEL, RISK, RISK)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize(("figure", "sign"), [("ks", 1), ("brier", -1), ("log_loss", -1)])
def test_a_clearly_better_model_is_found_and_the_order_turns_the_sign(
    figure: str, sign: int
) -> None:
    noise = np.random.default_rng(1).permutation(RISK)
    better = paired_difference(figure, LABEL, RISK, noise)
    worse = paired_difference(figure, LABEL, noise, RISK)
    assert sign * better.value > 0
    assert better.p < 0.001
    assert worse.value == -better.value
    assert (worse.low, worse.high) == pytest.approx((-better.high, -better.low))


def test_pairing_makes_the_interval_narrower() -> None:
    near = np.clip(RISK + np.random.default_rng(2).normal(0, 0.01, len(RISK)), 0.001, 0.999)
    paired = paired_difference("brier", LABEL, RISK, near)
    single = bootstrap([FIGURES["brier"](LABEL, RISK)], len(LABEL))[0]
    assert paired.high - paired.low < 0.5 * (single.high - single.low)


def test_gains_add_up_and_lift_is_relative_to_all() -> None:
    table = gains_table(LABEL, RISK)
    assert table["n"].sum() == len(LABEL)
    assert table["bads"].sum() == LABEL.sum()
    assert table["bads_share"].iloc[-1] == 1
    assert table["cumulative_lift"].iloc[-1] == pytest.approx(1)
    assert float(np.average(table["lift"], weights=table["n"])) == pytest.approx(1)
    assert table["lift"].iloc[0] > 2 > 0.5 > table["lift"].iloc[-1]


def test_bands_are_tested_as_scipy_tests_them() -> None:
    band = np.where(RISK > 0.25, "E", "A")
    table = band_table(LABEL, RISK, band, ("E", "D", "A")).set_index("band")
    assert list(table.index) == ["E", "A"], "nobody is in D"
    for row in table.itertuples():
        assert row.jeffreys == pytest.approx(
            beta(row.bads + 0.5, row.n - row.bads + 0.5).cdf(row.predicted)
        )
        oracle = binomtest(row.bads, row.n, row.predicted, alternative="greater").pvalue
        assert row.binomial == pytest.approx(oracle)
    halved = band_table(LABEL, RISK / 2, band, ("E", "A"))
    assert halved["light"].tolist() == ["red", "red"]
    doubled = band_table(LABEL, np.minimum(RISK * 2, 1), band, ("E", "A"))
    assert doubled["light"].tolist() == ["green", "green"], "too careful is no alarm"


def test_lights_fire_by_chance_as_often_as_said() -> None:
    rng = np.random.default_rng(0)
    names = ("A", "B", "C", "D", "E")
    band = np.repeat(names, 400)
    risk = np.repeat([0.05, 0.1, 0.2, 0.3, 0.4], 400)
    fired = 0
    for _ in range(400):
        table = band_table((rng.random(2000) < risk).astype(np.int64), risk, band, names)
        fired += (table["light"] != "green").any()
    assert fired / 400 == pytest.approx(multiple_testing(5), abs=0.06)


def test_chance_passes_the_critical_psi_once_in_twenty() -> None:
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(400):
        found = psi_of_numbers(rng.normal(size=3000), rng.normal(size=800))
        passed += found.psi > found.critical
    assert 0.02 < passed / 400 < 0.09


def test_psi_by_definition_and_by_verdict() -> None:
    then, now = np.array([200.0, 300, 500]), np.array([300.0, 300, 400])
    a, b = then / 1000, now / 1000
    assert psi_of_counts(then, now).psi == pytest.approx(np.sum((b - a) * np.log(b / a)))
    assert psi_of_counts(then, then).psi == 0
    rng = np.random.default_rng(0)
    same, shifted = rng.normal(size=5000), rng.normal(0.9, 1, 5000)
    assert psi_of_numbers(same, rng.normal(size=5000)).verdict == "stable"
    assert psi_of_numbers(same, shifted).verdict == "large"
    few = psi_of_numbers(same[:40], rng.normal(size=30))
    assert few.critical > 0.25, "with so few rows the customary bands say nothing"
    holes = np.where(rng.random(5000) < 0.3, np.nan, same)
    assert psi_of_numbers(same, holes).verdict == "large", "a hole is a bin of its own"
