"""A model's dossier: what is on record about it, section by section, and what is missing.

Every number comes from the bundle, its evaluation sample, or the record; none is computed here in
a second way. What was not given or not done is said, in red.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from credit_core.config import GovernanceConfig
from credit_core.decisions.policy import Policy
from credit_core.labels.wording import RISK_NAME
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.metrics import calibration_table, roc_points, share_interval
from credit_core.oversight import document, drawings
from credit_core.oversight.document import Block, Cell, Document, Section
from credit_core.oversight.events import Event
from credit_core.oversight.policies import PolicyVersion
from credit_core.oversight.registry import ModelVersion

SAMPLES = {
    "cross_validation": "Cross-validation",
    "holdout": "Hold-out customers",
    "out_of_time": "Out of time",
    "observed_outcome": "Recorded outcomes (the proxy against them)",
}
_CLAUSES = Path(__file__).with_name("clauses.yaml")
_MOST_SHOWN = 15
NO_DEFAULT_MODEL = (
    "This is no default model. Its label is a proxy: it says who stops being active, not who fails "
    "to pay. Its score is a disengagement risk, never a PD, and must not feed IFRS 9 impairment, "
    "capital, or any statement about default."
)


@dataclass(frozen=True)
class Facts:
    """All that a dossier is made of.

    ``analysis`` is the bundle's analysis.json, ``evaluation`` its sample (sample, label, risk);
    ``events`` those about this model, the oldest first; ``fairness`` the latest fairness report.
    """

    version: ModelVersion
    bundle: Bundle
    analysis: Mapping[str, Any]
    evaluation: pd.DataFrame
    policies: Sequence[PolicyVersion]
    events: Sequence[Event]
    governance: GovernanceConfig
    dataset: Mapping[str, Any] | None
    fairness: Mapping[str, Any] | None = None
    clauses: Sequence[Mapping[str, Any]] = field(default_factory=lambda: load_clauses())


def load_clauses() -> list[dict[str, Any]]:
    """Return the frameworks with their clauses and the evidence each asks for."""
    found: list[dict[str, Any]] = yaml.safe_load(_CLAUSES.read_text(encoding="utf-8"))
    return found


class _Evidence:
    """Which evidence was found, and in which section; filled while sections are made."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def has(self, where: str, *names: str) -> None:
        for name in names:
            self.found.setdefault(name, where)


def write_dossier(facts: Facts) -> Document:
    """Return the whole dossier."""
    evidence = _Evidence()
    makers: tuple[tuple[str, Callable[[Facts, _Evidence, str], list[Block]]], ...] = (
        ("Purpose, limits and materiality", _purpose),
        ("Data lineage", _lineage),
        ("Label", _label),
        ("Is the design honest?", _honesty),
        ("Method", _method),
        ("Feature dictionary", _features),
        ("Performance", _performance),
        ("Calibration by band", _bands),
        ("Stability", _stability),
        ("Fairness", _fairness),
        ("Reasons given to applicants", _reasons),
        ("Policy", _policy),
        ("Promotion history", _promotions),
        ("Decisions and overrides", _overrides),
        ("Monitoring", _monitoring),
        ("Known failures: do not use for", _failures),
        ("How to reproduce", _reproduction),
    )
    sections = [
        Section(title, tuple(make(facts, evidence, f"{i} {title}")))
        for i, (title, make) in enumerate(makers, 1)
    ]
    clauses, lacking = _clause_rows(facts.clauses, evidence)
    sections.append(
        Section(
            "Which clause asks for which evidence",
            (
                document.text(
                    "Where evidence on record speaks to a clause. It maps evidence and names what "
                    "is missing; whether a rule is met is for people to judge."
                ),
                document.table(("Rule", "Clause", "Asks for", "Evidence"), clauses, (3, 3, 5, 4)),
            ),
        )
    )
    return Document(
        title=f"Model dossier: {facts.version.reference}",
        subtitle=_subtitle(facts),
        front=tuple(_front(facts, evidence, lacking)),
        sections=tuple(sections),
        footer=f"Candor: {facts.version.reference}, bundle {facts.version.sha256[:16]}",
    )


def write_card(facts: Facts) -> Document:
    """Return the model card: the dossier's first things on a page or two."""
    evidence = _Evidence()
    parts = (
        ("Intended use", _purpose),
        ("Label", _label),
        ("Is the design honest?", _honesty),
        ("Performance", _performance),
        ("Fairness", _fairness),
        ("Do not use for", _failures),
        ("How to reproduce", _reproduction),
    )
    return Document(
        title=f"Model card: {facts.version.reference}",
        subtitle=_subtitle(facts),
        front=tuple(_warning(facts)),
        sections=tuple(
            Section(title, tuple(make(facts, evidence, title))) for title, make in parts
        ),
        footer=f"bundle {facts.version.sha256}",
    )


def _subtitle(facts: Facts) -> str:
    last = facts.events[-1] if facts.events else None
    stand = f", record up to event {last.sequence} ({last.at[:10]})" if last else ""
    return (
        f"{facts.version.family}, answers: {RISK_NAME[facts.bundle.question]}, trained "
        f"{facts.version.created[:10]}{stand}"
    )


def _warning(facts: Facts) -> list[Block]:
    if facts.version.circular:
        return [
            document.missing(
                "an honest design. Label and features share their window: the AUC says nothing, "
                "and the model cannot be promoted."
            ),
            document.strong(NO_DEFAULT_MODEL),
        ]
    return [document.strong(NO_DEFAULT_MODEL)] if facts.bundle.is_proxy else []


def _front(facts: Facts, evidence: _Evidence, lacking: list[str]) -> list[Block]:
    version = facts.version
    status = "in use (champion of its question)" if version.champion else "not in use"
    blocks = _warning(facts)
    if version.refusal:
        blocks.append(document.missing(f"passed checks. {version.refusal}"))
    blocks += [
        document.text(
            f"This dossier sets out the evidence on record about one model version, {status}. It "
            "certifies nothing. Where evidence is missing it says so in red."
        ),
        document.table(
            ("What", "On record"),
            [
                ("Model", f"{version.reference} ({version.family})"),
                ("Answers", RISK_NAME[facts.bundle.question]),
                ("Label", f"{version.label}: {facts.bundle.facts['label']['definition']}"),
                ("Bundle (SHA-256)", version.sha256),
                ("Training run", version.run_id),
                ("Evidence found", ", ".join(sorted(evidence.found))),
                ("Evidence missing", Cell(", ".join(lacking) or "none of what is asked", True)),
            ],
            (1, 4),
        ),
    ]
    return blocks


def _clause_rows(
    frameworks: Sequence[Mapping[str, Any]], evidence: _Evidence
) -> tuple[list[tuple[str | Cell, ...]], list[str]]:
    rows: list[tuple[str | Cell, ...]] = []
    lacking: set[str] = set()
    for framework in frameworks:
        for clause in framework["clauses"]:
            absent = [name for name in clause["evidence"] if name not in evidence.found]
            lacking.update(absent)
            where = sorted(
                {evidence.found[name] for name in clause["evidence"] if name in evidence.found},
                key=lambda title: int(title.split()[0]),
            )
            said = "Section " + "; ".join(where) if where else ""
            if absent:
                missing = "missing: " + ", ".join(name.replace("_", " ") for name in absent)
                said = f"{said}; {missing}" if said else missing
            rows.append(
                (
                    framework["framework"],
                    clause["clause"],
                    clause["asks"],
                    Cell(said, bool(absent)),
                )
            )
    return rows, sorted(name.replace("_", " ") for name in lacking)


def _purpose(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    governance, blocks = facts.governance, []
    for name, words, said in (
        ("purpose", "purpose", governance.purpose),
        ("owner", "owner", governance.owner),
        ("materiality", "materiality (tier)", governance.tier),
        ("independent_validation", "independent validation", governance.validated_by),
    ):
        if said:
            evidence.has(where, name)
            blocks.append(document.text(f"{words[:1].upper()}{words[1:]}: {said}."))
        else:
            blocks.append(
                document.missing(f"{words}; give it under `governance` in the configuration.")
            )
    evidence.has(where, "limits")
    blocks.append(
        document.text(
            f"What it answers: {RISK_NAME[facts.bundle.question]}. The score is in points, higher "
            "= safer. It ranks and estimates for customers like those it was developed on; it does "
            "not decide, and says nothing about causes."
        )
    )
    if facts.bundle.question == "default":
        evidence.has(where, "observed_default")
        blocks.append(
            document.text(
                "The outcome is what the lender recorded as bad. Whether that is the regulatory "
                "definition of default is not known to this software."
            )
        )
    return blocks


def _lineage(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    kept = facts.bundle.facts["dataset"]
    label = facts.bundle.facts["label"]
    rows = [
        ("Dataset", f"{kept['name']}, content hash {kept['fingerprint']}"),
        ("Transactions and customers", f"{kept['rows']:,} of {kept['customers']:,}"),
        ("Snapshots", f"{label['snapshots']:,}"),
        ("Feature catalogue", f"fingerprint {facts.bundle.facts['catalogue_fingerprint']}"),
        ("Features and attributes", f"{len(facts.bundle.design.sources):,}"),
        ("Bundle", facts.version.sha256),
    ]
    blocks = [document.table(("Step", "What"), rows, (1, 3))]
    evidence.has(where, "lineage")
    if facts.dataset is None:
        blocks.append(document.missing("the dataset itself; it is not stored here any more."))
    else:
        reasons = facts.dataset["rejects_by_reason"]
        said = "; ".join(f"{reason}: {count:,}" for reason, count in reasons.items())
        blocks.append(
            document.text(
                f"Of {facts.dataset['rows'] + facts.dataset['rejected']:,} rows "
                f"{facts.dataset['rejected']:,} were set aside{f' ({said})' if said else ''}. "
                f"From {facts.dataset['from']} to {facts.dataset['to']}."
            )
        )
    return blocks


def _label(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    label = facts.bundle.facts["label"]
    evidence.has(where, "label")
    rows = [
        (name.replace("_", " "), f"{one['snapshots']:,}", f"{one['bads']:,}", _share(one))
        for name, one in label["samples"].items()
    ]
    follow = f"Features see the {label['observation_days']} days before a snapshot" + (
        f", the label the {label['outcome_days']} days after it."
        if label["outcome_days"]
        else "; the outcome is what was recorded later."
    )
    return [
        document.text(f"{label['kind']}: {label['definition']}"),
        document.text(follow),
        document.table(
            ("Sample", "Snapshots", "Bads", "Share (95%, Jeffreys)"), rows, (1, 0, 0, 0)
        ),
    ]


def _share(one: Mapping[str, int]) -> str:
    n, bads = one["snapshots"], one["bads"]
    low, high = share_interval(np.array([bads]), np.array([n]))
    return f"{bads / max(n, 1):.1%} ({low[0]:.1%} to {high[0]:.1%})"


def _auc(one: Mapping[str, Any]) -> str:
    return f"{one['auc']:.3f} ({one['auc_low']:.3f} to {one['auc_high']:.3f})"


def _honesty(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    checks = facts.bundle.facts["checks"]
    canary, gauge = checks["canary"], checks["gauge"]
    blocks: list[Block] = []
    if canary["passed"] is None:
        blocks.append(document.missing(f"the canary. {canary['why']}"))
    else:
        evidence.has(where, "canary")
        verdict = "Passed" if canary["passed"] else "FAILED"
        blocks.append(
            document.text(
                f"Canary: {verdict}. Every transaction given to a random customer, label and "
                f"features rebuilt: AUC {canary['auc']:.3f} ({canary['low']:.3f} to "
                f"{canary['high']:.3f}, {canary['level']:.1%} interval, n {canary['n']:,}). "
                f"{canary['why']}."
            )
        )
    leaks = checks["leaks"]
    blocks.append(
        document.text(
            f"Leaks: {len(leaks)} features or pairs reach AUC above 0.98 alone."
            if leaks
            else "Leaks: no feature, product or ratio of two reaches AUC 0.98 alone."
        )
    )
    bars = [(name, one) for name, one in gauge["bars"].items() if one]
    if bars:
        rows = [
            (name.replace("_", " "), _auc(one), f"{one['n']:,}", f"{one['bads']:,}")
            for name, one in bars
        ]
        blocks += [
            document.text(f"Honesty gauge. {gauge['why']}"),
            document.table(("Design", "AUC (95%)", "n", "Bads"), rows, (1, 0, 0, 0)),
        ]
    sensitivity = checks["sensitivity"]
    if sensitivity["rows"]:
        evidence.has(where, "sensitivity")
    blocks.append(document.text(f"Sensitivity. {sensitivity['why']}"))
    if not sensitivity["applies"]:
        evidence.has(where, "sensitivity")
    naive = checks.get("naive")
    if naive:
        evidence.has(where, "naive")
        blocks.append(
            document.text(
                f"Best single feature: {naive['source'] or 'none'}, AUC "
                f"{naive['auc']:.3f}; the model is {naive['difference']:+.3f} beside it "
                f"({naive['low']:+.3f} to {naive['high']:+.3f}, n {naive['n']:,})."
                if naive.get("auc") is not None
                else "No single feature says anything about the label."
            )
        )
    if checks.get("small_sample"):
        blocks.append(document.strong(checks["small_sample"]))
    return blocks


def _method(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    evidence.has(where, "method", "protected")
    parameters = ", ".join(
        f"{name} {value}" for name, value in sorted(facts.bundle.facts["parameters"].items())
    )
    calibration = facts.bundle.facts["calibration"]
    protected = facts.bundle.facts["protected"]
    return [
        document.text(
            f"Family {facts.version.family}; customer-grouped cross-validation, hold-out customers "
            "and a later cohort are kept apart. Parameters: " + (parameters or "none") + "."
        ),
        document.text(
            f"Calibration: Platt's line on the log-odds, slope {calibration['slope']:.3f}, "
            f"intercept {calibration['intercept']:.3f}. Score = base + contributions, exactly."
        ),
        document.text(
            "Declared protected attributes, never features: " + ", ".join(protected) + "."
            if protected
            else "No protected attribute was declared."
        ),
        *_importance(facts),
    ]


def _importance(facts: Facts) -> list[Block]:
    top = list(facts.analysis.get("importance", ()))[:12]
    if not top:
        return []
    drawn = drawings.bars(
        [one["source"] for one in top],
        [one["points"] for one in top],
        [one["low"] for one in top],
        [one["high"] for one in top],
        "Mean absolute points",
    )
    n = facts.analysis["importance_rows"]
    return [document.figure(drawn, f"{top[0]['source']} moves scores most; 95% interval, n {n:,}.")]


def _features(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    evidence.has(where, "features")
    known = {feature.name: feature for feature in facts.bundle.catalogue.features}
    rows = []
    for source in facts.bundle.design.sources:
        feature = known.get(source)
        rows.append(
            (
                source,
                feature.description if feature else "From the application.",
                feature.unit if feature else "as given",
                feature.riskier if feature else "either",
            )
        )
    return [document.table(("Name", "Meaning", "Unit", "Riskier when"), rows, (3, 6, 1, 1))]


def _performance(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    metrics = facts.bundle.facts["metrics"]
    evidence.has(where, "performance")
    if "out_of_time" in metrics:
        evidence.has(where, "out_of_time")
    rows = [
        (
            SAMPLES[name],
            f"{one['n']:,}",
            f"{one['bads']:,}",
            _auc(one),
            f"{one['ks']:.3f}",
            f"{one['brier']:.4f}",
            f"{one['log_loss']:.4f}",
        )
        for name, one in metrics.items()
        if name in SAMPLES
    ]
    blocks = [
        document.table(
            ("Sample", "n", "Bads", "AUC (95% DeLong)", "KS", "Brier", "Log loss"),
            rows,
            (2, 0, 0, 0, 0, 0, 0),
        )
    ]
    if "out_of_time" not in metrics:
        blocks.append(document.missing("a cohort out of time; the data have no later one."))
    curves = {}
    for name in ("holdout", "out_of_time", "development"):
        part = facts.evaluation[facts.evaluation["sample"] == name]
        if part["label"].nunique() == 2:
            words = "Cross-validation" if name == "development" else SAMPLES[name]
            curves[words] = roc_points(part["label"].to_numpy(), part["risk"].to_numpy())
    if curves:
        blocks.append(document.figure(drawings.roc(curves), "ROC by sample; dotted: chance."))
    return blocks


def _judged(facts: Facts) -> tuple[str, pd.DataFrame]:
    for name in ("out_of_time", "holdout"):
        part = facts.evaluation[facts.evaluation["sample"] == name]
        if part["label"].nunique() == 2:
            return SAMPLES[name], part
    return SAMPLES["cross_validation"], facts.evaluation


def _bands(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    name, part = _judged(facts)
    label, risk = part["label"].to_numpy(dtype=np.int64), part["risk"].to_numpy()
    table = calibration_table(label, risk, groups=5)
    evidence.has(where, "bands")
    rows = [
        (
            f"{row['group']:.0f}",
            f"{row['n']:,.0f}",
            f"{row['bads']:,.0f}",
            f"{row['predicted']:.2%}",
            f"{row['observed']:.2%}",
            f"{row['low']:.2%} to {row['high']:.2%}",
        )
        for row in table.to_dict("records")
    ]
    said = "predicted PD" if facts.bundle.question == "default" else "predicted risk"
    return [
        document.text(f"{name}, five groups of equal size, the safest first."),
        document.table(
            ("Group", "n", "Bads", said.capitalize(), "Observed", "95% Jeffreys"),
            rows,
            (1, 0, 0, 0, 0, 0),
        ),
        document.figure(
            drawings.calibration(table), "Predicted against observed; on the dotted line = equal."
        ),
    ]


def _stability(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    found = facts.analysis["stability"]
    if not found["features"]:
        return [document.missing("stability over time; there is no later cohort to compare with.")]
    evidence.has(where, "stability")
    rows = [("The score", found["score"])] if found["score"] else []
    rows += sorted(found["features"].items(), key=lambda one: -one[1]["psi"])[:_MOST_SHOWN]
    return [
        document.text(
            "Development against out of time: population stability index, and the value chance "
            f"alone reaches once in twenty. The score and the {_MOST_SHOWN} features that moved "
            "most."
        ),
        document.table(
            ("What", "PSI", "Chance", "n then", "n now", "Verdict"),
            [
                (
                    name,
                    f"{one['psi']:.3f}",
                    f"{one['critical']:.3f}",
                    f"{one['n_then']:,}",
                    f"{one['n_now']:,}",
                    one["verdict"],
                )
                for name, one in rows
            ],
            (3, 0, 0, 0, 0, 1),
        ),
    ]


def _fairness(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    if not facts.bundle.facts["protected"]:
        return [
            document.missing(
                "fairness; no protected attribute was declared, so nothing was measured."
            )
        ]
    if facts.fairness is None:
        return [document.missing("a fairness report on the declared protected attributes.")]
    evidence.has(where, "fairness")
    blocks: list[Block] = []
    for one in facts.fairness["attributes"]:
        rows = [
            (
                str(group["group"]),
                f"{group['n']:,}",
                f"{group['approval']:.1%}",
                f"{group['air']:.2f}" if group.get("air") is not None else "reference",
            )
            for group in one["groups"]
        ]
        blocks += [
            document.text(f"{one['attribute']}; reference group: {one['reference']}."),
            document.table(("Group", "n", "Approved", "Adverse impact ratio"), rows, (2, 0, 0, 0)),
        ]
    blocks.append(
        document.text(
            "Equal rates prove no fairness and unequal ones no discrimination: they say where to "
            "look, for these customers and this policy."
        )
    )
    return blocks


def _reasons(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
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


def _policy(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
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


def _of(facts: Facts, *kinds: str) -> list[Event]:
    return [event for event in facts.events if event.kind in kinds]


def _promotions(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    found = _of(facts, "promoted", "promotion refused")
    if not found:
        return [document.missing("any promotion; nobody has put this model in use.")]
    evidence.has(where, "promotion")
    rows = [
        (
            f"{event.sequence}",
            event.at[:10],
            event.actor,
            event.kind,
            event.details.get("refusal") or event.details["reason"],
        )
        for event in found
    ]
    return [document.table(("Event", "When", "Who", "What", "Why"), rows, (0, 1, 1, 1, 4))]


def _overrides(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    decided = _of(facts, "decided")
    if not decided:
        return [document.missing("decisions; none by this model is on record.")]
    evidence.has(where, "overrides")
    overridden = [event for event in decided if event.details["override"]]
    ends = share_interval(np.array([len(overridden)]), np.array([len(decided)]))
    counts: dict[str, int] = {}
    for event in overridden:
        code = event.details["reason_code"]
        counts[code] = counts.get(code, 0) + 1
    said = "; ".join(f"{code}: {count}" for code, count in sorted(counts.items()))
    return [
        document.text(
            f"{len(decided):,} decisions, {len(overridden):,} against the recommendation "
            f"({len(overridden) / len(decided):.1%}; {ends[0][0]:.1%} to {ends[1][0]:.1%}, 95%). "
            + (f"By reason: {said}." if said else "")
        )
    ]


def _monitoring(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    found = _of(facts, "monitored")
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


def _failures(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    label, checks = facts.bundle.facts["label"], facts.bundle.facts["checks"]
    items = []
    if facts.bundle.is_proxy:
        items.append(
            "Anything that needs a probability of default: impairment (IFRS 9), capital, pricing "
            "of credit risk."
        )
        concordance = checks.get("concordance")
        if concordance and concordance.get("before"):
            one = concordance["before"]
            items.append(
                f"Predicting recorded outcomes: the proxy label ranks them with AUC {_auc(one)}."
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


def _reproduction(facts: Facts, evidence: _Evidence, where: str) -> list[Block]:
    evidence.has(where, "reproduction")
    content = facts.bundle.facts
    versions = ", ".join(f"{name} {number}" for name, number in sorted(content["versions"].items()))
    kind = content["label"]["kind"]
    return [
        document.text(f"Seed {content['seed']}. Versions: {versions}."),
        document.text(
            "The same data, configuration and versions give the same bundle hash: `candor train "
            f"{content['dataset']['fingerprint']} --label {kind} --models {content['family']} "
            "--config config.yaml`, with the configuration kept in bundle.json."
        ),
        document.table(
            ("File of the bundle", "SHA-256"),
            [(name, digest) for name, digest in sorted(content["files"].items())],
            (1, 3),
        ),
    ]
