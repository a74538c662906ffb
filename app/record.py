"""Events of the record in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from app import text, widgets
from credit_core.config import GovernanceConfig
from credit_core.oversight.events import Event
from credit_core.oversight.registry import ModelVersion


def rows(events: Sequence[Event], names: dict[str, str]) -> list[dict[str, str]]:
    """Return one row an event: when (UTC), what happened, to which data, who did it.

    ``names`` are the stored datasets' names by fingerprint.
    """
    return [
        {
            "When (UTC)": event.at[:16].replace("T", " "),
            "What": describe(event.kind, event.details),
            "Data": names.get(event.details.get("dataset", ""), ""),
            "Who": event.actor,
        }
        for event in events
    ]


def describe(kind: str, details: dict[str, Any]) -> str:
    """Return an event in one line.

    >>> describe("ingested", {"rows": 1200, "rejected": 3})
    'Brought in 1,200 transactions, 3 set aside'
    """
    if kind == "ingested" and not details["rows"]:
        return "Brought in applications"
    if kind == "ingested":
        return f"Brought in {details['rows']:,} transactions, {details['rejected']:,} set aside"
    if kind == "trained":
        label = text.LABEL_NAME.get(details["label"], details["label"])
        return f"Trained {text.counted(len(details['versions']), 'model')}: {label}"
    if kind == "promoted":
        before = f" in place of {details['replaces']}" if details.get("replaces") else ""
        return f"Promoted {details['model']}{before}: {details['reason']}"
    if kind == "promotion refused":
        return f"Refused to promote {details['model']}"
    if kind == "decided":
        override = ", against the recommendation" if details["override"] else ""
        return f"Decided {details['decision']} at {details['score']:.0f} points{override}"
    if kind == "monitored":
        count = len(details["alerts"])
        alerts = text.counted(count, "alert") if count else "nothing to report"
        return f"Monitored {details['model']}: {details['level']}, {alerts}"
    if kind == "outcomes received":
        return f"Received {details['matched']:,} outcomes that arrived after scoring"
    if kind == "reported":
        return f"Wrote a report on {details['model']} ({details['format']})"
    if kind == "fairness":
        named = text.counted(len(details["attributes"]), "protected attribute")
        return f"Compared the groups of {named}"
    if kind == "refused" and "role" not in details:
        return "Refused a sign-in: its account has no single role here"
    if kind == "refused":
        return f"Refused: the role {details['role']} may not {details['permission']}"
    if kind == "erased":
        return "Erased a customer's data on request"
    if kind == "second look":
        said = "Confirmed" if details["agrees"] else "Rejected"
        return f"{said} decision {details['decision']} as a second person"
    if kind == "policy_set":
        return (
            f"New policy for {details['model']}: approve from {details['approve_from']:.0f}, "
            f"decline below {details['decline_below']:.0f}"
        )
    return kind[:1].upper() + kind[1:]


def decided(table: pd.DataFrame) -> pd.DataFrame:
    """Return recorded decisions, or counts of them, with their codes in words."""
    codes = {
        "decision": text.DECISION_SHORT,
        "recommended": text.DECISION_SHORT,
        "status": text.STATUS,
        "reason_code": text.OVERRIDE_REASONS,
    }
    return table.assign(
        **{name: table[name].replace(words) for name, words in codes.items() if name in table}
    )


def departures(table: pd.DataFrame) -> pd.DataFrame:
    """Return how often officers departed from the recommendation, reason codes in words."""
    reasons = table["by"] == "reason"
    words = table["name"].replace(text.OVERRIDE_REASONS).where(reasons, table["name"])
    return table.assign(name=words)


def inventory_row(version: ModelVersion, governance: GovernanceConfig) -> dict[str, Any]:
    """Return a model version as a row of the inventory; who answers for it is configuration."""
    _, metrics = widgets.headline(version)
    if version.champion:
        status = "In use (champion)"
    elif version.circular:
        status = "Circular: cannot be promoted"
    else:
        status = "Refused by its checks" if version.refusal else "Trained"
    failed = version.circular or version.refusal
    return {
        "reference": version.reference,
        "status": status,
        "checks": "Failed" if failed else "Passed",
        "owner": governance.owner or text.NOT_STATED,
        "purpose": governance.purpose or text.NOT_STATED,
        "tier": governance.tier or text.NOT_STATED,
        "answers": text.QUESTION[version.name],
        "label": text.LABEL_NAME[version.label],
        "family": text.FAMILY[version.family],
        **{name: metrics[name] for name in ("auc", "auc_low", "auc_high", "n", "bads")},
        "created": version.created,
        "why": version.refusal or "",
        "sha256": version.sha256[:16],
    }
