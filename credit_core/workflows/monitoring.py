"""Monitor a model on a dataset, record the report, and take outcomes that arrive later."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from credit_core.config import MonitoringConfig
from credit_core.data.applications import store_applications
from credit_core.data.intake import Progress
from credit_core.data.sniff import look_at
from credit_core.data.store import Applications, Dataset, incoming_folder, write_atomic
from credit_core.decisions.policy import APPROVE, Policy
from credit_core.decisions.reasons import choose_reasons
from credit_core.decisions.scoring import ScoredSnapshots, in_parts, score_parts, score_snapshots
from credit_core.errors import InputError
from credit_core.labels.observed import dated, load_applications
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.design import as_levels
from credit_core.modelling.stability import Frozen
from credit_core.oversight import access, events, monitoring
from credit_core.oversight.policies import load_in_force
from credit_core.oversight.registry import ModelVersion, find_version
from credit_core.settings import Settings
from credit_core.workflows.decisions import list_decisions
from credit_core.workflows.scoring import opened, snapshots_of

_PART = 50_000
OUTCOMES = "outcomes received"


def monitor(
    dataset: Dataset,
    settings: Settings,
    config: MonitoringConfig,
    *,
    model: str = "champion",
    as_of: datetime | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare a dataset with a model's development sample; nothing is recorded.

    Returns
    -------
    dict
        JSON-ready: ``model``, ``sha256``, ``label``, ``question``, ``dataset``, ``as_of`` [first,
        last], ``n``, ``drift``, ``overrides``, ``quality`` and ``outcomes`` (see
        `oversight.monitoring`), ``alerts`` and the gravest ``level``.
    """
    tell = progress or (lambda _share, _text: None)
    version = find_version(settings, model)
    bundle = load_in_force(settings, version)
    outcome = received_outcomes(settings, dataset)
    counted = _Counted(bundle)
    judged = []
    with opened(dataset, settings) as ledger:
        tell(0.05, "Choosing whom to score")
        snapshots, applications = snapshots_of(dataset, ledger, bundle, as_of)
        parts = in_parts(len(snapshots), _PART)
        tell(0.1, f"0 of {len(snapshots):,} compared")
        scores = score_parts(bundle, ledger, snapshots, applications, parts)
        for part, scored in zip(parts, scores, strict=True):
            counted.add(scored)
            share = part.stop / len(snapshots)
            tell(0.1 + 0.8 * share, f"{part.stop:,} of {len(snapshots):,} compared")
        if outcome is not None:
            tell(0.9, "Comparing with the outcomes that arrived")
            judged = [_judged(bundle, ledger, outcome, dataset)]
    dates = snapshots["as_of"].dropna()
    decided = list_decisions(settings)
    decided = decided[decided["model"] == version.reference]
    facts: dict[str, Any] = {
        "model": version.reference,
        "sha256": version.sha256,
        "question": version.name,
        "label": version.label,
        "circular": version.circular,
        "dataset": dataset.fingerprint,
        "dataset_name": dataset.name,
        "in_development": dataset.fingerprint == bundle.facts["dataset"]["fingerprint"],
        "as_of": [f"{dates.min():%Y-%m-%d}", f"{dates.max():%Y-%m-%d}"] if len(dates) else None,
        "n": len(snapshots),
        "drift": monitoring.drift(bundle, counted.seen(), config),
        "overrides": monitoring.overrides(len(decided), int(decided["override"].sum()), config),
        "quality": monitoring.quality(dataset.seen, dataset.rejected, config),
        "outcomes": monitoring.realised(bundle, judged[0], config) if judged else None,
    }
    facts["alerts"] = monitoring.alerts(facts, config)
    facts["level"] = monitoring.worst([one["level"] for one in facts["alerts"]])
    tell(1.0, "Compared")
    return facts


class _Counted:
    """Counts over parts of a dataset, in development's bins."""

    def __init__(self, bundle: Bundle) -> None:
        reference = bundle.facts["reference"]
        self.bundle = bundle
        self.bins = {source: Frozen(**facts) for source, facts in reference["bins"].items()}
        self.score_bins = Frozen(**reference["score_bins"])
        self.features: dict[str, Any] = dict.fromkeys(self.bins, 0)
        self.score: Any = 0
        self.decisions: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.trained = Policy.from_facts(bundle.facts["trained_policy"])
        self.n = self.approved = self.unapproved = 0

    def add(self, scored: ScoredSnapshots) -> None:
        self.n += len(scored.snapshots)
        for source, frozen in self.bins.items():
            cells = scored.table[source]
            values = (
                as_levels(cells)
                if frozen.edges is None
                else pd.to_numeric(cells, errors="coerce").to_numpy("float64")
            )
            self.features[source] = self.features[source] + frozen.count(values)
        self.score = self.score + self.score_bins.count(scored.scored.points)
        self.approved += int((scored.decisions_by(self.trained) == APPROVE).sum())
        decided = np.array(scored.decisions)
        self.decisions.update(scored.decisions)
        rows = np.flatnonzero(decided != APPROVE)
        self.unapproved += len(rows)
        X = self.bundle.design.matrix(scored.table.iloc[rows])
        chosen = choose_reasons(self.bundle, scored.scored, X, rows).sources
        places, times = np.unique(chosen[chosen >= 0], return_counts=True)
        for place, count in zip(places.tolist(), times.tolist(), strict=True):
            self.reasons[scored.scored.sources[place]] += count

    def seen(self) -> monitoring.Seen:
        return monitoring.Seen(
            self.n,
            self.score,
            self.features,
            self.decisions,
            self.approved,
            self.reasons,
            self.unapproved,
        )


def record_report(settings: Settings, facts: dict[str, Any]) -> events.Event:
    """Put a report on record: its level, its alerts and the figures that are followed in time."""
    access.require(settings, "report")
    drift = facts["drift"]
    outcome = facts["outcomes"]
    return events.record(
        settings,
        monitoring.KIND,
        {
            "model": facts["model"],
            "sha256": facts["sha256"],
            "dataset": facts["dataset"],
            "as_of": facts["as_of"],
            "n": facts["n"],
            "level": facts["level"],
            "alerts": facts["alerts"],
            "psi": drift["score"]["psi"],
            "critical": drift["score"]["critical"],
            "approved": drift["approval"]["rate"],
            "override_rate": facts["overrides"]["rate"],
            "set_aside": facts["quality"]["share"],
            "auc": outcome and [outcome[name] for name in ("auc", "low", "high", "n")],
            "reasons": [one for one in drift["reasons"] if one["now"] > 0][:8],
        },
    )


def reports(settings: Settings, version: ModelVersion) -> pd.DataFrame:
    """Return the recorded reports on a model, oldest first; a row each.

    Columns at, event, n, level, psi, critical, approved, override_rate, set_aside, auc, as_of.
    """
    found = [
        {
            "at": event.at[:16].replace("T", " "),
            "event": event.sequence,
            **{
                name: event.details[name]
                for name in (
                    "n",
                    "level",
                    "psi",
                    "critical",
                    "approved",
                    "override_rate",
                    "set_aside",
                )
            },
            "auc": (event.details["auc"] or [None])[0],
            "as_of": (event.details["as_of"] or [None, ""])[1],
        }
        for event in events.list_events(settings, limit=None, kind=monitoring.KIND)
        if event.details["sha256"] == version.sha256
    ]
    return pd.DataFrame(found[::-1])


def receive_outcomes(path: Path, dataset: Dataset, settings: Settings) -> dict[str, Any]:
    """Keep outcomes that arrived after scoring, beside the dataset whose customers they are of.

    The file has customer_id, outcome (1 = bad) and, where it knows them, as_of and attributes.
    The same customer and date in a later file replaces what an earlier one said.

    Raises
    ------
    InputError
        Where the file has no outcome, or none of its customers is in the dataset.
    """
    access.require(settings, "bring in data")
    with incoming_folder(settings) as folder:
        source = look_at(path, settings, folder)
        stored = store_applications(source, folder, settings)
        frame = pd.read_parquet(folder / "applications.parquet")
    if not stored.has_outcome:
        raise InputError(f"{path.name}: no column has outcomes of 0 (good) and 1 (bad).")
    frame = frame[frame["outcome"].notna()]
    known = _customers(dataset, settings)
    matched = frame[frame["customer_id"].isin(known)]
    if matched.empty:
        raise InputError(
            f"{path.name}: none of the {len(frame):,} customers whose outcome can be used is in "
            f"{dataset.name}; choose the dataset that they were scored in. {_left_out(stored)}"
        )
    before = received_outcomes(settings, dataset)
    if before is not None:
        matched = pd.concat([before, matched], ignore_index=True)
        matched = matched.drop_duplicates(["customer_id", "as_of"], keep="last")
    target = _outcomes_file(settings, dataset)
    data = matched.sort_values(["customer_id", "as_of"], kind="stable").to_parquet(index=False)
    write_atomic(target, data)
    event = events.record(
        settings,
        OUTCOMES,
        {
            "dataset": dataset.fingerprint,
            "rows": len(frame),
            "matched": int(frame["customer_id"].isin(known).sum()),
            "rejected": stored.rejected,
            "bads": int(matched["outcome"].sum()),
            "known": len(matched),
            "sha256": hashlib.sha256(data).hexdigest(),
        },
    )
    return {"event": event.sequence, **event.details}


def _left_out(stored: Applications) -> str:
    """Say how many rows of a file of outcomes were set aside, and why."""
    if not stored.rejected:
        return "No row was set aside."
    why = "; ".join(f"{n:,} x {reason}" for reason, n in sorted(stored.rejects_by_reason.items()))
    return f"Set aside: {why}."


def _outcomes_file(settings: Settings, dataset: Dataset) -> Path:
    return settings.home / "outcomes" / f"{dataset.fingerprint}.parquet"


def _customers(dataset: Dataset, settings: Settings) -> set[str]:
    found: set[str] = set()
    if dataset.applications is not None:
        found |= set(load_applications(dataset)["customer_id"])
    with opened(dataset, settings) as ledger:
        if ledger is not None:
            found |= set(ledger.frame(f"SELECT customer_id FROM {ledger.customers}").iloc[:, 0])
    return found


def received_outcomes(settings: Settings, dataset: Dataset) -> pd.DataFrame | None:
    """Return the outcomes kept for a dataset (customer_id, as_of, outcome, attributes)."""
    try:
        return pd.read_parquet(_outcomes_file(settings, dataset))
    except OSError:
        return None


def _judged(bundle: Bundle, ledger: Any, outcome: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Return as_of, points, risk and outcome of every outcome that can be scored."""
    frame = dated(outcome, ledger).reset_index(drop=True)
    applications = None
    if bundle.attributes:
        names = [attribute.name for attribute in bundle.attributes]
        if set(names) <= set(frame.columns):
            applications = frame
        else:
            applications = dated(load_applications(dataset), ledger)
            both = ["customer_id", "as_of"]
            kept = frame[[*both, "outcome"]].merge(applications[both].drop_duplicates(), on=both)
            frame = kept if len(kept) else frame.iloc[:0]
    if frame.empty:
        raise InputError(
            "The outcomes name no application of this dataset by customer and date; the model "
            "reads application attributes, so give as_of and the attributes with the outcomes."
        )
    scored = score_snapshots(bundle, ledger, frame[["customer_id", "as_of"]], applications)
    return pd.DataFrame(
        {
            "as_of": frame["as_of"],
            "points": scored.scored.points,
            "risk": scored.scored.risk,
            "outcome": frame["outcome"],
        }
    )
