"""Bring a ledger in, and look at its customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data import intake
from credit_core.data.intake import Progress
from credit_core.data.ledger import open_ledger
from credit_core.data.mapping import Mapping
from credit_core.data.store import Dataset
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.rfm import customers_seen, name_segments, quintile_scores, rfm_table
from credit_core.labels.windows import choose_windows
from credit_core.oversight import events
from credit_core.settings import Settings


def ingest(
    path: Path | None,
    settings: Settings,
    *,
    mapping: Mapping | None = None,
    applications: Path | None = None,
    protected: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Dataset:
    """Store a transactions file and/or applications as a dataset, and record the event."""
    dataset = intake.ingest(
        path,
        settings,
        mapping=mapping,
        applications=applications,
        protected=protected,
        progress=progress,
    )
    events.record(
        settings,
        "ingested",
        {
            "dataset": dataset.fingerprint,
            "rows": dataset.rows,
            "rejected": dataset.rejected,
            "customers": dataset.customers,
        },
    )
    return dataset


@dataclass(frozen=True)
class Segments:
    """Customers in segments and clusters, from the observation window before ``as_of``.

    ``table`` has customer_id, recency_days, frequency, monetary, r_score, f_score, m_score,
    segment and cluster (0 = least engaged); ``profile`` one row a cluster.
    """

    as_of: datetime
    observation_days: int
    table: pd.DataFrame
    profile: pd.DataFrame


def segment(dataset: Dataset, settings: Settings, config: ModelConfig) -> Segments:
    """Score recency, frequency and money at the end of the ledger, and cluster the customers."""
    with open_ledger(dataset, settings) as ledger:
        windows = choose_windows(ledger.first, ledger.end, config.windows)
        snapshots = customers_seen(ledger, ledger.end)
        rfm = rfm_table(ledger, snapshots, start_days=-windows.observation_days, end_days=0)
        as_of = ledger.end
    scores = quintile_scores(rfm)
    rule = fit_clusters(rfm, config.labels.clusters, config.training.seed)
    table = pd.concat([snapshots[["customer_id"]], rfm, scores], axis=1)
    table["segment"] = name_segments(scores)
    table["cluster"] = rule.assign(rfm)
    profile = table.groupby("cluster", as_index=False).agg(
        customers=("customer_id", "size"),
        recency_days=("recency_days", "median"),
        frequency=("frequency", "median"),
        monetary=("monetary", "median"),
    )
    profile["share"] = profile["customers"] / len(table)
    return Segments(as_of, windows.observation_days, table, profile)
