"""A model's dossier: what is on record about it, section by section, and what is missing.

Every number comes from the bundle, its evaluation sample, or the record; none is computed here in
a second way. What was not given or not done is said, in red.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from credit_core.labels.wording import RISK_NAME
from credit_core.oversight import document
from credit_core.oversight.document import Block, Cell, Document, Section
from credit_core.oversight.dossier import development, results, use
from credit_core.oversight.dossier.clauses import Answer, answers
from credit_core.oversight.dossier.facts import Curves, Evidence, Facts

__all__ = ["NO_DEFAULT_MODEL", "Curves", "Facts", "clause_map", "write_card", "write_dossier"]

NO_DEFAULT_MODEL = (
    "This is no default model. Its label is a proxy: it says who stops being active, not who fails "
    "to pay. Its score is a disengagement risk, never a PD, and must not feed IFRS 9 impairment, "
    "capital, or any statement about default."
)
Maker = Callable[[Facts, Evidence, str], list[Block]]
_DOSSIER: tuple[tuple[str, Maker], ...] = (
    ("Purpose, limits and materiality", development.purpose),
    ("Data lineage", development.lineage),
    ("Label", development.label),
    ("Is the design honest?", development.honesty),
    ("Method", development.method),
    ("Feature dictionary", development.features),
    ("Performance", results.performance),
    ("Calibration by band", results.bands),
    ("Stability", results.stability),
    ("Fairness", results.fairness),
    ("Reasons given to applicants", use.reasons),
    ("Policy", use.policy),
    ("Promotion history", use.promotions),
    ("Decisions and overrides", use.overrides),
    ("Monitoring", use.monitoring),
    ("Known failures: do not use for", use.failures),
    ("How to reproduce", use.reproduction),
)
_CARD: tuple[tuple[str, Maker], ...] = (
    ("Intended use", development.purpose),
    ("Label", development.label),
    ("Is the design honest?", development.honesty),
    ("Performance", results.performance),
    ("Fairness", results.fairness),
    ("Do not use for", use.failures),
    ("How to reproduce", use.reproduction),
)


def write_dossier(facts: Facts) -> Document:
    """Return the whole dossier."""
    sections, evidence = _written(facts, _DOSSIER)
    asked = answers(evidence.found)
    sections.append(Section("Which clause asks for which evidence", tuple(_clauses(asked))))
    return Document(
        title=f"Model dossier: {facts.version.reference}",
        subtitle=_subtitle(facts),
        front=tuple(_front(facts, evidence, asked)),
        sections=tuple(sections),
        footer=f"Candor: {facts.version.reference}, bundle {facts.version.sha256[:16]}",
    )


def write_card(facts: Facts) -> Document:
    """Return the model card: the dossier's first things on a page or two."""
    sections, _ = _written(facts, _CARD)
    return Document(
        title=f"Model card: {facts.version.reference}",
        subtitle=_subtitle(facts),
        front=tuple(_warning(facts)),
        sections=tuple(sections),
        footer=f"bundle {facts.version.sha256}",
    )


def clause_map(facts: Facts) -> list[Answer]:
    """Return what the dossier's last section says: each clause, found where, or missing."""
    return answers(_written(facts, _DOSSIER)[1].found)


def _written(facts: Facts, makers: Sequence[tuple[str, Maker]]) -> tuple[list[Section], Evidence]:
    evidence = Evidence()
    sections = [
        Section(title, tuple(make(facts, evidence, f"{i} {title}")))
        for i, (title, make) in enumerate(makers, 1)
    ]
    return sections, evidence


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


def _front(facts: Facts, evidence: Evidence, asked: Sequence[Answer]) -> list[Block]:
    version = facts.version
    status = "in use (champion of its question)" if version.champion else "not in use"
    found = ", ".join(sorted(name.replace("_", " ") for name in evidence.found))
    lacking = ", ".join(sorted({name for answer in asked for name in answer.missing}))
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
                ("Evidence found", found),
                ("Evidence missing", Cell(lacking or "none of what is asked", bool(lacking))),
            ],
            (1, 4),
        ),
    ]
    return blocks


def _clauses(asked: Sequence[Answer]) -> list[Block]:
    blocks = [
        document.text(
            "Where evidence on record speaks to a clause, in our words. It maps evidence and names "
            "what is missing; whether a rule applies, and is met, is for people to judge."
        )
    ]
    for framework, part in groupby(asked, key=lambda answer: answer.framework):
        rows = [
            (
                answer.clause,
                answer.asks,
                "; ".join(answer.found) or "nowhere",
                Cell(", ".join(answer.missing) or "nothing", bool(answer.missing)),
            )
            for answer in part
        ]
        columns = ("Clause", "Asks for", "Evidence in section", "Missing")
        blocks += [document.heading(framework), document.table(columns, rows, (3, 6, 5, 4))]
    return blocks
