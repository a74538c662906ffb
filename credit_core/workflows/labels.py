"""Try a label out: its cohorts and bad rates at once, its checks as a longer piece of work."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import midnight_after, open_ledger
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.labels.observed import observed_labels
from credit_core.labels.proxy import proxy_labels
from credit_core.labels.samples import OUT_OF_TIME, LabelledSnapshots
from credit_core.labels.windows import Windows, choose_windows
from credit_core.modelling.metrics import share_interval
from credit_core.settings import Settings
from credit_core.workflows.design import Progress, prepare


@dataclass(frozen=True)
class LabelPreview:
    """A label as it would be trained on, before any model.

    ``cohorts`` has one row a cohort, or a month of decisions for observed outcomes: ``as_of``,
    ``sample`` (development or out_of_time), ``snapshots``, ``bads``, ``bad_rate`` and its Jeffreys
    interval ``low``, ``high``. ``outcome_days`` is None and ``observation_days`` what features
    may see where outcomes were observed. ``report`` counts how applications met the ledger.
    """

    kind: str
    observation_days: int
    outcome_days: int | None
    cohorts: pd.DataFrame
    report: dict[str, Any]

    @property
    def last(self) -> datetime:
        moment: datetime = self.cohorts["as_of"].iloc[-1].to_pydatetime()
        return moment


def windows_of(dataset: Dataset, config: ModelConfig) -> Windows:
    """Return the windows and cohorts that a configuration gives this dataset's ledger.

    Raises
    ------
    InputError
        Where the ledger cannot hold them; the sentence says what would be enough.
    """
    first, end = span_of(dataset)
    return choose_windows(first, end, config.windows)


def span_of(dataset: Dataset) -> tuple[datetime, datetime]:
    """Return the midnights before the first transaction and after the last."""
    if dataset.first is None or dataset.last is None:
        raise InputError(f"{dataset.name} holds applications but no transactions.")
    first = datetime(dataset.first.year, dataset.first.month, dataset.first.day)
    return first, midnight_after(dataset.last)


def preview_label(
    dataset: Dataset, settings: Settings, config: ModelConfig, kind: str
) -> LabelPreview:
    """Make a label and count it by cohort.

    Raises
    ------
    InputError
        Where the windows do not fit the ledger, or the label has one value only.
    """
    opened = open_ledger(dataset, settings) if dataset.has_transactions else nullcontext()
    with opened as ledger:
        if kind == "observed":
            labels = observed_labels(dataset, ledger, config)
        else:
            assert ledger is not None  # noqa: S101 - a proxy is offered with transactions only
            labels = proxy_labels(ledger, kind, config)
    return LabelPreview(
        kind, labels.observation_days, labels.outcome_days, _by_cohort(labels), labels.report
    )


def _by_cohort(labels: LabelledSnapshots) -> pd.DataFrame:
    frame = labels.frame.assign(late=labels.frame["sample"] == OUT_OF_TIME)
    if not labels.is_proxy:  # every application has its own date
        frame["as_of"] = frame["as_of"].dt.to_period("M").dt.to_timestamp()
    counted = frame.groupby(["as_of", "late"], as_index=False, dropna=False).agg(
        snapshots=("label", "size"), bads=("label", "sum")
    )
    low, high = share_interval(counted["bads"].to_numpy(), counted["snapshots"].to_numpy())
    counted["sample"] = counted.pop("late").map({True: "out_of_time", False: "development"})
    counted["bad_rate"] = counted["bads"] / counted["snapshots"]
    return counted.assign(low=low, high=high)


def examine_label(
    dataset: Dataset,
    settings: Settings,
    config: ModelConfig,
    kind: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run every check of a training on a label, without training: ``label`` and ``checks``."""
    tell = progress or (lambda _share, _text: None)
    opened = open_ledger(dataset, settings) if dataset.has_transactions else nullcontext()
    with opened as ledger:
        ready = prepare(dataset, ledger, config, kind, tell)
    tell(1.0, "Done")
    return {"label": {**ready.labels.facts(), "rule": {}}, "checks": ready.checks}
