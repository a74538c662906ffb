"""How many clusters, and whether other seeds find the same ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, silhouette_score

from credit_core.labels.choice import scan_clusters, stability
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.rfm import RFM


def groups(n: int, k: int, spread: float, seed: int = 0) -> pd.DataFrame:
    """Return customers in ``k`` groups that lie far apart on the log scale."""
    rng = np.random.default_rng(seed)
    centre = np.array([[5.0, 1, 2], [0.5, 4, 8], [2.5, 2.5, 5], [5.0, 4, 2]])[:k]
    logged = centre[rng.integers(0, k, n)] + rng.normal(0, spread, (n, 3))
    return pd.DataFrame(np.expm1(np.maximum(logged, 0)), columns=list(RFM))


@pytest.mark.parametrize("k", [3, 4])
def test_groups_that_lie_apart_are_counted(k: int) -> None:
    found = scan_clusters(groups(900, k, 0.1), seed=0)
    assert found.best_silhouette == k
    assert found.elbow == k
    assert found.table["inertia"].is_monotonic_decreasing
    row = found.table.set_index("k").loc[k]
    assert row["silhouette"] > 0.8
    assert row["smallest_share"] == pytest.approx(1 / k, abs=0.06)


def test_the_silhouette_is_scikit_learns() -> None:
    table = groups(300, 3, 0.5)
    found = scan_clusters(table, seed=3).table.set_index("k")
    for k in (2, 5):
        rule = fit_clusters(table, k, 3)
        own = silhouette_score(rule.scaled(table), rule.assign(table))
        assert found.loc[k, "silhouette"] == pytest.approx(own, abs=1e-9)


def test_clear_groups_are_stable_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(np.expm1(rng.uniform(0, 3, (900, 3))), columns=list(RFM))
    clear, vague = stability(groups(900, 4, 0.1), 4, 0), stability(noise, 7, 0)
    assert clear["agreement"].min() > 0.99
    assert vague["agreement"].min() < 0.8
    assert clear["seed"].is_unique


@given(st.integers(0, 1000))
@effort(max_examples=5)
def test_row_order_changes_nothing(seed: int) -> None:
    table = groups(200, 4, 0.6, seed)
    shuffled = table.sample(frac=1, random_state=seed + 1).reset_index(drop=True)
    straight, again = scan_clusters(table, 0), scan_clusters(shuffled, 0)
    pd.testing.assert_frame_equal(straight.table, again.table, check_exact=True)
    pd.testing.assert_frame_equal(stability(table, 4, 0), stability(shuffled, 4, 0))


def test_a_sample_finds_the_clusters_of_all() -> None:
    """Above 20,000 customers the centres come from a sample: nearly everyone stays put."""
    large = groups(60_000, 4, 0.6)
    rule = fit_clusters(large, 4, seed=0)
    other = fit_clusters(large, 4, seed=1)
    assert adjusted_rand_score(rule.assign(large), other.assign(large)) > 0.97


def test_few_distinct_customers_give_few_clusterings() -> None:
    table = pd.DataFrame([[1.0, 2, 3]] * 5 + [[9.0, 1, 1]] * 5 + [[4.0, 4, 4]], columns=list(RFM))
    assert scan_clusters(table, 0).table["k"].tolist() == [2]
    assert scan_clusters(table.head(3), 0).table.empty
