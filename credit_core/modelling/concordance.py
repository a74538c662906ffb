"""Proxy against reality: what RFM clusters say about outcomes that were observed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.rfm import rfm_table
from credit_core.modelling.metrics import auc_interval, share_interval
from credit_core.modelling.quick import auc_facts, rarer

_FEWEST = 10


def concordance(
    ledger: Ledger,
    outcomes: pd.DataFrame,
    observation_days: int,
    outcome_days: int,
    config: ModelConfig,
) -> dict[str, Any]:
    """Return `clusters_against` for the window before each decision and for the one after it.

    ``before``: what the common recipe knows when it calls a cluster risky. ``after``: the proxy
    label itself, which sees the future, where that window is complete; each may be None.
    """
    return {
        "before": clusters_against(ledger, outcomes, -observation_days, 0, config),
        "after": clusters_against(ledger, outcomes, 0, outcome_days, config),
    }


def clusters_against(
    ledger: Ledger, outcomes: pd.DataFrame, start_days: int, end_days: int, config: ModelConfig
) -> dict[str, Any] | None:
    """Cluster applicants by RFM in a window around their date and compare with their outcomes.

    Only applicants with a transaction before their date, and whose window is complete, take part;
    None where fewer than 10 goods or bads are left.

    Parameters
    ----------
    outcomes : DataFrame
        Columns ``customer_id``, ``as_of`` and ``label`` (1 = bad).

    Returns
    -------
    dict
        The AUC facts of "is in the least engaged cluster" as a prediction of bad; ``kappa``
        (Cohen: 1 = they agree, 0 = as by chance) between the two; ``bad_rate_disengaged`` and
        ``bad_rate_others``; ``clusters``: one row a cluster (0 = least engaged) with ``n``,
        ``bads``, ``bad_rate`` and its Jeffreys interval ``low``, ``high``.
    """
    from sklearn.metrics import cohen_kappa_score

    frame = _with_history(ledger, outcomes)
    complete = frame["as_of"] + timedelta(days=end_days) <= pd.Timestamp(ledger.end)
    frame = frame[complete].reset_index(drop=True)
    label = frame["label"].to_numpy(dtype=np.int64)
    if rarer(label) < _FEWEST:
        return None
    table = rfm_table(ledger, frame, start_days=start_days, end_days=end_days)
    rule = fit_clusters(table, config.labels.clusters, config.training.seed)
    cluster = rule.assign(table)
    disengaged = (cluster == 0).astype(np.int64)
    if len(np.unique(disengaged)) < 2:
        return None
    n = np.bincount(cluster, minlength=len(rule.centres))
    bads = np.bincount(cluster, weights=label, minlength=len(rule.centres)).astype(np.int64)
    low, high = share_interval(bads, n)
    return {
        **auc_facts(auc_interval(label, disengaged.astype(np.float64))),
        "kappa": float(cohen_kappa_score(label, disengaged)),
        "bad_rate_disengaged": float(label[disengaged == 1].mean()),
        "bad_rate_others": float(label[disengaged == 0].mean()),
        "window_days": [start_days, end_days],
        "clusters": [
            {
                "cluster": i,
                "n": int(n[i]),
                "bads": int(bads[i]),
                "bad_rate": float(bads[i] / n[i]),
                "low": float(low[i]),
                "high": float(high[i]),
            }
            for i in range(len(n))
            if n[i]
        ],
    }


def _with_history(ledger: Ledger, outcomes: pd.DataFrame) -> pd.DataFrame:
    with ledger.given("decided", outcomes[["customer_id", "as_of", "label"]]):
        return ledger.frame(
            f"""
            SELECT customer_id, as_of, label
            FROM decided JOIN {ledger.customers} USING (customer_id)
            WHERE first < as_of ORDER BY as_of, customer_id, label
            """
        )
