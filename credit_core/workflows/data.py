"""Bring a ledger in, and look at what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from credit_core.data import intake
from credit_core.data.evidence import Evidence, UndecidedError
from credit_core.data.intake import Progress
from credit_core.data.ledger import open_ledger
from credit_core.data.mapping import Mapping
from credit_core.data.sniff import look_at
from credit_core.data.store import Dataset, incoming_folder
from credit_core.oversight import access, events
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
    with incoming_folder(settings) as scratch:
        source = look_at(path, settings, scratch)
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
    with incoming_folder(settings) as scratch:
        return look_at(path, settings, scratch).header


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
    access.require(settings, "bring in data")
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


def first_rejects(path: Path, limit: int = 200) -> pd.DataFrame:
    """Return the first rows of a file of rejects: ``line``, ``column``, ``value``, ``reason``."""
    return pd.read_csv(
        path,
        nrows=limit,
        dtype={"line": "int64", "column": "str", "value": "str", "reason": "str"},
        keep_default_na=False,
    )
