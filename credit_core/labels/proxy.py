"""Proxy labels: what can be learnt about later behaviour when no outcome was recorded."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.errors import InputError
from credit_core.labels.clusters import ClusterRule, fit_clusters
from credit_core.labels.rfm import customers_seen, rfm_table
from credit_core.labels.samples import (
    DEVELOPMENT,
    HOLDOUT,
    OUT_OF_TIME,
    LabelledSnapshots,
    hold_out_customers,
)
from credit_core.labels.windows import Windows, choose_windows


def proxy_labels(ledger: Ledger, kind: str, config: ModelConfig) -> LabelledSnapshots:
    """Label every cohort of a ledger by a proxy: disengaged, inactive or same_window.

    Raises
    ------
    InputError
        Where the ledger is too short, or the label has one value only.
    """
    windows = choose_windows(ledger.first, ledger.end, config.windows)
    frame = _snapshots(ledger, windows)
    held = hold_out_customers(
        frame["customer_id"], config.training.holdout_share, config.training.seed
    )
    frame["sample"] = DEVELOPMENT
    frame.loc[held, "sample"] = HOLDOUT
    if windows.out_of_time is not None:
        frame.loc[frame["as_of"] == windows.out_of_time, "sample"] = OUT_OF_TIME
    labels = LabelledSnapshots(
        kind, frame, windows.observation_days, windows.outcome_days, windows.facts()
    )
    labels = apply_proxy(ledger, labels, config)
    development = labels.frame.loc[labels.frame["sample"] == DEVELOPMENT, "label"]
    if development.nunique() < 2:
        only = "everyone" if len(development) and development.iloc[0] == 1 else "nobody"
        raise InputError(
            f"With an outcome window of {windows.outcome_days} days, {only} is {kind}, so there "
            "is nothing to learn. Choose another label or outcome window (windows.outcome_days)."
        )
    return labels


def apply_proxy(
    ledger: Ledger, labels: LabelledSnapshots, config: ModelConfig
) -> LabelledSnapshots:
    """Return the snapshots with ``label`` computed (anew) from a ledger."""
    if labels.kind == "same_window":
        start, end = -labels.observation_days, 0
    else:
        start, end = 0, labels.outcome_days or 0
    table = rfm_table(ledger, labels.frame, start_days=start, end_days=end)
    if labels.kind == "inactive":
        label = table["frequency"] == 0
        rule: dict[str, object] = {"bad": "frequency = 0 in the outcome window"}
    else:
        development = (labels.frame["sample"] == DEVELOPMENT).to_numpy()
        clusters: ClusterRule = fit_clusters(
            table[development], config.labels.clusters, config.training.seed
        )
        label = pd.Series(clusters.assign(table) == 0)
        rule = clusters.facts() | {"window_days": [start, end]}
    frame = labels.frame.assign(label=label.to_numpy().astype("int64"))
    return replace(labels, frame=frame, rule=rule)


def _snapshots(ledger: Ledger, windows: Windows) -> pd.DataFrame:
    cohorts = [customers_seen(ledger, as_of) for as_of in windows.cohorts]
    return pd.concat(cohorts, ignore_index=True)
