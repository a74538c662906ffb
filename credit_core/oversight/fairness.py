"""How a model and its policy treat the groups of a declared protected attribute.

Approved is the favourable decision. The true positive rate is the share of those who turned out
good that are approved, the false positive rate the share of those who turned out bad that are.
Rates by group are fairlearn's; what they do not prove is said beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import FairnessConfig
from credit_core.modelling.estimator import margin
from credit_core.modelling.logistic import fit_logistic
from credit_core.modelling.metrics import auc_interval, mean_auc, share_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MISSING = "(missing)"
KIND = "fairness"
_FOLDS, _PENALTY, _MOST_ROWS = 5, 0.1, 20_000
_Z = 1.959963984540054


def by_group(
    groups: NDArray[np.str_],
    approved: NDArray[np.bool_],
    points: FloatArray,
    outcome: FloatArray,
    config: FairnessConfig,
) -> dict[str, Any]:
    """Return rates by group, beside the largest group as the reference.

    Parameters
    ----------
    groups, approved, points, outcome : arrays of shape (n,)
        ``outcome`` is 1 = bad, 0 = good, NaN = not known.

    Returns
    -------
    dict
        ``reference``; ``groups``: for each large enough its n, approval with its Jeffreys
        interval, air (adverse impact ratio: approval over the reference's) with its interval,
        smd (standardised difference of mean scores), and tpr and fpr with intervals and the n
        they rest on, None where too few outcomes are known; ``too_small``: {group: n};
        ``tpr_gap`` and ``fpr_gap``, the largest differences between groups shown.
    """
    from fairlearn.metrics import MetricFrame, count, selection_rate

    names, sizes = np.unique(groups, return_counts=True)
    large = [str(n) for n, size in zip(names, sizes, strict=True) if size >= config.minimum_group]
    small = {str(n): int(s) for n, s in zip(names, sizes, strict=True) if str(n) not in large}
    if not large:
        return {"reference": None, "groups": [], "too_small": small}
    inside = np.isin(groups, large)
    frame = MetricFrame(
        metrics={"n": count, "approval": selection_rate},
        y_true=np.zeros(int(inside.sum()), dtype=int),  # neither metric looks at it
        y_pred=approved[inside].astype(int),
        sensitive_features=pd.Series(groups[inside], name="group"),
    ).by_group
    reference = max(large, key=lambda name: (int(frame.loc[name, "n"]), name))
    base = float(frame.loc[reference, "approval"])
    found = []
    for name in large:
        here = groups == name
        n, rate = int(frame.loc[name, "n"]), float(frame.loc[name, "approval"])
        low, high = share_interval(np.array([round(rate * n)]), np.array([n]))
        ratio: dict[str, float | None] = dict.fromkeys(("air", "air_low", "air_high"))
        distance = None
        if name != reference:
            ratio = _ratio(rate, n, base, int(frame.loc[reference, "n"]))
            distance = _smd(points[here], points[groups == reference])
        found.append(
            {
                "group": name,
                "n": n,
                "approval": rate,
                "approval_low": float(low[0]),
                "approval_high": float(high[0]),
                **ratio,
                "smd": distance,
                **_rates(approved[here], outcome[here], config.minimum_group),
            }
        )
    return {
        "reference": reference,
        "groups": found,
        "too_small": small,
        "tpr_gap": _gap(found, "tpr"),
        "fpr_gap": _gap(found, "fpr"),
    }


def _ratio(rate: float, n: int, base: float, m: int) -> dict[str, float | None]:
    """Return the ratio of two shares with its 95% interval (Katz et al. 1978, on the log)."""
    if base == 0 or rate == 0:
        return {"air": rate / base if base else None, "air_low": None, "air_high": None}
    error = np.sqrt((1 - rate) / (n * rate) + (1 - base) / (m * base))
    ratio = rate / base
    return {
        "air": ratio,
        "air_low": float(ratio * np.exp(-_Z * error)),
        "air_high": float(ratio * np.exp(_Z * error)),
    }


def _smd(points: FloatArray, others: FloatArray) -> float | None:
    """Return the difference of means over the pooled standard deviation (Cohen's d)."""
    n, m = len(points), len(others)
    if min(n, m) < 2:
        return None
    pooled = ((n - 1) * points.var(ddof=1) + (m - 1) * others.var(ddof=1)) / (n + m - 2)
    return float((points.mean() - others.mean()) / np.sqrt(pooled)) if pooled > 0 else 0.0


def _rates(approved: NDArray[np.bool_], outcome: FloatArray, least: int) -> dict[str, Any]:
    """Return tpr and fpr with intervals; a rate of fewer than ``least`` / 5 people is left out."""
    from fairlearn.metrics import true_positive_rate

    found: dict[str, Any] = {}
    for name, value in (("tpr", 0.0), ("fpr", 1.0)):
        here = outcome == value
        n = int(here.sum())
        found |= {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_n": n}
        if n >= max(1, least // 5):
            # Among people of one outcome, the share approved.
            rate = float(true_positive_rate(np.ones(n, dtype=int), approved[here].astype(int)))
            low, high = share_interval(np.array([round(rate * n)]), np.array([n]))
            found |= {name: rate, f"{name}_low": float(low[0]), f"{name}_high": float(high[0])}
    return found


def _gap(groups: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [one[name] for one in groups if one[name] is not None]
    return max(known) - min(known) if len(known) > 1 else None


def proxies(
    X: FloatArray, sources: Sequence[str], columns: Sequence[IntArray], belongs: IntArray, seed: int
) -> dict[str, Any] | None:
    """Return how well a model's inputs tell a group from the others: together and one by one.

    Parameters
    ----------
    X : array of shape (n, columns)
        The design matrix; ``columns`` are those of each of ``sources``.
    belongs : array of shape (n,)
        1 = of the group.

    Returns
    -------
    dict or None
        ``auc`` with ``low`` and ``high`` (cross-validated logistic regression on all inputs; 0.5 or
        less = they say nothing), ``n``, and ``strongest``: the ten inputs that say most alone. None
        where a side has too few rows.
    """
    from sklearn.model_selection import StratifiedKFold

    step = max(1, len(X) // _MOST_ROWS)
    X, belongs = X[::step], belongs[::step]
    if min(belongs.sum(), len(belongs) - belongs.sum()) < 5 * _FOLDS:
        return None
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(X, belongs)
    # Fold by fold: margins of several models, pooled, rank below chance where there is nothing.
    whole = mean_auc(
        [
            auc_interval(
                belongs[test],
                margin(fit_logistic(X[train], belongs[train], _PENALTY), X[test]),
            )
            for train, test in folds
        ]
    )
    alone: dict[str, float] = {}
    for source, places in zip(sources, columns, strict=True):
        for place in places:
            x = X[:, place]
            known = ~np.isnan(x)
            if len(np.unique(belongs[known])) == 2:
                auc = auc_interval(belongs[known], x[known]).auc
                alone[source] = max(alone.get(source, 0.5), auc, 1 - auc)
    ranked = sorted(alone.items(), key=lambda one: (-one[1], one[0]))[:10]
    return {
        "auc": whole.auc,
        "low": whole.low,
        "high": whole.high,
        "n": whole.n,
        "strongest": [{"source": source, "auc": auc} for source, auc in ranked],
    }


def alternatives(
    scores: Mapping[str, FloatArray],
    groups: NDArray[np.str_],
    outcome: FloatArray,
    share: float,
    config: FairnessConfig,
) -> list[dict[str, Any]]:
    """Return models and cut-offs that approve about as many, by impact and by bads approved.

    Parameters
    ----------
    scores : {model: points of shape (n,)}
        Models already trained for the same question.
    share : float
        The share that policy approves now; cut-offs within five points of it are tried.

    Returns
    -------
    list of dict
        model, approve_from, approved (share), air (the smallest over groups large enough),
        bad_rate (among the approved whose outcome is known) with n, auc, and ``frontier``: no
        other row has both a higher ratio and fewer bads.
    """
    names, sizes = np.unique(groups, return_counts=True)
    large = [n for n, size in zip(names, sizes, strict=True) if size >= config.minimum_group]
    known = ~np.isnan(outcome)
    rows: list[dict[str, Any]] = []
    for model, points in scores.items():
        auc = None
        if len(np.unique(outcome[known])) == 2:
            auc = auc_interval(outcome[known].astype(np.int64), -points[known]).auc
        for wanted in np.clip(share + np.linspace(-0.05, 0.05, 5), 0.01, 0.99):
            cut = float(np.quantile(points, 1 - wanted))
            approved = points >= cut
            rates = [float(approved[groups == name].mean()) for name in large]
            inside = approved & known
            if not rates or max(rates) == 0 or not inside.any():
                continue
            rows.append(
                {
                    "model": model,
                    "approve_from": cut,
                    "approved": float(approved.mean()),
                    "air": min(rates) / max(rates),
                    "bad_rate": float(outcome[inside].mean()),
                    "n": int(inside.sum()),
                    "auc": auc,
                }
            )
    for row in rows:
        row["frontier"] = not any(
            other["air"] >= row["air"]
            and other["bad_rate"] <= row["bad_rate"]
            and (other["air"], other["bad_rate"]) != (row["air"], row["bad_rate"])
            for other in rows
        )
    return sorted(rows, key=lambda row: (-row["air"], row["bad_rate"]))
