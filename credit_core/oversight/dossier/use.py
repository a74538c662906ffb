"""The dossier's sections on the model in use: reasons, policy, the record, limits, rebuilding."""

from __future__ import annotations

import numpy as np

from credit_core.decisions.policy import Policy
from credit_core.modelling.metrics import share_interval
from credit_core.oversight import document
from credit_core.oversight.document import Block, Cell
from credit_core.oversight.dossier.facts import Evidence, Facts, interval_text

_MOST_SHOWN = 15


def reasons(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    evidence.has(where, "reasons")
    reference = facts.bundle.facts["reference"]
    mix = sorted(reference["reason_mix"].items(), key=lambda one: -one[1])[:10]
    stability = reference["stability"]
    rows = [
        (
            source,
            f"{share:.1%}",
            f"{stability[source]['share']:.0%}" if source in stability else "not measured",
            f"{stability[source]['n']:,}" if source in stability else "",
        )
        for source, share in mix
        if share > 0
    ]
    return [
        document.text(
            "Up to four reasons, the factors whose points lie furthest below those of "
            f"{reference['described_as']}. Each must pass a flip test: with the value of a typical "
            "approved customer in its place the score rises. Contributions are exact (SHAP values "
            "for trees, terms of the sum for linear models). Protected attributes are never among "
            "them."
        ),
        document.table(
            ("Reason", "Given to (of those not approved)", "Same in resampled models", "n"),
            rows,
            (2, 0, 0, 0),
        ),
    ]


def policy(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    evidence.has(where, "policy")
    now = facts.policies[0].policy
    rows = [
        (
            f"{one.number}",
            f"{one.policy.approve_from:.1f}",
            f"{one.policy.decline_below:.1f}",
            f"{one.policy.thin_file_transactions}",
            one.policy.four_eyes,
            one.at[:10],
            one.actor,
            one.reason,
        )
        for one in facts.policies
    ]
    return [
        document.text(
            f"In force: approve from {now.approve_from:.1f} points, decline below "
            f"{now.decline_below:.1f}; fewer than {now.thin_file_transactions} transactions are "
            f"referred; a second person confirms: {now.four_eyes}."
        ),
        document.table(
            ("Version", "Approve", "Decline", "Thin", "Second", "When", "Who", "Why"),
            rows,
            (0, 0, 0, 0, 1, 1, 1, 3),
        ),
        _band_table(now),
    ]


def _band_table(policy: Policy) -> Block:
    rows = [
        (
            band.name,
            "any" if band.low is None else f"{band.low:.0f}",
            "any" if band.high is None else f"{band.high:.0f}",
            f"{band.n:,}",
            f"{band.bads:,}",
            "" if band.bad_rate is None else f"{band.bad_rate:.1%}",
        )
        for band in reversed(policy.bands)
    ]
    return document.table(("Band", "From", "Below", "n", "Bads", "Share"), rows, (1, 0, 0, 0, 0, 0))


def promotions(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    found = facts.of("promoted", "promotion refused")
    if not found:
        return [document.missing("any promotion; nobody has put this model in use.")]
    evidence.has(where, "promotion")
    rows = [
        (
            f"{event.sequence}",
            event.at[:10],
            event.actor,
            event.kind,
            f"{event.details['auc']:.3f}" if "auc" in event.details else "",
            event.details.get("refusal") or event.details["reason"],
        )
        for event in found
    ]
    columns = ("Event", "When", "Who", "What", "AUC then", "Why")
    return [document.table(columns, rows, (0, 2, 2, 2, 0, 6))]


def overrides(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    decided = facts.of("decided")
    if not decided:
        return [document.missing("decisions; none by this model is on record.")]
    evidence.has(where, "decisions")
    overridden = [event for event in decided if event.details["override"]]
    ends = share_interval(np.array([len(overridden)]), np.array([len(decided)]))
    counts: dict[str, int] = {}
    for event in overridden:
        code = event.details["reason_code"]
        counts[code] = counts.get(code, 0) + 1
    said = "; ".join(f"{code}: {count}" for code, count in sorted(counts.items()))
    return [
        document.text(
            f"Decisions by people: {len(decided):,}, of which {len(overridden):,} against the "
            f"recommendation ({len(overridden) / len(decided):.1%}; {ends[0][0]:.1%} to "
            f"{ends[1][0]:.1%}, 95%). " + (f"By reason: {said}." if said else "")
        )
    ]


def monitoring(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    found = facts.of("monitored")
    if not found:
        return [document.missing("monitoring; no report on this model is on record.")]
    evidence.has(where, "monitoring")
    if any(event.details["auc"] for event in found):
        evidence.has(where, "outcomes")
    rows = [
        (
            f"{event.sequence}",
            event.at[:10],
            f"{event.details['n']:,}",
            Cell(event.details["level"], event.details["level"] == "stop promoting"),
            f"{event.details['psi']:.3f}",
            f"{event.details['approved']:.1%}",
            "none yet"
            if not event.details["auc"]
            else "{:.3f} ({:.3f} to {:.3f}, n {:,})".format(*event.details["auc"]),
        )
        for event in found[-_MOST_SHOWN:]
    ]
    latest = found[-1].details["alerts"]
    blocks = [
        document.table(
            ("Event", "When", "n", "Level", "PSI", "Approved", "AUC against outcomes"),
            rows,
            (0, 1, 0, 1, 0, 0, 0),
        )
    ]
    if latest:
        blocks.append(document.text("Alerts of the latest report:"))
        blocks.append(
            document.bullets([f"{one['level']}: {one['what']}" for one in latest[:_MOST_SHOWN]])
        )
    return blocks


def failures(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    label, checks = facts.bundle.facts["label"], facts.bundle.facts["checks"]
    items = []
    if facts.bundle.is_proxy:
        items.append(
            "Anything that needs a PD, which this is not: IFRS 9 impairment, capital, pricing of "
            "credit risk."
        )
        concordance = checks.get("concordance")
        if concordance and concordance.get("before"):
            one = concordance["before"]
            auc = interval_text(one, "auc")
            items.append(
                f"Predicting recorded outcomes: the proxy label ranks them with AUC {auc}."
            )
    if facts.version.refusal:
        items.append(f"Any use at all until mended: {facts.version.refusal}")
    if checks.get("small_sample"):
        items.append("Fine distinctions between customers: the sample is small.")
    items += [
        "Customers unlike those of the development data; values outside it are named with each "
        "score.",
        "Customers with fewer transactions than the policy's thin-file limit.",
        f"Data that reach back much less than {label['observation_days']} days.",
        *facts.governance.do_not_use_for,
    ]
    return [document.bullets(items)]


def reproduction(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    evidence.has(where, "reproduction")
    content = facts.bundle.facts
    versions = ", ".join(f"{name} {number}" for name, number in sorted(content["versions"].items()))
    kind = content["label"]["kind"]
    return [
        document.text(f"Seed {content['seed']}. Versions: {versions}."),
        document.text(
            "The same data, configuration and versions give the same bundle: train the family "
            f"{content['family']} on dataset {content['dataset']['fingerprint']} with the label "
            f"{kind}, under config.yaml from the evidence pack (also kept in bundle.json)."
        ),
        document.table(
            ("File of the bundle", "SHA-256"),
            [(name, digest) for name, digest in sorted(content["files"].items())],
            (1, 3),
        ),
    ]
