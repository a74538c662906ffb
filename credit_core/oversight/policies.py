"""Policy versions: cut-offs set by a person are events, never overwritten.

A model comes with the policy of its training, version 0. Each later version is an event that names
who set it and why; the latest one is in force on every way in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from credit_core.decisions.policy import FOUR_EYES, Policy
from credit_core.errors import InputError
from credit_core.modelling.bundle import Bundle
from credit_core.oversight import access, events
from credit_core.oversight.registry import ModelVersion, load_version
from credit_core.settings import Settings

_KIND = "policy_set"


@dataclass(frozen=True)
class PolicyVersion:
    """One version of a model's policy, with who set it and why."""

    number: int
    policy: Policy
    at: str
    actor: str
    reason: str
    event: int | None


def policy_versions(
    settings: Settings, version: ModelVersion, bundle: Bundle
) -> list[PolicyVersion]:
    """Return a model's policies, the one in force first and that of its training last."""
    trained = Policy.from_facts(bundle.facts.get("trained_policy", bundle.facts["policy"]))
    found = [PolicyVersion(0, trained, version.created, "training", "set at training", None)]
    for event in reversed(events.list_events(settings, limit=None, kind=_KIND)):
        if event.details["sha256"] == version.sha256:
            policy = replace(
                trained,
                approve_from=event.details["approve_from"],
                decline_below=event.details["decline_below"],
                thin_file_transactions=event.details["thin_file_transactions"],
                four_eyes=event.details["four_eyes"],
            )
            reason = event.details["reason"]
            made = PolicyVersion(len(found), policy, event.at, event.actor, reason, event.sequence)
            found.append(made)
    return found[::-1]


def latest_policy(settings: Settings) -> int:
    """Return the event that last set any model's policy; 0 where none did. A cache's key."""
    found = events.list_events(settings, limit=1, kind=_KIND)
    return found[0].sequence if found else 0


def load_in_force(settings: Settings, version: ModelVersion) -> Bundle:
    """Return a version's bundle with the policy in force; ``policy_version`` says which."""
    bundle = load_version(version)
    latest = policy_versions(settings, version, bundle)[0]
    changed = {
        "trained_policy": bundle.facts["policy"],
        "policy": latest.policy.facts(),
        "policy_version": latest.number,
    }
    return replace(bundle, facts={**bundle.facts, **changed})


def set_policy(
    settings: Settings,
    version: ModelVersion,
    *,
    approve_from: float,
    decline_below: float,
    thin_file_transactions: int,
    four_eyes: str = "none",
    reason: str,
) -> events.Event:
    """Put new cut-offs in force for a model, and record who did so and why.

    Raises
    ------
    InputError
        Where the cut-offs cross, a number is out of range, or no reason is given.
    """
    access.require(settings, "set policy")
    if decline_below > approve_from:
        raise InputError(
            f"Scores below {decline_below:g} would be declined although scores from "
            f"{approve_from:g} are approved; the first number may not be above the second."
        )
    if not 0 <= thin_file_transactions <= 10_000:
        raise InputError("The thin-file limit is a number of transactions from 0 to 10,000.")
    if four_eyes not in FOUR_EYES:
        raise InputError(
            f"{four_eyes!r} is unknown; a second person confirms {', '.join(FOUR_EYES)}."
        )
    if not reason.strip():
        raise InputError("Say why the policy changes; the reason is kept in the record.")
    return events.record(
        settings,
        _KIND,
        {
            "model": version.reference,
            "sha256": version.sha256,
            "approve_from": float(approve_from),
            "decline_below": float(decline_below),
            "thin_file_transactions": int(thin_file_transactions),
            "four_eyes": four_eyes,
            "reason": reason.strip(),
        },
    )
