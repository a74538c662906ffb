"""Who the customers are: segments and clusters, how many, and who moved between two dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger, open_ledger
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.labels.choice import ChoiceOfK, scan_clusters, stability
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.rfm import (
    RFM,
    SEGMENTS,
    customers_seen,
    name_segments,
    quintile_scores,
    rfm_table,
)
from credit_core.labels.windows import choose_windows
from credit_core.settings import Settings

SEGMENT_NAMES = tuple(name for name, *_ in SEGMENTS)
NEW = "Not yet a customer"
_QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


@dataclass(frozen=True)
class Segments:
    """Customers in segments and clusters, from the observation window before ``as_of``.

    ``table`` has customer_id, recency_days, frequency, monetary, r_score, f_score, m_score,
    segment and cluster (0 = least engaged). ``profile`` has one row a cluster and ``named`` one
    row a named segment, each with its ``customers``, their ``share``, and the medians of R, F, M.
    ``quintiles`` counts the customers by score (1 to 5, 5 = most engaged) of each of the three.
    ``spreads`` has one row a cluster and measure: ``cluster``, ``measure`` (recency_days,
    frequency or monetary) and the quantiles ``p5``, ``p25``, ``p50``, ``p75``, ``p95``.
    """

    as_of: datetime
    observation_days: int
    table: pd.DataFrame
    profile: pd.DataFrame
    named: pd.DataFrame
    quintiles: pd.DataFrame
    spreads: pd.DataFrame


def segment(dataset: Dataset, settings: Settings, config: ModelConfig) -> Segments:
    """Score recency, frequency and money at the end of the ledger, and cluster the customers."""
    with open_ledger(dataset, settings) as ledger:
        windows = choose_windows(ledger.first, ledger.end, config.windows)
        snapshots, rfm = _rfm_at(ledger, ledger.end, windows.observation_days)
        as_of = ledger.end
    scores = quintile_scores(rfm)
    rule = fit_clusters(rfm, config.labels.clusters, config.training.seed)
    table = pd.concat([snapshots[["customer_id"]], rfm, scores], axis=1)
    table["segment"] = name_segments(scores)
    table["cluster"] = rule.assign(rfm)
    named = _profile(table, "segment")
    order = [name for name in SEGMENT_NAMES if name in set(named["segment"])]
    return Segments(
        as_of,
        windows.observation_days,
        table,
        _profile(table, "cluster"),
        named.set_index("segment").loc[order].reset_index(),
        _quintile_counts(scores),
        _spreads(table),
    )


def _rfm_at(ledger: Ledger, as_of: datetime, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return everyone seen before a date, and their R, F, M of the days before it."""
    snapshots = customers_seen(ledger, as_of)
    return snapshots, rfm_table(ledger, snapshots, start_days=-days, end_days=0)


def _profile(table: pd.DataFrame, by: str) -> pd.DataFrame:
    profile = table.groupby(by, as_index=False).agg(
        customers=("customer_id", "size"),
        recency_days=("recency_days", "median"),
        frequency=("frequency", "median"),
        monetary=("monetary", "median"),
    )
    profile["share"] = profile["customers"] / len(table)
    return profile


def _quintile_counts(scores: pd.DataFrame) -> pd.DataFrame:
    """Return ``score`` 1 to 5 and how many customers have it for R, F and M (ties share one)."""
    counted = {name: scores[name].value_counts() for name in scores.columns}
    counts = pd.DataFrame(counted, index=pd.RangeIndex(1, 6, name="score"))
    return counts.fillna(0).astype("int64").reset_index()


def _spreads(table: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for measure in RFM:
        wide = (
            table.groupby("cluster")[measure].quantile(np.array([*_QUANTILES.values()])).unstack()
        )
        wide.columns = list(_QUANTILES)
        parts.append(wide.reset_index().assign(measure=measure))
    return pd.concat(parts, ignore_index=True)[["cluster", "measure", *_QUANTILES]]


@dataclass(frozen=True)
class Clusterings:
    """What speaks for a number of clusters: the scan over k, and the chosen k's ``stability``.

    ``chosen`` is the k in use; ``stability`` as `credit_core.labels.choice.stability`.
    """

    scan: ChoiceOfK
    chosen: int
    stability: pd.DataFrame


def choose_k(found: Segments, config: ModelConfig) -> Clusterings:
    """Scan k = 2 to 10 over the segments' customers, and test the k in use with other seeds."""
    rfm, seed, k = found.table[list(RFM)], config.training.seed, config.labels.clusters
    return Clusterings(scan_clusters(rfm, seed), k, stability(rfm, k, seed))


@dataclass(frozen=True)
class Movement:
    """Who moved between two dates.

    ``counts`` has a row for each group at ``earlier`` (the last: those not yet customers) and a
    column for each group at ``later``; ``stayed`` is the share of the earlier customers in the
    group they were in. ``complete`` is False where the ledger begins inside the earlier
    observation window.
    """

    earlier: datetime
    later: datetime
    counts: pd.DataFrame
    stayed: float
    complete: bool


def move(
    dataset: Dataset,
    settings: Settings,
    config: ModelConfig,
    found: Segments,
    earlier: datetime,
    by: Literal["segment", "cluster"],
) -> Movement:
    """Compare each customer's segment or cluster at an earlier date with today's.

    Segments are cut anew among the customers of each date, for quintiles compare customers with
    each other; clusters keep the centres of the later date.

    Raises
    ------
    InputError
        Where nobody transacted before ``earlier``.
    """
    with open_ledger(dataset, settings) as ledger:
        if not ledger.first < earlier < found.as_of:
            raise InputError(
                f"Choose an earlier date after {ledger.first:%Y-%m-%d} and before "
                f"{found.as_of:%Y-%m-%d}; {earlier:%Y-%m-%d} is not."
            )
        snapshots, rfm = _rfm_at(ledger, earlier, found.observation_days)
        complete = (earlier - ledger.first).days >= found.observation_days
    if by == "segment":
        before = name_segments(quintile_scores(rfm))
        order = list(SEGMENT_NAMES)
    else:
        rule = fit_clusters(found.table[list(RFM)], config.labels.clusters, config.training.seed)
        before = pd.Series(rule.assign(rfm))
        order = list(found.profile["cluster"])
    then = pd.Series(before.to_numpy(), index=snapshots["customer_id"])
    matched = found.table["customer_id"].map(then).astype(object)
    groups = matched.where(matched.notna(), NEW)
    counts = pd.crosstab(groups, found.table[by])
    counts = counts.reindex(index=[*order, NEW], columns=order, fill_value=0)
    known = counts.loc[order].to_numpy()
    stayed = float(np.trace(known) / known.sum())
    return Movement(earlier, found.as_of, counts, stayed, complete)
