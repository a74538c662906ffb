"""From a dataset to a checked design: label, features and the evidence for or against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.data.store import Attribute, Dataset
from credit_core.errors import InputError
from credit_core.features.build import build_features, frequent_categories
from credit_core.features.catalogue import Catalogue, build_catalogue
from credit_core.labels.observed import (
    dated,
    known_outcomes,
    load_applications,
    observed_labels,
)
from credit_core.labels.proxy import proxy_labels
from credit_core.labels.samples import DEVELOPMENT, LabelledSnapshots
from credit_core.modelling.design import fit_design
from credit_core.modelling.evidence import examine
from credit_core.modelling.reference import outcome_references
from credit_core.modelling.training import TrainingData

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Prepared:
    """What models are trained on: ``table`` has the features and attributes, row for row."""

    labels: LabelledSnapshots
    data: TrainingData
    attributes: tuple[Attribute, ...]
    table: pd.DataFrame
    references: dict[str, Any]
    checks: dict[str, Any]


def prepare(
    dataset: Dataset,
    ledger: Ledger | None,
    config: ModelConfig,
    kind: str,
    tell: Progress,
) -> Prepared:
    """Make the label and the features of a dataset, and run every check on them."""
    tell(0.05, "Making the label")
    if kind == "observed":
        labels = observed_labels(dataset, ledger, config)
    else:
        assert ledger is not None  # noqa: S101 - a proxy without transactions was refused
        labels = proxy_labels(ledger, kind, config)
    tell(0.2, "Building features")
    data, attributes, table = _training_data(dataset, ledger, labels, config)
    references: dict[str, Any] = {}
    if ledger is not None and kind == "observed":
        tell(0.3, "Measuring what recency, frequency and money reach alone")
        references = outcome_references(ledger, labels, config)
    checks = examine(
        ledger,
        labels,
        data,
        config,
        references=references,
        outcomes=known_outcomes(dataset, ledger),
        tell=part_of(tell, 0.4, 0.6),
    )
    return Prepared(labels, data, attributes, table, references, checks)


def part_of(tell: Progress, start: float, width: float) -> Progress:
    """Return a progress that fills ``width`` of the whole, from ``start``."""
    return lambda share, text: tell(start + width * share, text)


def _training_data(
    dataset: Dataset, ledger: Ledger | None, labels: LabelledSnapshots, config: ModelConfig
) -> tuple[TrainingData, tuple[Attribute, ...], pd.DataFrame]:
    """Return the design, the attributes in it, and the table of features and attributes."""
    frame = labels.frame
    development = (frame["sample"] == DEVELOPMENT).to_numpy()
    catalogue: Catalogue | None = None
    table = pd.DataFrame(index=frame.index)
    if ledger is not None:
        last = frame.loc[development, "as_of"].max().to_pydatetime()
        categories = frequent_categories(ledger, last, config.features.max_categories)
        catalogue = build_catalogue(labels.observation_days, ledger.abilities, categories)
        table = build_features(ledger, frame, catalogue)
    attributes: tuple[Attribute, ...] = ()
    if labels.kind == "observed" and dataset.applications is not None:
        taken = set(catalogue.names) if catalogue else set()
        attributes = dataset.applications.attributes
        clash = [attribute.name for attribute in attributes if attribute.name in taken]
        if clash:
            raise InputError(
                f"The applications have a column {clash[0]!r}, the name of a feature; rename it."
            )
        names = [attribute.name for attribute in attributes]
        applications = dated(load_applications(dataset), ledger)
        matched = frame[["customer_id", "as_of"]].merge(
            applications[["customer_id", "as_of", *names]], how="left", on=["customer_id", "as_of"]
        )
        table = pd.concat([table, matched[names]], axis=1)
    categorical = frozenset(a.name for a in attributes if a.kind == "category")
    design = fit_design(table[development], categorical, config.features.max_levels)
    if not design.columns:
        raise InputError(
            f"{dataset.name} gives no feature that differs between customers; nothing to learn."
        )
    used = set(design.sources)
    kept = catalogue.only(used) if catalogue else None
    attributes = tuple(attribute for attribute in attributes if attribute.name in used)
    return TrainingData(design.matrix(table), frame, design, kept), attributes, table
