"""What recency, frequency and money alone say about a real outcome, and what a proxy says.

The figures a model trained on observed outcomes stands beside: if it cannot beat these, the
transactions behind it add nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.labels.rfm import RFM, rfm_table
from credit_core.labels.samples import DEVELOPMENT, LabelledSnapshots
from credit_core.modelling.concordance import clusters_against
from credit_core.modelling.estimator import margin
from credit_core.modelling.logistic import fit_logistic
from credit_core.modelling.metrics import Auc, auc_interval, mean_auc
from credit_core.modelling.quick import auc_facts
from credit_core.modelling.training import grouped_folds

_PROXY_OUTCOME_DAYS = 90


def outcome_references(
    ledger: Ledger, labels: LabelledSnapshots, config: ModelConfig
) -> dict[str, Any]:
    """Return the references on the development sample, each with its AUC, interval and n.

    ``recency_days``, ``frequency``, ``monetary``: each alone, in the better of its directions.
    ``rfm_model``: logistic regression on the three, cross-validated. ``proxy_label``: the
    disengaged label of the 90 days after each decision, as a prediction of the outcome (it sees
    the future, and still says little).
    """
    rows = labels.frame["sample"] == DEVELOPMENT
    frame = labels.frame[rows].reset_index(drop=True)
    label = frame["label"].to_numpy(dtype=np.int64)
    table = rfm_table(ledger, frame, start_days=-labels.observation_days, end_days=0)
    found: dict[str, Any] = {}
    for name in RFM:
        found[name] = auc_facts(_better_direction(label, table[name].to_numpy()))
    X = table.to_numpy(dtype=np.float64)
    parts = []
    for train, test in grouped_folds(frame, config.training.folds, config.training.seed):
        model = fit_logistic(X[train], label[train], 1.0)
        parts.append(auc_interval(label[test], margin(model, X[test])))
    found["rfm_model"] = auc_facts(mean_auc(parts))
    found["best_rfm_auc"] = max(found[name]["auc"] for name in (*RFM, "rfm_model"))
    found["proxy_label"] = clusters_against(ledger, frame, 0, _PROXY_OUTCOME_DAYS, config)
    return found


def _better_direction(label: NDArray[np.int64], values: NDArray[np.float64]) -> Auc:
    found = auc_interval(label, values)
    return found if found.auc >= 0.5 else auc_interval(label, -values)
