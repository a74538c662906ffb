"""Events of the record in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app import text
from credit_core.oversight.events import Event


def rows(events: Sequence[Event]) -> list[dict[str, str]]:
    """Return one row an event: when (UTC), what happened, who did it."""
    return [
        {
            "When (UTC)": event.at[:16].replace("T", " "),
            "What": describe(event.kind, event.details),
            "Who": event.actor,
        }
        for event in events
    ]


def describe(kind: str, details: dict[str, Any]) -> str:
    """Return an event in one line.

    >>> describe("ingested", {"rows": 1200, "rejected": 3})
    'Brought in 1,200 transactions, 3 set aside'
    """
    if kind == "ingested":
        return f"Brought in {details['rows']:,} transactions, {details['rejected']:,} set aside"
    if kind == "trained":
        label = text.LABEL_NAME.get(details["label"], details["label"])
        circular = ", circular" if details["circular"] else ""
        return f"Trained ({label}{circular}): {', '.join(details['versions'])}"
    if kind == "promoted":
        return f"Promoted {details['model']}: {details['reason']}"
    if kind == "promotion refused":
        return f"Refused to promote {details['model']}"
    if kind == "decided":
        override = ", against the recommendation" if details["override"] else ""
        return f"Decided {details['decision']} at {details['score']:.0f} points{override}"
    return kind[:1].upper() + kind[1:]
