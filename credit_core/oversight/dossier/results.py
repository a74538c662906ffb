"""The dossier's sections on how well the model does, for whom, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credit_core.oversight import document, drawings
from credit_core.oversight.document import Block, Cell
from credit_core.oversight.dossier.facts import Evidence, Facts, interval_text

SAMPLES = {
    "cross_validation": "Cross-validation",
    "holdout": "Hold-out customers",
    "out_of_time": "Out of time",
    "observed_outcome": "Recorded outcomes",
}
_MEASURES = {
    "auc": ("AUC (DeLong)", 3),
    "ks": ("KS", 3),
    "pr_auc": ("PR-AUC", 3),
    "brier": ("Brier score", 4),
    "log_loss": ("Log loss", 4),
    "slope": ("Calibration slope", 2),
}
"""The measures that carry an interval: name and decimals."""
_MOST_SHOWN = 15


def performance(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    """Return every measure on every sample with its 95% interval, and the ROC."""
    metrics = {name: facts.bundle.facts["metrics"].get(name) for name in SAMPLES}
    known = {name: one for name, one in metrics.items() if one}
    evidence.has(where, "performance")
    rows = [
        ("n", *[f"{one['n']:,}" for one in known.values()]),
        ("Bads", *[f"{one['bads']:,}" for one in known.values()]),
        *[
            (words, *[interval_text(one, name, decimals) for one in known.values()])
            for name, (words, decimals) in _MEASURES.items()
        ],
        ("Gini = 2 AUC - 1", *[f"{one['gini']:.3f}" for one in known.values()]),
    ]
    blocks = [
        document.table(
            ("Measure (95%)", *[SAMPLES[name] for name in known]),
            rows,
            (1, *[0] * len(known)),
            "Intervals: AUC by DeLong, calibration slope by likelihood, the others by bootstrap. "
            "AUC 0.5 = chance, 1 = every bad ranked above every good; Brier and log loss: lower = "
            "better; slope 1 = as spread as it should be.",
        )
    ]
    if "observed_outcome" in known:
        blocks.append(
            document.strong(
                "Recorded outcomes: the risk of the proxy, held against what really happened. It "
                "was not trained to predict that."
            )
        )
    if "out_of_time" in known:
        evidence.has(where, "out_of_time")
    else:
        blocks.append(document.missing("a cohort out of time; the data have no later one."))
    if facts.curves.roc:
        curves = {SAMPLES[name]: table for name, table in facts.curves.roc.items()}
        words = "ROC by sample; dotted: chance. Cross-validation pools its folds."
        blocks.append(document.figure(drawings.roc(curves), words))
    return blocks


def bands(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    """Return predicted against observed by the policy's bands, with Jeffreys' test."""
    evidence.has(where, "bands")
    said = "PD" if facts.bundle.question == "default" else "risk"
    rows = [
        (
            row["band"],
            f"{row['n']:,}",
            f"{row['bads']:,}",
            f"{row['predicted']:.2%}",
            f"{row['observed']:.2%} ({row['low']:.2%} to {row['high']:.2%})",
            f"{row['jeffreys']:.3f}",
            Cell(row["light"], row["light"] == "red"),
        )
        for row in facts.curves.bands.to_dict("records")
    ]
    return [
        document.text(
            f"{SAMPLES[facts.curves.judged]}, the bands of the policy, the safest first. The light "
            "says whether the risk is underestimated: amber where p is below 0.05, red below 0.01."
        ),
        document.table(
            ("Band", "n", "Bads", f"Predicted {said}", "Observed (95% Jeffreys)", "p", "Light"),
            rows,
            (1, 0, 0, 0, 0, 0, 1),
        ),
        document.figure(
            drawings.calibration(facts.curves.calibration),
            "Predicted against observed by tenths of risk; on the dotted line both are equal.",
        ),
    ]


def stability(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    found = facts.analysis["stability"]
    if not found["features"]:
        return [document.missing("stability over time; there is no later cohort to compare with.")]
    evidence.has(where, "stability")
    rows = [("The score", found["score"])] if found["score"] else []
    rows += sorted(found["features"].items(), key=lambda one: -one[1]["psi"])[:_MOST_SHOWN]
    return [
        document.text(
            "The cohort out of time against training: population stability index, and the value "
            "chance alone reaches once in twenty. The score, against customers that the model had "
            f"not seen, and the {_MOST_SHOWN} features that moved most, against development."
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


def fairness(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    """Return the latest fairness report on record, group by group."""
    if not facts.bundle.facts["protected"] and facts.fairness is None:
        return [
            document.missing(
                "fairness; no protected attribute was declared, so nothing was measured."
            )
        ]
    if facts.fairness is None:
        return [
            document.missing(
                "a fairness report on the declared protected attributes; none was recorded."
            )
        ]
    measured = [one for one in facts.fairness["attributes"] if one["groups"]]
    if measured:
        evidence.has(where, "fairness")
    blocks = [
        document.text(
            f"{facts.fairness['n']:,} applications of dataset {facts.fairness['dataset']}; groups "
            f"of fewer than {facts.fairness['minimum_group']:,} are named, not shown."
        )
    ]
    for one in facts.fairness["attributes"]:
        blocks += _by_group(one)
    blocks.append(
        document.text(
            "Equal rates prove no fairness and unequal ones no discrimination: they say where to "
            "look, for these customers and this policy."
        )
    )
    return blocks


def _by_group(one: Mapping[str, Any]) -> list[Block]:
    small = ", ".join(f"{name} (n {n:,})" for name, n in sorted(one["too_small"].items()))
    note = f"Too small to show: {small}." if small else ""
    if not one["groups"]:
        return [document.missing(f"fairness by {one['attribute']}; no group is large enough.")]
    rows = [
        (
            group["group"] + (" (reference)" if group["group"] == one["reference"] else ""),
            f"{group['n']:,}",
            _range(group, "approval", "{:.1%}"),
            _range(group, "air", "{:.2f}"),
            "-" if group["smd"] is None else f"{group['smd']:+.2f}",
            _range(group, "tpr", "{:.1%}"),
            _range(group, "fpr", "{:.1%}"),
        )
        for group in one["groups"]
    ]
    return [
        document.heading(one["attribute"]),
        document.table(
            ("Group", "n", "Approved", "Impact ratio", "SMD", "Of goods", "Of bads"),
            rows,
            (2, 0, 0, 0, 0, 0, 0),
            "Of goods, of bads: share approved of those who turned out good, or bad. Impact ratio: "
            "approval over the reference group's. SMD: standardised difference of mean scores. 95% "
            f"intervals. {note}",
        ),
    ]


def _range(one: Mapping[str, Any], name: str, shape: str) -> str:
    if one[name] is None:
        return "-"
    value = shape.format(one[name])
    if one[f"{name}_low"] is None:
        return value
    low, high = (shape.format(one[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{value} ({low} to {high})"
