"""How many clusters: silhouette and elbow over k, and whether another seed finds the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from credit_core.labels.clusters import SAMPLE, fit_clusters

SCANNED = tuple(range(2, 11))
SILHOUETTE_ROWS = 5_000
_SEEDS = 5


@dataclass(frozen=True)
class ChoiceOfK:
    """The clusterings of one RFM table for several k.

    ``table`` has one row a k: ``k``, ``inertia`` (mean squared distance to the centre, scaled
    units; falls with k), ``silhouette`` (-1 to 1; higher = clusters further apart than wide) and
    ``smallest_share`` (of customers, in the smallest cluster). ``elbow`` is the k after which
    inertia falls slowly, ``best_silhouette`` the k with the highest silhouette; they often
    disagree. ``rows`` is how many customers the silhouette was computed on.
    """

    table: pd.DataFrame
    elbow: int
    best_silhouette: int
    rows: int


def scan_clusters(table: pd.DataFrame, seed: int) -> ChoiceOfK:
    """Cluster an RFM table with every k from 2 to 10, as far as it has distinct customers.

    On up to 20,000 customers drawn at random; silhouette (Rousseeuw 1987) on up to 5,000 of them,
    within 0.005 of all.
    """
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    sample = _drawn(table, SAMPLE, seed)
    distinct = len(sample.drop_duplicates())
    drawn = _drawn(sample, SILHOUETTE_ROWS, seed)
    rows = []
    for k in SCANNED:
        if k > distinct - 1:
            break
        rule = fit_clusters(sample, k, seed)
        shares = np.bincount(rule.assign(sample), minlength=k) / len(sample)
        cluster = rule.assign(drawn)
        silhouette = float("nan")
        if 1 < len(np.unique(cluster)) < len(drawn):
            with threadpool_limits(1):
                silhouette = float(silhouette_score(rule.scaled(drawn), cluster))
        rows.append((k, rule.inertia, silhouette, float(shares.min())))
    found = pd.DataFrame(rows, columns=["k", "inertia", "silhouette", "smallest_share"])
    if found.empty:
        return ChoiceOfK(found, 1, 1, len(drawn))
    best = int(found["k"].iloc[int(found["silhouette"].fillna(-1).argmax())])
    return ChoiceOfK(found, elbow(found["k"], found["inertia"]), best, len(drawn))


def _drawn(table: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return at most ``most`` rows, the same ones whatever the order of the table's rows."""
    ordered = table.iloc[np.lexsort(table.to_numpy().T)]
    if len(ordered) <= most:
        return ordered.reset_index(drop=True)
    chosen = np.random.default_rng(seed).choice(len(ordered), most, replace=False)
    return ordered.iloc[np.sort(chosen)].reset_index(drop=True)


def elbow(k: pd.Series, inertia: pd.Series) -> int:
    """Return the k furthest below the straight line from the first to the last inertia.

    The distance of Satopaa et al. (2011, "Kneedle"), without its smoothing.

    Examples
    --------
    >>> elbow(pd.Series([2, 3, 4, 5]), pd.Series([10.0, 3.0, 2.5, 2.0]))
    3
    """
    x, y = k.to_numpy(dtype=np.float64), inertia.to_numpy(dtype=np.float64)
    if len(x) < 3 or y[0] <= y[-1]:
        return int(x[0])
    below = (x[-1] - x) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    return int(x[int(below.argmax())])


def stability(table: pd.DataFrame, k: int, seed: int) -> pd.DataFrame:
    """Cluster again with other seeds, each on its own half of up to 20,000 customers.

    Returns
    -------
    DataFrame
        One row a further seed: ``seed``, ``agreement`` with the first seed's clusters over all
        of those customers (adjusted Rand index: 1 = the same groups, 0 = chance) and
        ``least_engaged`` (the share of them in its cluster 0).
    """
    from sklearn.metrics import adjusted_rand_score

    sample = _drawn(table, SAMPLE, seed)
    first = fit_clusters(sample, k, seed).assign(sample)
    rows = []
    for other in range(seed + 1, seed + 1 + _SEEDS):
        half = np.random.default_rng(other).permutation(len(sample)) % 2 == 0
        again = fit_clusters(sample[half], k, other).assign(sample)
        rows.append((other, float(adjusted_rand_score(first, again)), float(np.mean(again == 0))))
    return pd.DataFrame(rows, columns=["seed", "agreement", "least_engaged"])
