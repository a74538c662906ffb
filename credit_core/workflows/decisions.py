"""Decisions: recorded with all they rest on, and recomputed when somebody asks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from credit_core.data.store import Dataset, write_atomic
from credit_core.decisions.contributions import score_table
from credit_core.decisions.policy import APPROVE, DECLINE, REFER
from credit_core.errors import InputError
from credit_core.labels.observed import known_outcomes
from credit_core.modelling.metrics import share_interval
from credit_core.oversight import access, events
from credit_core.oversight.policies import policy_versions
from credit_core.oversight.registry import ModelVersion, list_versions, load_version
from credit_core.settings import Settings
from credit_core.workflows.scoring import Explanation, opened

_KIND, _SECOND = "decided", "second look"
FINAL, WAITING, CONFIRMED, REJECTED = "final", "waiting", "confirmed", "rejected"


def decide(
    found: Explanation, decision: str, settings: Settings, *, reason_code: str = "", note: str = ""
) -> events.Event:
    """Record a person's decision on an explained score.

    What the score was computed from and the note's text, which hold personal data, lie outside
    the record in a folder of the customer's own; the event carries their hashes, so that the
    folder can be erased and the record stays whole.

    Raises
    ------
    InputError
        Where the decision is unknown, or departs from the recommendation without a reason code.
    """
    access.require(settings, "decide")
    if decision not in (APPROVE, REFER, DECLINE):
        raise InputError(f"{decision!r} is no decision; choose approve, refer or decline.")
    overrides = decision != found.decision
    if overrides and not reason_code:
        raise InputError("A decision other than the recommended one needs a reason code.")
    inputs = json.dumps(found.inputs, sort_keys=True, ensure_ascii=False)
    return events.record(
        settings,
        _KIND,
        {
            "customer": events.customer_key(settings, found.customer_id),
            "as_of": found.as_of.isoformat() if found.as_of else None,
            "model": found.version.reference,
            "sha256": found.version.sha256,
            "policy_version": found.bundle.facts.get("policy_version", 0),
            "score": found.score,
            "recommended": found.decision,
            "decision": decision,
            "override": overrides,
            "waits": found.policy.needs_second(overrides),
            "reason_code": reason_code,
            "note_given": bool(note),
            "note": _keep(settings, found.customer_id, note, "txt") if note else None,
            "inputs": _keep(settings, found.customer_id, inputs, "json"),
            "reasons": [reason.source for reason in found.reasons],
        },
    )


def confirm(settings: Settings, sequence: int, agrees: bool, note: str = "") -> events.Event:
    """Record a second person's look at a decision that policy makes wait for one.

    Raises
    ------
    InputError
        Where the event is no decision, does not wait, or was made by the same person.
    """
    access.require(settings, "decide")
    event = events.find_event(settings, sequence)
    if event is None or event.kind != _KIND:
        raise InputError(f"Event {sequence} is no decision; the record lists those that are.")
    if not event.details.get("waits"):
        raise InputError(f"Decision {sequence} does not wait for a second person.")
    if sequence in _second_looks(settings):
        raise InputError(f"Decision {sequence} was looked at by a second person already.")
    if event.actor == settings.actor:
        raise InputError(
            f"Decision {sequence} was made by {settings.actor}; another person has to confirm it."
        )
    text = note.strip()
    path = _folder(settings, event.details["customer"])
    kept = _write(path, text, "txt") if text else None
    details = {"decision": sequence, "agrees": agrees, "note": kept}
    return events.record(settings, _SECOND, {**details, "customer": event.details["customer"]})


def _second_looks(settings: Settings) -> dict[int, events.Event]:
    """Return the second person's event by the decision's."""
    return {
        event.details["decision"]: event
        for event in events.list_events(settings, limit=None, kind=_SECOND)
    }


def _folder(settings: Settings, key: str) -> Path:
    return settings.home / "notes" / key


def _keep(settings: Settings, customer_id: str, text: str, kind: str) -> str:
    """Store a text under the customer's keyed hash and return its SHA-256."""
    return _write(_folder(settings, events.customer_key(settings, customer_id)), text, kind)


def _write(folder: Path, text: str, kind: str) -> str:
    data = text.encode("utf-8")
    digest = hashlib.sha256(data).hexdigest()
    write_atomic(folder / f"{digest}.{kind}", data)
    return digest


def read_note(settings: Settings, customer_id: str, digest: str) -> str | None:
    """Return a note by its hash; None where it was erased."""
    folder = _folder(settings, events.customer_key(settings, customer_id))
    try:
        return (folder / f"{digest}.txt").read_text(encoding="utf-8")
    except OSError:
        return None


@dataclass(frozen=True)
class Replay:
    """A past decision recomputed: the same score and recommendation, or what differs."""

    event: int
    identical: bool
    score_then: float
    score_now: float
    recommended_then: str
    recommended_now: str
    model: str

    def facts(self) -> dict[str, Any]:
        return dict(vars(self))


def replay(settings: Settings, sequence: int) -> Replay:
    """Recompute a recorded decision from its stored inputs, the model and policy it names.

    Raises
    ------
    InputError
        Where there is no such decision, or its inputs or its model are there no more.
    """
    event = events.find_event(settings, sequence)
    if event is not None and event.kind == "scored":
        raise InputError(
            f"Event {sequence} is a score given to a program. Its inputs stay with who asked: send "
            "them again, without an Idempotency-Key, to compare."
        )
    if event is None or event.kind != _KIND:
        raise InputError(f"Event {sequence} is no decision; the record lists those that are.")
    details = event.details
    values = _inputs(settings, event)
    version = _version(settings, details["model"], details["sha256"])
    bundle = load_version(version)
    policy = next(
        one.policy
        for one in policy_versions(settings, version, bundle)
        if one.number == details["policy_version"]
    )
    row = {name: np.nan if value is None else value for name, value in values.items()}
    scored = score_table(bundle, pd.DataFrame([row]))
    counted = values.get("transactions")
    seen = None if counted is None else np.array([counted], dtype=np.float64)
    score, decision = float(scored.points[0]), str(policy.decide(scored.points, seen)[0])
    same = score == details["score"] and decision == details["recommended"]
    return Replay(
        sequence,
        same,
        details["score"],
        score,
        details["recommended"],
        decision,
        details["model"],
    )


def _inputs(settings: Settings, event: events.Event) -> dict[str, Any]:
    digest = event.details.get("inputs")
    path = _folder(settings, event.details["customer"]) / f"{digest}.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"What decision {event.sequence} was computed from is not kept any more (erased, or "
            "recorded before inputs were kept); it cannot be replayed."
        ) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise InputError(
            f"What decision {event.sequence} was computed from was changed after it was recorded: "
            "its hash is not the one in the record."
        )
    values: dict[str, Any] = json.loads(data)
    return values


def _version(settings: Settings, reference: str, sha256: str) -> ModelVersion:
    for version in list_versions(settings):
        if version.reference == reference and version.sha256 == sha256:
            return version
    raise InputError(
        f"The model {reference} of this decision is not in the registry with the hash that was "
        "recorded, so the decision cannot be replayed."
    )


def list_decisions(settings: Settings, customer_id: str | None = None) -> pd.DataFrame:
    """Return the recorded decisions, newest first; of one customer where an id is given.

    Columns event, at, decision, recommended, override, status (final; waiting for a second person,
    confirmed or rejected by one), reason_code, score, model, policy_version, actor and customer (a
    keyed hash).
    """
    looks = _second_looks(settings)
    found = events.list_events(settings, limit=None, kind=_KIND)
    if customer_id is not None:
        key = events.customer_key(settings, customer_id)
        found = [event for event in found if event.details["customer"] == key]
    told = ("decision", "recommended", "override", "reason_code", "score", "model")
    columns = ["event", "at", *told, "status", "policy_version", "actor", "customer"]
    rows = [
        {
            "event": event.sequence,
            "at": event.at[:16].replace("T", " "),
            **{name: event.details[name] for name in told},
            "status": _status(event, looks.get(event.sequence)),
            "policy_version": event.details.get("policy_version", 0),
            "actor": event.actor,
            "customer": event.details["customer"],
        }
        for event in found
    ]
    return pd.DataFrame(rows, columns=columns).astype({"override": bool})


def _status(event: events.Event, look: events.Event | None) -> str:
    if not event.details.get("waits"):
        return FINAL
    if look is None:
        return WAITING
    return CONFIRMED if look.details["agrees"] else REJECTED


def override_outcomes(settings: Settings, dataset: Dataset) -> pd.DataFrame:
    """Return how overridden cases turned out, where the dataset's applications know it.

    Returns
    -------
    DataFrame
        Columns recommended, decision, n, bads, rate, low and high (95% Jeffreys): a row for each
        way of overriding with at least one known outcome. Declined applicants rarely have one.
    """
    columns = ["recommended", "decision", "n", "bads", "rate", "low", "high"]
    decided = list_decisions(settings)
    with opened(dataset, settings) as ledger:
        known = known_outcomes(dataset, ledger)
    if known is None or not decided["override"].any():
        return pd.DataFrame(columns=columns)
    # Of a customer who applied more than once, the latest outcome.
    known = known.drop_duplicates("customer_id", keep="last")
    keys = [events.customer_key(settings, customer) for customer in known["customer_id"]]
    outcome = dict(zip(keys, known["label"], strict=True))
    decided = decided[decided["override"]].drop_duplicates("customer")
    decided = decided.assign(bad=decided["customer"].map(outcome)).dropna(subset=["bad"])
    found = decided.groupby(["recommended", "decision"])["bad"].agg(["size", "sum"]).reset_index()
    found.columns = pd.Index(columns[:4])
    found["bads"] = found["bads"].astype(int)
    low, high = share_interval(found["bads"].to_numpy(), found["n"].to_numpy())
    return found.assign(rate=found["bads"] / found["n"], low=low, high=high)


def override_rates(settings: Settings) -> pd.DataFrame:
    """Return how often officers departed from the recommendation.

    Returns
    -------
    DataFrame
        Columns by (officer or reason), name, decisions, overrides and rate; a row an officer and
        a row a reason code, the most overrides first. Reasons have no rate of their own.
    """
    found = events.list_events(settings, limit=None, kind=_KIND)
    frame = pd.DataFrame(
        {
            "officer": [event.actor for event in found],
            "override": [bool(event.details["override"]) for event in found],
            "reason": [event.details["reason_code"] for event in found],
        }
    )
    columns = ["by", "name", "decisions", "overrides", "rate"]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    officers = frame.groupby("officer")["override"].agg(["size", "sum"]).reset_index()
    officers.columns = pd.Index(["name", "decisions", "overrides"])
    officers = officers.assign(by="officer", rate=officers["overrides"] / officers["decisions"])
    reasons = frame[frame["override"]].groupby("reason").size().rename("overrides").reset_index()
    reasons = reasons.rename(columns={"reason": "name"}).assign(by="reason")
    both = pd.concat([officers, reasons]).sort_values(["by", "overrides"], ascending=[True, False])
    return both.reindex(columns=columns).reset_index(drop=True)
