"""The dossier's sections on how the model came to be: purpose, data, label, honesty, method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from credit_core.labels.wording import RISK_NAME
from credit_core.modelling.metrics import share_interval
from credit_core.oversight import document, drawings
from credit_core.oversight.document import Block
from credit_core.oversight.dossier.facts import Evidence, Facts, interval_text
from credit_core.settings import SAMPLE_NAME

_SAMPLES = {
    "development": "Development",
    "holdout": "Hold-out customers",
    "out_of_time": "Out of time",
}
_BARS = {
    "same_window": "Same window (the common, circular recipe)",
    "forward": "Forward: features before, label after",
    "cross_validation": "Customers it has not seen",
    "out_of_time": "Out of time, later still",
    "recency_days": "Recency alone",
    "frequency": "Frequency alone",
    "monetary": "Monetary alone",
    "rfm_model": "Recency, frequency and monetary",
    "proxy_label": "The proxy label itself",
}


def purpose(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
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
        recorded = "The outcome is what the lender recorded as bad."
        if facts.bundle.facts["dataset"]["name"] == SAMPLE_NAME:
            recorded = "The data and their outcomes are simulated: nobody in them is real."
        blocks.append(document.text(recorded))
        if governance.default_definition:
            evidence.has(where, "regulatory_default")
            blocks.append(
                document.text(
                    "How that stands to the regulatory definition of default, as declared: "
                    f"{governance.default_definition}"
                )
            )
        else:
            blocks.append(
                document.missing(
                    "how the recorded outcome stands to the regulatory definition of default; "
                    "give it under `governance` in the configuration."
                )
            )
    return blocks


def lineage(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    kept = facts.bundle.facts["dataset"]
    label = facts.bundle.facts["label"]
    evidence.has(where, "lineage")
    rows = [
        ("1 Files", kept["name"]),
        (
            "2 Dataset",
            f"{kept['fingerprint']} (from the SHA-256 of the files and their mapping); "
            f"{kept['rows']:,} transactions of {kept['customers']:,} customers",
        ),
        ("3 Snapshots", f"{label['snapshots']:,}, {label['bads']:,} of them bad"),
        (
            "4 Features",
            f"{len(facts.bundle.design.sources):,} features and attributes; catalogue "
            f"{facts.bundle.facts['catalogue_fingerprint']}",
        ),
        ("5 Model", f"bundle {facts.version.sha256}"),
    ]
    blocks = [document.table(("Step", "What"), rows, (1, 5))]
    blocks += [
        document.text(
            f"Brought in on {event.at[:10]} by {event.actor} (event {event.sequence}): "
            f"{event.details['rows']:,} transactions kept, {event.details['rejected']:,} set aside."
        )
        for event in facts.of("ingested")[-1:]
    ]
    if facts.dataset is None:
        blocks.append(document.missing("the dataset itself; it is not stored here any more."))
        return blocks
    evidence.has(where, "data_quality")
    reasons = facts.dataset["rejects_by_reason"]
    said = "; ".join(f"{reason}: {count:,}" for reason, count in sorted(reasons.items()))
    seen = facts.dataset["rows"] + facts.dataset["rejected"]
    if seen:
        blocks.append(
            document.text(
                f"Of {seen:,} rows {facts.dataset['rejected']:,} were set aside"
                f"{f' ({said})' if said else ''}. Transactions from {facts.dataset['from'][:10]} "
                f"to {facts.dataset['to'][:10]}."
            )
        )
    return blocks


WHY = {
    "observed": "what happened was recorded, so nothing needs to be assumed.",
    "disengaged": (
        "it needs no recorded outcome. Disengagement can be seen in the transactions alone; it is "
        "read in days that the features do not see, so the features cannot contain the rule."
    ),
    "inactive": (
        "it needs no recorded outcome. Silence is the simplest thing that transactions show, and "
        "needs no cluster; it is read in days that the features do not see."
    ),
    "same_window": (
        "for comparison only. It is the common recipe, label and features from the same days, and "
        "circular: it cannot be promoted."
    ),
}


def label(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    label = facts.bundle.facts["label"]
    evidence.has(where, "label")
    rows = [
        (_SAMPLES[name], f"{one['snapshots']:,}", f"{one['bads']:,}", _share(one))
        for name, one in label["samples"].items()
    ]
    follow = f"Features see the {label['observation_days']} days before a snapshot"
    if label["kind"] == "same_window":
        follow += ", and the label comes from the same days."
    elif label["outcome_days"]:
        follow += f", the label the {label['outcome_days']} days after it."
    else:
        follow += "; the outcome is what was recorded later."
    return [
        document.text(f"{label['kind']}: {label['definition']}"),
        document.text(f"Why this label: {WHY[label['kind']]}"),
        document.text(follow),
        document.table(
            ("Sample", "Snapshots", "Bads", "Share (95%, Jeffreys)"), rows, (1, 0, 0, 0)
        ),
    ]


def _share(one: Mapping[str, int]) -> str:
    n, bads = one["snapshots"], one["bads"]
    low, high = share_interval(np.array([bads]), np.array([n]))
    return f"{bads / max(n, 1):.1%} ({low[0]:.1%} to {high[0]:.1%})"


def honesty(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    checks = facts.bundle.facts["checks"]
    blocks = [_canary(checks["canary"], evidence, where), _leaks(checks["leaks"])]
    gauge = checks["gauge"]
    bars = {name: gauge["bars"][name] for name in _BARS if gauge["bars"].get(name)}
    if bars:
        rows = [
            (_BARS[name], interval_text(one, "auc"), f"{one['n']:,}", f"{one['bads']:,}")
            for name, one in bars.items()
        ]
        blocks += [
            document.text(f"Honesty gauge. {gauge['why']}"),
            document.table(("Design", "AUC (95%)", "n", "Bads"), rows, (1, 0, 0, 0)),
        ]
    sensitivity = checks["sensitivity"]
    blocks.append(document.text(f"Sensitivity. {sensitivity['why']}"))
    if sensitivity["rows"] or not sensitivity["applies"]:
        evidence.has(where, "sensitivity")
    if sensitivity["rows"]:
        blocks.append(_sensitivity(sensitivity["rows"]))
    naive = checks.get("naive")
    if naive:
        evidence.has(where, "benchmark")
        blocks.append(
            document.text(
                f"Benchmark: the best single feature, {naive['source']}, has AUC "
                f"{naive['auc']:.3f} ({naive['auc_low']:.3f} to {naive['auc_high']:.3f}); the "
                f"model's is {naive['difference']:+.3f} beside it ({naive['low']:+.3f} to "
                f"{naive['high']:+.3f}, n {naive['n']:,})."
                if naive.get("auc") is not None
                else "Benchmark: no single feature says anything about the label."
            )
        )
    if checks.get("small_sample"):
        blocks.append(document.strong(checks["small_sample"]))
    return blocks


def _canary(canary: Mapping[str, Any], evidence: Evidence, where: str) -> Block:
    if canary["passed"] is None:
        return document.missing(f"the canary. {canary['why']}")
    said = (
        f"every transaction was given to a random customer and label and features rebuilt: AUC "
        f"{canary['auc']:.3f} ({canary['low']:.3f} to {canary['high']:.3f}, {canary['level']:.1%} "
        f"interval, n {canary['n']:,}; 0.5 = chance): {canary['why']}."
    )
    if not canary["passed"]:
        return document.missing(f"an honest design, for the canary failed; {said}")
    evidence.has(where, "canary")
    return document.text(f"The canary lives; {said}")


def _leaks(leaks: Sequence[Mapping[str, Any]]) -> Block:
    if not leaks:
        return document.text("Leaks: no feature, product or ratio of two reaches AUC 0.98 alone.")
    shown = ", ".join(
        f"{' and '.join(leak['features'])} ({leak['form']}, AUC {leak['auc']:.3f})"
        for leak in leaks[:3]
    )
    return document.missing(
        f"a design without leaks; {len(leaks)} features or pairs reach AUC 0.98: {shown}"
        f"{', ...' if len(leaks) > 3 else '.'}"
    )


def _sensitivity(rows: Sequence[Mapping[str, Any]]) -> Block:
    return document.table(
        ("Choice changed", "Setting", "n", "Bad rate (95%)", "Kappa", "Rank corr."),
        [
            (
                row["change"],
                f"{row['setting']} ({row['note']})" if row["note"] else row["setting"],
                f"{row['n']:,}",
                "-"
                if row["bad_rate"] is None
                else f"{row['bad_rate']:.1%} ({row['low']:.1%} to {row['high']:.1%})",
                _or_dash(row["kappa"]),
                _or_dash(row["rank_correlation"]),
            )
            for row in rows
        ],
        (3, 4, 0, 0, 0, 0),
        "Kappa: agreement of the labels with the chosen one's; rank correlation: of the scores. "
        "1 = the same.",
    )


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def method(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
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


def features(facts: Facts, evidence: Evidence, where: str) -> list[Block]:
    evidence.has(where, "features")
    known = facts.bundle.catalogue.by_name
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
    return [document.table(("Name", "Meaning", "Unit", "Riskier if"), rows, (4, 8, 1, 1))]
