"""Train, check, register and promote: from a dataset to models with their evidence."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import FAMILIES, LABEL_KINDS, ModelConfig
from credit_core.data.ledger import Ledger, open_ledger
from credit_core.data.store import Dataset
from credit_core.decisions.contributions import score_table
from credit_core.decisions.policy import APPROVE, Policy, build_policy
from credit_core.decisions.reference import approved_reference, reason_mix, reason_stability
from credit_core.decisions.scale import Scale
from credit_core.errors import InputError, RefusedError
from credit_core.features.build import build_features
from credit_core.features.catalogue import Catalogue
from credit_core.labels.observed import dated, load_applications
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT
from credit_core.modelling.bundle import Bundle, save_bundle
from credit_core.modelling.calibration import probability
from credit_core.modelling.design import as_levels
from credit_core.modelling.metrics import evaluate
from credit_core.modelling.naive import against_naive, naive_references
from credit_core.modelling.stability import freeze_levels, freeze_numbers
from credit_core.modelling.training import (
    REPEATS,
    SMALL_SAMPLE,
    TrainedModel,
    TrainingData,
    repeats_for,
    train_family,
)
from credit_core.oversight import access, events, registry
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import Settings
from credit_core.workflows.analysis import analyse, common_analysis
from credit_core.workflows.champions import changes, nearest_evidence, promote
from credit_core.workflows.design import Prepared, Progress, part_of, prepare

_PACKAGES = (
    "candor",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "lightgbm",
    "xgboost",
    "xgboost-cpu",
    "duckdb",
)
_ENOUGH_HELD = 30


@dataclass(frozen=True)
class TrainingRequest:
    """What to train: the label's kind (None = observed where outcomes exist) and the families."""

    label: str | None = None
    families: tuple[str, ...] = ()
    promote: bool = False


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: the label, the checks and the registered versions, best first.

    ``champion`` is what was promoted, ``changes`` what that changes besides the model; ``refused``
    says why nothing was, where it was asked for.
    """

    dataset: Dataset
    label: dict[str, Any]
    checks: dict[str, Any]
    references: dict[str, Any]
    versions: tuple[ModelVersion, ...]
    champion: ModelVersion | None
    refused: str | None
    changes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return what ``candor train --json`` prints."""
        return {
            "dataset": self.dataset.summary(),
            "label": self.label,
            "checks": self.checks,
            "references": self.references,
            "models": [
                {
                    "family": version.family,
                    "run_id": version.run_id,
                    "name": version.name,
                    "version": version.version,
                    "refusal": version.refusal,
                    **version.metrics,
                }
                for version in self.versions
            ],
            "champion": _champion_facts(self.champion),
            "changes": list(self.changes),
            "refused": self.refused,
        }


def _champion_facts(champion: ModelVersion | None) -> dict[str, str] | None:
    if champion is None:
        return None
    return {"name": champion.name, "version": champion.version, "family": champion.family}


def train(
    dataset: Dataset,
    settings: Settings,
    config: ModelConfig,
    request: TrainingRequest,
    progress: Progress | None = None,
    each: Callable[[dict[str, Any]], None] | None = None,
) -> TrainingResult:
    """Train the requested families on a dataset and register each as a version.

    ``each`` hears of every family as soon as it is trained and judged (family, refusal and its
    metrics by sample), before any of them is registered.
    The best by AUC out of time (cross-validated where there is no such cohort) becomes champion
    where ``request.promote`` asks for it and no check stands against it.
    """
    access.require(settings, "train")
    tell = progress or (lambda _share, _text: None)
    kind = _label_kind(dataset, request)
    families = request.families or config.training.models
    unknown = [family for family in families if family not in FAMILIES]
    if unknown:
        raise InputError(f"There is no model {unknown[0]!r}; known: {', '.join(FAMILIES)}.")
    tags = {"label": kind, "dataset": dataset.fingerprint}
    with registry.training(settings, tags) as run_id:
        opened = open_ledger(dataset, settings) if dataset.has_transactions else nullcontext()
        with opened as ledger:
            result = _train(dataset, ledger, settings, config, kind, families, run_id, tell, each)
    if request.promote:
        result = _promote_best(result, settings)
    tell(1.0, "Done")
    return result


def _label_kind(dataset: Dataset, request: TrainingRequest) -> str:
    outcomes = dataset.applications is not None and dataset.applications.has_outcome
    kind = request.label or ("observed" if outcomes else "disengaged")
    if kind not in LABEL_KINDS:
        raise InputError(f"There is no label {kind!r}; known: {', '.join(LABEL_KINDS)}.")
    if kind != "observed" and not dataset.has_transactions:
        raise InputError(f"The label {kind} needs transactions; {dataset.name} has none.")
    return kind


def _train(
    dataset: Dataset,
    ledger: Ledger | None,
    settings: Settings,
    config: ModelConfig,
    kind: str,
    families: tuple[str, ...],
    run_id: str,
    tell: Progress,
    each: Callable[[dict[str, Any]], None] | None,
) -> TrainingResult:
    ready = prepare(dataset, ledger, config, kind, part_of(tell, 0.0, 0.35))
    labels, data, checks = ready.labels, ready.data, ready.checks
    checks["small_sample"] = small_sample(data)
    naive = naive_references(data, config)
    common = common_analysis(data, ready.table)
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for i, family in enumerate(families):
            part = part_of(tell, 0.35 + 0.6 * i / len(families), 0.6 / len(families))
            model = train_family(family, data, config, settings.threads, part)
            facts = _facts(dataset, ready, model, config)
            facts = _beside(facts, against_naive(data, model.log_odds, naive))
            facts = _finish(facts, model, ready.table, data)
            if ledger is not None and labels.is_proxy:
                facts = _against_outcomes(facts, model, dataset, ledger)
            bundle = Bundle(facts, model.estimator)
            analysis = analyse(model, bundle, data, ready.table, common)
            evidence = {
                "evaluation.parquet": _evaluation(data, model, common.segments),
                "analysis.json": json.dumps(analysis, sort_keys=True, allow_nan=False).encode(),
            }
            folders.append(Path(scratch) / f"{i}")
            save_bundle(facts, model.estimator, evidence, folders[-1])
            if each is not None:
                refusal = facts["checks"]["refusal"]
                each({"family": family, "refusal": refusal, **facts["metrics"]})
        tell(0.96, "Registering the models")
        versions = [registry.register(settings, run_id, folder) for folder in folders]
    label = {**labels.facts(), "rule": {}}
    events.record(
        settings,
        "trained",
        {
            "dataset": dataset.fingerprint,
            "label": kind,
            "circular": checks["circular"],
            "versions": [version.reference for version in versions],
            "sha256": [version.sha256 for version in versions],
        },
    )
    ordered = sorted(versions, key=lambda version: -nearest_evidence(version)["auc"])
    return TrainingResult(dataset, label, checks, ready.references, tuple(ordered), None, None)


def small_sample(data: TrainingData) -> str | None:
    """Return what a small development sample means for its figures, None where it is not small."""
    label = data.label[data.rows(DEVELOPMENT)]
    bads = int(label.sum())
    if repeats_for(label) == 1:
        return None
    rarer = "bads" if bads <= len(label) - bads else "goods"
    return (
        f"Small sample: {min(bads, len(label) - bads)} {rarer} in development, fewer than "
        f"{SMALL_SAMPLE}. The cross-validation is repeated {REPEATS} times; intervals stay wide, "
        "and differences between models are mostly chance."
    )


def _facts(
    dataset: Dataset,
    ready: Prepared,
    model: TrainedModel,
    config: ModelConfig,
) -> dict[str, Any]:
    labels, data = ready.labels, ready.data
    catalogue = data.catalogue or Catalogue(labels.observation_days, ())
    protected = dataset.applications.protected if dataset.applications else ()
    return {
        "family": model.family,
        "question": labels.question,
        "label": labels.facts(),
        "observation_days": labels.observation_days,
        "categories": list(catalogue.categories),
        "catalogue_fingerprint": catalogue.fingerprint,
        "features": list(catalogue.names),
        "attributes": [vars(attribute) for attribute in ready.attributes],
        "protected": list(protected),
        "design": data.design.facts(),
        "calibration": vars(model.calibration),
        "scale": config.scale.model_dump(),
        "metrics": {name: metrics.facts() for name, metrics in model.metrics.items()},
        "checks": ready.checks,
        "parameters": model.parameters,
        "seed": config.training.seed,
        "config": config.model_dump(mode="json"),
        "versions": {
            "python": python_version(),
            **_installed(),
        },
        "dataset": {
            "fingerprint": dataset.fingerprint,
            "name": dataset.name,
            "rows": dataset.rows,
            "customers": dataset.customers,
        },
    }


@cache
def _installed() -> dict[str, str]:
    """Return the versions of the packages a model depends on; XGBoost has two names."""
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = installed(name)
    return found


def _beside(facts: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Add what the naive references reach; a model that does not beat them is not promotable."""
    checks = facts["checks"]
    refusal = checks["refusal"] or found["refusal"]
    return {**facts, "checks": {**checks, "naive": found, "refusal": refusal}}


def _finish(
    facts: dict[str, Any],
    model: TrainedModel,
    table: pd.DataFrame,
    data: TrainingData,
) -> dict[str, Any]:
    """Add the policy, and the reference distributions of the development sample."""
    scale = Scale.of(ModelConfig.model_validate(facts["config"]).scale)
    development = data.rows(DEVELOPMENT)
    points = scale.points(model.log_odds)
    config = ModelConfig.model_validate(facts["config"]).policy
    policy = build_policy(points[development], data.label[development], config)
    bundle = Bundle(facts, model.estimator)
    seen = table.iloc[development]
    scored = score_table(bundle, seen)
    counted = seen["transactions"].to_numpy() if "transactions" in table else None
    approved = policy.decide(scored.points, counted) == APPROVE
    if not approved.any():
        approved = np.ones(len(development), dtype=bool)
    numeric = [c.source for c in data.design.columns if c.level is None]
    quantiles = {
        source: _quantiles(pd.to_numeric(table[source].iloc[development], errors="coerce"))
        for source in numeric
    }
    reference = {
        "described_as": "the average approved customer of the development sample",
        **approved_reference(bundle, seen[approved]),
        "stability": {},
        "base": scored.base,
        "quantiles": quantiles,
        "score_quantiles": _quantiles(pd.Series(points[development])),
        "bins": {
            source: (
                freeze_levels(as_levels(seen[source]))
                if source in data.design.categories
                else freeze_numbers(
                    pd.to_numeric(seen[source], errors="coerce").to_numpy("float64")
                )
            ).facts()
            for source in data.design.sources
        },
        **_usual_scores(points, policy, table, data),
    }
    finished = {**facts, "policy": policy.facts(), "reference": reference}
    judged = Bundle(finished, model.estimator)
    reference["stability"] = reason_stability(
        judged, model.resampled, seen[approved], seen[~approved]
    )
    reference["reason_mix"] = reason_mix(judged, seen[~approved])
    return finished


def _usual_scores(
    points: NDArray[np.float64], policy: Policy, table: pd.DataFrame, data: TrainingData
) -> dict[str, Any]:
    """Return the scores of customers the final model had not seen, as new ones are compared with.

    They are the hold-out's. Where that is too small they are development's own, each given by a
    model that had not seen it; those of a small sample differ from the final model's.
    """
    held = data.rows(HOLDOUT)
    sample = HOLDOUT if len(held) >= _ENOUGH_HELD else DEVELOPMENT
    rows = data.rows(sample)
    counted = table["transactions"].to_numpy()[rows] if "transactions" in table else None
    return {
        "score_sample": sample,
        "score_bins": freeze_numbers(points[rows]).facts(),
        "approved_share": float((policy.decide(points[rows], counted) == APPROVE).mean()),
    }


def _quantiles(values: pd.Series) -> list[float]:
    known = values.dropna()
    if known.empty:
        return []
    return [float(value) for value in np.quantile(known, np.linspace(0, 1, 21))]


def _against_outcomes(
    facts: dict[str, Any], model: TrainedModel, dataset: Dataset, ledger: Ledger
) -> dict[str, Any]:
    """Measure a proxy model against real outcomes, where the dataset has them."""
    if dataset.applications is None or not dataset.applications.has_outcome:
        return facts
    applications = dated(load_applications(dataset), ledger)
    known = applications[applications["outcome"].notna()].reset_index(drop=True)
    bundle = Bundle(facts, model.estimator)
    table = build_features(ledger, known, bundle.catalogue)
    outcome = known["outcome"].to_numpy(dtype=np.int64)
    found = evaluate(outcome, score_table(bundle, table).risk)
    return {**facts, "metrics": {**facts["metrics"], "observed_outcome": found.facts()}}


def _evaluation(data: TrainingData, model: TrainedModel, segments: pd.DataFrame) -> bytes:
    """Return the evaluation sample as Parquet: sample, label, risk, segments; no customer in it.

    The segments' columns are called ``segment NAME``.
    """
    frame = pd.DataFrame(
        {
            "sample": data.frame["sample"].to_numpy(),
            "label": data.label,
            "risk": probability(model.log_odds),
            **{f"segment {by}": pd.Categorical(segments[by]) for by in segments.columns},
        }
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _promote_best(result: TrainingResult, settings: Settings) -> TrainingResult:
    best = result.versions[0]
    try:
        changed = changes(settings, best.reference)
        promoted = promote(best.reference, "best AUC of its training", settings)
    except RefusedError as error:
        return replace(result, refused=str(error))
    return replace(result, champion=promoted, changes=tuple(changed))
