"""Fairness of a model on a dataset whose applications declare protected attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from credit_core.config import FairnessConfig
from credit_core.data.store import Dataset
from credit_core.decisions.policy import APPROVE
from credit_core.decisions.scoring import score_snapshots
from credit_core.errors import CandorError, InputError
from credit_core.labels.observed import dated, load_applications
from credit_core.modelling.bundle import Bundle
from credit_core.oversight import access, events, fairness
from credit_core.oversight.policies import load_in_force
from credit_core.oversight.registry import find_version, list_versions
from credit_core.settings import Settings
from credit_core.workflows.scoring import opened

MOST_MODELS = 12


def fairness_report(
    dataset: Dataset, settings: Settings, config: FairnessConfig, *, model: str = "champion"
) -> dict[str, Any]:
    """Return a fairness report on every declared protected attribute; nothing is recorded.

    Returns
    -------
    dict
        JSON-ready: ``model``, ``sha256``, ``dataset``, ``n``, ``minimum_group`` and
        ``attributes``: for each what `fairness.by_group` gives with ``attribute``, ``proxies``
        by group and ``alternatives``.

    Raises
    ------
    InputError
        Where the data declare no protected attribute.
    """
    if dataset.applications is None or not dataset.applications.protected:
        raise InputError(
            f"{dataset.name} declares no protected attribute. Declare one as the applications are "
            "brought in, or name its column protected_...; it is never a feature."
        )
    version = find_version(settings, model)
    bundle = load_in_force(settings, version)
    with opened(dataset, settings) as ledger:
        frame = dated(load_applications(dataset), ledger).reset_index(drop=True)
        scored = score_snapshots(bundle, ledger, frame[["customer_id", "as_of"]], frame)
        others = {}
        same = [v for v in list_versions(settings) if v.name == version.name and not v.circular]
        for other in same[:MOST_MODELS]:
            try:
                loaded = load_in_force(settings, other)
                points = score_snapshots(
                    loaded, ledger, frame[["customer_id", "as_of"]], frame
                ).scored.points
            except CandorError:  # trained on columns that these data lack
                continue
            others[other.reference] = points
    approved = np.array(scored.decisions) == APPROVE
    outcome = frame["outcome"].to_numpy(dtype=np.float64)
    X = bundle.design.matrix(scored.table)
    found = []
    for attribute in dataset.applications.protected:
        groups = _groups(frame[attribute])
        one = fairness.by_group(groups, approved, scored.scored.points, outcome, config)
        found.append(
            {
                "attribute": attribute,
                **one,
                "proxies": _proxies(bundle, X, groups, one),
                "alternatives": fairness.alternatives(
                    others, groups, outcome, float(approved.mean()), config
                ),
            }
        )
    return {
        "model": version.reference,
        "sha256": version.sha256,
        "circular": version.circular,
        "dataset": dataset.fingerprint,
        "n": len(frame),
        "minimum_group": config.minimum_group,
        "in_development": version.dataset == dataset.fingerprint,
        "attributes": found,
    }


def _groups(cells: pd.Series) -> np.ndarray[Any, Any]:
    return cells.astype("str").where(cells.notna(), fairness.MISSING).to_numpy(dtype=str)


def _proxies(
    bundle: Bundle, X: np.ndarray[Any, Any], groups: np.ndarray[Any, Any], found: dict[str, Any]
) -> dict[str, Any]:
    """Return for each group but the reference how well the inputs tell it from all others."""
    names = [one["group"] for one in found["groups"] if one["group"] != found["reference"]]
    sources, columns = bundle.design.sources, bundle.design.groups
    seed = int(bundle.facts["seed"])
    return {
        name: fairness.proxies(X, sources, columns, (groups == name).astype(np.int64), seed)
        for name in names
    }


def record_fairness(settings: Settings, facts: dict[str, Any]) -> events.Event:
    """Put a fairness report on record; the model's dossier prints the latest."""
    access.require(settings, "report")
    kept = {name: facts[name] for name in ("model", "sha256", "dataset", "n", "minimum_group")}
    attributes = [
        {name: one[name] for name in one if name not in ("alternatives", "proxies")}
        for one in facts["attributes"]
    ]
    return events.record(settings, fairness.KIND, {**kept, "attributes": attributes})
