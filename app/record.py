"""Events of the record in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app import text
from credit_core.oversight.events import Event


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
        count = len(details["versions"])
        return f"Trained {count} model{'s' if count > 1 else ''}: {label}"
    if kind == "promoted":
        return f"Promoted {details['model']}: {details['reason']}"
    if kind == "promotion refused":
        return f"Refused to promote {details['model']}"
    if kind == "decided":
        override = ", against the recommendation" if details["override"] else ""
        return f"Decided {details['decision']} at {details['score']:.0f} points{override}"
    return kind[:1].upper() + kind[1:]
