"""What a program that asks for a score is answered, and how a decision is recorded once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from app.api_models import ScoreRequest
from credit_core.oversight import events, idempotency
from credit_core.settings import Settings
from credit_core.workflows.scoring import Explanation
from credit_core.workflows.single import Applicant, counted

_RETAKEN = 10_000


@dataclass(frozen=True)
class Decision:
    """A request that is recorded once: the hash of its name, and whether a dead process had it."""

    key: str
    taken_over: bool


def as_json(facts: dict[str, Any]) -> str:
    """Return an answer as JSON text; every double reads back as it was."""
    return to_json(facts).decode()


def facts_of(found: Explanation, given: Applicant) -> dict[str, Any]:
    """Return the answer about one applicant; no event yet.

    Raises
    ------
    ValueError
        Where the score is no number, which JSON would say nothing of.
    """
    if not math.isfinite(found.score):  # nor is it where a contribution is none
        raise ValueError("The score is no number.")
    return {
        **found.facts(),
        "transactions_given": len(given.times),
        "transactions_counted": counted(given, found.bundle),
        "event": None,
    }


def answer_once(
    settings: Settings,
    client: str,
    name: str,
    payload: ScoreRequest,
    answer: Callable[[Decision], str],
) -> tuple[str, bool]:
    """Answer a named request once; return the answer, and whether it had been given before."""
    key = hashlib.sha256(f"{client} {name}".encode()).hexdigest()
    request = hashlib.sha256(payload.model_dump_json().encode()).hexdigest()
    claimed = idempotency.claim(settings, key, request)
    if claimed.answer is not None:
        return claimed.answer, True
    try:
        content = answer(Decision(key, claimed.taken_over))
        idempotency.complete(settings, key, content)
    except BaseException:
        idempotency.release(settings, key)
        raise
    return content, False


def record_score(settings: Settings, found: Explanation, decision: Decision, actor: str) -> int:
    """Write a score given as a decision into the record, once a key; return its number."""
    if decision.taken_over:  # whoever claimed the key before may have died after writing
        for earlier in events.list_events(settings, _RETAKEN, "scored"):
            if earlier.details.get("idempotency") == decision.key:
                return earlier.sequence
    details = {
        "customer": events.customer_key(settings, found.customer_id),
        "as_of": found.as_of.isoformat() if found.as_of else None,
        "model": found.version.reference,
        "sha256": found.version.sha256,
        "policy_version": found.bundle.facts["policy_version"],
        "score": found.score,
        "recommended": found.decision,
        "reasons": [reason.source for reason in found.reasons],
        "idempotency": decision.key,
    }
    return events.record(settings.model_copy(update={"actor": actor}), "scored", details).sequence
