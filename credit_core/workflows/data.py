"""Bring a ledger in, and look at its customers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data import intake
from credit_core.data.intake import Progress
from credit_core.data.ledger import open_ledger
from credit_core.data.mapping import Mapping
from credit_core.data.propose import Evidence, UndecidedError
from credit_core.data.sniff import look_at
from credit_core.data.store import Dataset
from credit_core.labels.clusters import fit_clusters
from credit_core.labels.rfm import (
    SEGMENTS,
    customers_seen,
    name_segments,
    quintile_scores,
    rfm_table,
)
from credit_core.labels.windows import choose_windows
from credit_core.oversight import events
from credit_core.settings import Settings


@dataclass(frozen=True)
class FileLook:
    """A transactions file before it comes in.

    ``evidence`` says what was recognised and why; ``mapping`` is the whole proposal, None where a
    person has to decide (a required column, the order of day and month), and ``question`` then
    says what. ``rows`` has the first rows as text under the file's own headers.
    """

    name: str
    header: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    mapping: Mapping | None
    question: str | None
    rows: pd.DataFrame
    notes: tuple[str, ...]


def look(path: Path, settings: Settings, rows: int = 5) -> FileLook:
    """Look at a transactions file and propose a mapping; nothing is stored."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=settings.home) as scratch:
        source = look_at(path, settings, Path(scratch))
        sample = intake.first_rows(source, settings)
        mapping, question = None, None
        try:
            proposal = intake.propose(source, sample, settings)
            mapping, evidence = proposal.mapping, proposal.evidence
        except UndecidedError as error:
            question, evidence = str(error), error.evidence
    whole = [cells for cells in sample if len(cells) == len(source.header)]
    first = pd.DataFrame(whole[:rows], columns=list(source.header), dtype="str")
    return FileLook(source.name, source.header, evidence, mapping, question, first, source.notes)


def file_header(path: Path, settings: Settings) -> tuple[str, ...]:
    """Return the header of a file; it is checked like one that comes in."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=settings.home) as scratch:
        return look_at(path, settings, Path(scratch)).header


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


def activity(dataset: Dataset, settings: Settings) -> pd.DataFrame:
    """Return the ledger by calendar month (UTC), one row a month that has transactions.

    Columns ``month`` (its first day), ``transactions``, ``customers`` (distinct), ``money_out``
    and ``money_in`` (both at or above 0, the ledger's currency).
    """
    with open_ledger(dataset, settings) as ledger:
        return ledger.frame(
            """
            SELECT date_trunc('month', timestamp) AS month, count(*) AS transactions,
                   count(DISTINCT customer_id) AS customers,
                   CAST(sum(greatest(amount, 0)) AS DOUBLE) AS money_out,
                   CAST(-sum(least(amount, 0)) AS DOUBLE) AS money_in
            FROM transactions GROUP BY 1 ORDER BY 1
            """
        )


def earliest_transactions(dataset: Dataset, settings: Settings, limit: int = 200) -> pd.DataFrame:
    """Return the earliest transactions, typed, under their canonical names."""
    with open_ledger(dataset, settings) as ledger:
        columns = ", ".join(dataset.columns)
        return ledger.frame(
            f"""SELECT {columns} FROM transactions
            ORDER BY timestamp, customer_id, amount LIMIT $limit""",
            {"limit": limit},
        )


def first_rejects(dataset: Dataset, limit: int = 200) -> pd.DataFrame:
    """Return the first rows set aside: ``line``, ``column``, ``value``, ``reason``."""
    return pd.read_csv(
        dataset.rejects_path,
        nrows=limit,
        dtype={"line": "int64", "column": "str", "value": "str", "reason": "str"},
        keep_default_na=False,
    )


@dataclass(frozen=True)
class Segments:
    """Customers in segments and clusters, from the observation window before ``as_of``.

    ``table`` has customer_id, recency_days, frequency, monetary, r_score, f_score, m_score,
    segment and cluster (0 = least engaged). ``profile`` has one row a cluster and ``named`` one
    row a named segment, each with its ``customers``, their ``share``, and the medians of R, F, M.
    ``quintiles`` counts the customers by score (1 to 5, 5 = most engaged) of each of the three.
    """

    as_of: datetime
    observation_days: int
    table: pd.DataFrame
    profile: pd.DataFrame
    named: pd.DataFrame
    quintiles: pd.DataFrame


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
    named = _profile(table, "segment")
    order = [name for name, *_ in SEGMENTS if name in set(named["segment"])]
    return Segments(
        as_of,
        windows.observation_days,
        table,
        _profile(table, "cluster"),
        named.set_index("segment").loc[order].reset_index(),
        _quintile_counts(scores),
    )


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
