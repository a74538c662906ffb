"""Champions: promoted with their evidence, who was it when, and the way back to the one before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd

from credit_core.errors import InputError, RefusedError
from credit_core.oversight import access, events, registry
from credit_core.oversight.monitoring import refuse_while_stopped
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import Settings
from credit_core.workflows import comparison

EVIDENCE = ("sample", "auc", "auc_low", "auc_high", "n")


def promote(reference: str, reason: str, settings: Settings) -> ModelVersion:
    """Make a version the champion of its question, and record who did so and why.

    Raises
    ------
    RefusedError
        Where the design is circular or leaks, or the model does not beat the naive references;
        the refusal is recorded as well.
    """
    access.require(settings, "promote")
    version = registry.find_version(settings, reference)
    details = {"model": version.reference, "sha256": version.sha256, "reason": reason}
    try:
        refuse_while_stopped(settings, version)
        live = registry.champion_of(registry.list_versions(settings), version.name)
        registry.promote(settings, version)
    except RefusedError as error:
        events.record(settings, "promotion refused", {**details, "refusal": str(error)})
        raise
    replaced = live.reference if live else None
    events.record(
        settings, "promoted", {**details, "replaces": replaced, **nearest_evidence(version)}
    )
    return replace(version, champion=True)


def changes(settings: Settings, reference: str) -> list[str]:
    """Return what promoting a version would change besides the model (`comparison.changes`)."""
    version = registry.find_version(settings, reference)
    live = registry.champion_of(registry.list_versions(settings), version.name)
    if live is None or live.reference == version.reference:
        return []
    return comparison.changes(registry.load_version(version), registry.load_version(live))


def nearest_evidence(version: ModelVersion) -> dict[str, Any]:
    """Return what a promotion rests on: AUC, its 95% interval and n, from the sample nearest to
    use: out of time where there is one, else cross-validation.
    """
    sample = "out_of_time" if version.metrics.get("out_of_time") else "cross_validation"
    found = version.metrics[sample]
    return {"sample": sample, **{name: found[name] for name in EVIDENCE[1:]}}


def promotions(settings: Settings, question: str) -> pd.DataFrame:
    """Return the promotions of a question, newest first.

    Columns: at (UTC), model, actor, reason, until (UTC; missing for the one that is live), event
    (its number in the record), sha256, and the evidence as it stood then: sample, auc, auc_low,
    auc_high, n.
    """
    rows = [
        {
            "at": pd.Timestamp(event.at),
            "model": event.details["model"],
            "actor": event.actor,
            "reason": event.details["reason"],
            "event": event.sequence,
            "sha256": event.details["sha256"],
            **{name: event.details.get(name) for name in EVIDENCE},
        }
        for event in events.list_events(settings, limit=None, kind="promoted")
        if event.details["model"].partition(":")[0] == question
    ]
    columns = ["at", "until", "model", "actor", "reason", "event", "sha256", *EVIDENCE]
    table = pd.DataFrame(rows, columns=[c for c in columns if c != "until"])
    # In UTC without a zone: tables of screens read zoned times in the reader's own.
    table["at"] = pd.to_datetime(table["at"], utc=True).dt.tz_localize(None)
    table["until"] = table["at"].shift(1)
    return table[columns]


def live_on(table: pd.DataFrame, day: date) -> tuple[str | None, str | None]:
    """Return the champion at the beginning of a day and at its end (UTC), None where none was.

    ``table`` is that of `promotions`.
    """
    midnight = pd.Timestamp(day)
    found: list[str | None] = []
    for moment in (midnight, midnight + timedelta(days=1)):
        before = table[table["at"] < moment]
        found.append(str(before["model"].iloc[0]) if len(before) else None)
    return found[0], found[1]


def previous(settings: Settings, question: str) -> str | None:
    """Return the champion before the one that is live, None where there was no other.

    A version that the registry no longer holds, or holds with another content, is passed over.
    """
    versions = [one for one in registry.list_versions(settings) if one.name == question]
    others = {one.reference: one.sha256 for one in versions if not one.champion}
    if len(others) == len(versions):
        return None
    table = promotions(settings, question)
    for model, sha256 in zip(table["model"].astype("str"), table["sha256"], strict=True):
        if others.get(model) == sha256:
            return model
    return None


def roll_back(settings: Settings, question: str) -> ModelVersion:
    """Make the champion before the one that is live champion again; recorded as a promotion.

    Raises
    ------
    InputError
        Where there was no other champion.
    """
    before = previous(settings, question)
    if before is None:
        raise InputError(
            f"No champion of {question} stands before the one that is live; there is nothing to go "
            "back to. Promote another version instead."
        )
    live = registry.find_version(settings, question).reference
    return promote(before, f"Rolled back from {live}.", settings)
