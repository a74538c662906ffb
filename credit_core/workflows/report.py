"""Dossier, model card and evidence pack of a model version."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from credit_core.config import GovernanceConfig
from credit_core.data.store import list_datasets, write_atomic
from credit_core.errors import InputError
from credit_core.modelling.bundle import Bundle
from credit_core.oversight import events
from credit_core.oversight.dossier import Curves, Facts, write_card, write_dossier
from credit_core.oversight.pack import build_pack
from credit_core.oversight.policies import load_in_force, policy_versions
from credit_core.oversight.registry import ModelVersion, find_version
from credit_core.settings import Settings
from credit_core.workflows import comparison

FORMATS = (".pdf", ".html", ".md", ".zip")
REPORTED = "reported"
_NEAREST_TO_USE = ("out_of_time", "holdout")


def gather(settings: Settings, reference: str, governance: GovernanceConfig) -> Facts:
    """Return what is on record about a model version."""
    version = find_version(settings, reference)
    bundle = load_in_force(settings, version)
    kept = version.path
    stored = {one.fingerprint: one for one in list_datasets(settings)}
    dataset = stored.get(version.dataset)
    own = events_about(settings, version)
    fairness = [event for event in own if event.kind == "fairness"]
    return Facts(
        version=version,
        bundle=bundle,
        analysis=json.loads((kept / "analysis.json").read_text(encoding="utf-8")),
        curves=_curves(pd.read_parquet(kept / "evaluation.parquet"), bundle),
        policies=policy_versions(settings, version, bundle),
        events=own,
        governance=governance,
        dataset=dataset.summary() if dataset else None,
        fairness=fairness[-1].details if fairness else None,
    )


def _curves(evaluation: pd.DataFrame, bundle: Bundle) -> Curves:
    both = [
        name
        for name in comparison.SAMPLES
        if len(set(comparison.rows_of(evaluation, name)[0])) == 2
    ]
    judged = next((name for name in _NEAREST_TO_USE if name in both), "cross_validation")
    return Curves(
        judged,
        {name: comparison.roc_curve(evaluation, name) for name in both},
        comparison.bands(evaluation, judged, bundle),
        comparison.calibration(evaluation, judged),
    )


def events_about(settings: Settings, version: ModelVersion) -> list[events.Event]:
    """Return the events about a model and its data, oldest first; reports are left out."""
    return [
        event
        for event in reversed(events.list_events(settings, limit=None))
        if event.kind != REPORTED and _is_about(event, version)
    ]


def _is_about(event: events.Event, version: ModelVersion) -> bool:
    if event.kind == "ingested":
        return bool(event.details["dataset"] == version.dataset)
    mentioned = event.details.get("sha256")
    return mentioned == version.sha256 or (
        isinstance(mentioned, list) and version.sha256 in mentioned
    )


def make(facts: Facts, suffix: str) -> bytes:
    """Return a dossier (.pdf, .html), a model card (.md) or an evidence pack (.zip)."""
    if suffix == ".pdf":
        return write_dossier(facts).pdf()
    if suffix == ".html":
        return write_dossier(facts).html().encode("utf-8")
    if suffix == ".md":
        return write_card(facts).markdown().encode("utf-8")
    if suffix == ".zip":
        return build_pack(facts)
    raise InputError(f"A report is written as {', '.join(FORMATS)}; {suffix!r} is none of them.")


def report(
    settings: Settings, reference: str, governance: GovernanceConfig, out: Path
) -> events.Event:
    """Write a report by the ending of ``out``, whole or not at all, and record that."""
    if out.suffix not in FORMATS:
        raise InputError(f"{out.name}: a report is written as {', '.join(FORMATS)}; choose one.")
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent} to write {out.name} into.")
    facts = gather(settings, reference, governance)
    data = make(facts, out.suffix)
    write_atomic(out, data)
    return record(settings, facts, out.suffix, data)


def record(settings: Settings, facts: Facts, suffix: str, data: bytes) -> events.Event:
    """Record that a report was made, with its hash."""
    import hashlib

    return events.record(
        settings,
        REPORTED,
        {
            "model": facts.version.reference,
            "sha256": facts.version.sha256,
            "format": suffix.removeprefix("."),
            "report_sha256": hashlib.sha256(data).hexdigest(),
        },
    )
