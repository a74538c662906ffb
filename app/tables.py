"""How the columns of shared tables are shown: names, units and formats in one place."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import text

_C = st.column_config

LEADERBOARD: dict[str, Any] = {
    "reference": _C.TextColumn("Model", pinned=True, width=120),
    "mark": _C.TextColumn("Mark", width=78),
    "family": _C.TextColumn("Family"),
    "auc": _C.NumberColumn("AUC", format="%.3f", help="0.5 = chance, 1 = perfect ranking"),
    "auc_low": _C.NumberColumn("95% from", format="%.3f"),
    "auc_high": _C.NumberColumn("to", format="%.3f"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "gini": _C.NumberColumn("Gini", format="%.3f", width=58, help="2 AUC - 1"),
    "ks": _C.NumberColumn("KS", format="%.3f", width=58),
    "pr_auc": _C.NumberColumn("PR-AUC", format="%.3f", help="Average precision; chance = bad rate"),
    "slope": _C.NumberColumn(
        "Slope", format="%.2f", help="Of calibration: 1 = right, below 1 = too extreme"
    ),
    "brier": _C.NumberColumn("Brier", format="%.4f", help="Lower = better"),
    "log_loss": _C.NumberColumn("Log loss", format="%.3f", help="Lower = better"),
    "label": _C.TextColumn("Label"),
    "dataset": _C.TextColumn("Trained on"),
}
CALIBRATION: dict[str, Any] = {
    "group": _C.NumberColumn("Tenth", help="From the lowest predicted risk"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "predicted": _C.NumberColumn("Predicted", format="percent"),
    "observed": _C.NumberColumn("Observed", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
}
SCORE_SHARES: dict[str, Any] = {
    "low": _C.NumberColumn("From points", help="Higher = safer"),
    "goods": _C.NumberColumn("Goods", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "goods_share": _C.NumberColumn("Share of goods", format="percent"),
    "bads_share": _C.NumberColumn("Share of bads", format="percent"),
}
EVIDENCE: dict[str, Any] = {
    "sample": _C.TextColumn("Sample"),
    "auc": _C.NumberColumn("Candidate's AUC", format="%.3f"),
    "auc_low": _C.NumberColumn("95% from", format="%.3f"),
    "auc_high": _C.NumberColumn("to", format="%.3f"),
    "champion_auc": _C.NumberColumn("Champion's AUC", format="%.3f"),
    "difference": _C.NumberColumn(
        "Difference", format="%+.3f", help="Candidate minus champion on the same people (DeLong)"
    ),
    "difference_low": _C.NumberColumn("95% from", format="%+.3f"),
    "difference_high": _C.NumberColumn("to", format="%+.3f"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
}
CONTRIBUTIONS: dict[str, Any] = {
    "description": _C.TextColumn("Factor"),
    "value": _C.TextColumn("Value"),
    "points": _C.NumberColumn("Points", format="%+.1f", help="Below 0 = lowers the score"),
    "below": _C.NumberColumn(
        "Higher than", format="percent", help="Share of development customers with a lower value"
    ),
    "family": _C.TextColumn("Family"),
    "source": _C.TextColumn("Name in the catalogue"),
}
PROOF: dict[str, Any] = {
    "description": _C.TextColumn("Reason"),
    "value": _C.TextColumn("This customer"),
    "reference": _C.TextColumn("Typical approved customer"),
    "points": _C.NumberColumn("Points lost", format="%+.1f"),
    "gain": _C.NumberColumn("Score would rise by", format="%+.1f points"),
    "stability": _C.TextColumn("Stability"),
}
MONTHS: dict[str, Any] = {
    "month": _C.DateColumn("Month", format="MMM YYYY"),
    "money_in": _C.NumberColumn("Money in", format="localized"),
    "money_out": _C.NumberColumn("Money out", format="localized"),
    "transactions": _C.NumberColumn("Transactions", format="localized"),
    "balance": _C.NumberColumn("Last balance", format="localized"),
}
COUNTS: dict[str, Any] = {
    "band": _C.TextColumn("Band", help="A = safest"),
    "decision": _C.TextColumn("Recommendation"),
    "low": _C.NumberColumn("From points", help="Higher = safer"),
    "n": _C.NumberColumn("Customers", format="localized"),
    "development": _C.NumberColumn("At training, scaled", format="%.0f"),
}


def scores(question: str) -> dict[str, Any]:
    """Return the columns of a scores file, the risk named for the question it answers."""
    return {
        "customer_id": _C.TextColumn("Customer", pinned=True),
        "as_of": _C.DateColumn("As of", format="D MMM YYYY"),
        "score": _C.NumberColumn("Score", format="%.0f", help="Higher = safer"),
        "risk": _C.NumberColumn(text.QUESTION[question], format="percent"),
        "band": _C.TextColumn("Band", help="A = safest"),
        "decision": _C.TextColumn("Recommendation"),
        **{f"reason_{i}": _C.TextColumn(f"Reason {i}", width="medium") for i in range(1, 5)},
        "model": _C.TextColumn("Model"),
        "model_version": _C.TextColumn("Version"),
    }


ACTIVITY: dict[str, Any] = {
    "month": _C.DateColumn("Month", format="MMM YYYY"),
    "transactions": _C.NumberColumn("Transactions", format="localized"),
    "customers": _C.NumberColumn("Customers", format="localized"),
    "money_out": _C.NumberColumn("Money out", format="localized"),
    "money_in": _C.NumberColumn("Money in", format="localized"),
}
PROFILE: dict[str, Any] = {
    "segment": _C.TextColumn("Segment", pinned=True),
    "cluster": _C.NumberColumn("Cluster", help="0 = least engaged", width=62),
    "customers": _C.NumberColumn("Customers", format="localized", width=80),
    "share": _C.NumberColumn("Share", format="percent", width=54),
    "recency_days": _C.NumberColumn(
        "Recency", format="%.0f days", help="Days since the last transaction; median", width=74
    ),
    "frequency": _C.NumberColumn("Frequency", format="%.0f", help="Transactions; median", width=76),
    "monetary": _C.NumberColumn("Money out", format="localized", help="Median, in the window"),
}
QUINTILES: dict[str, Any] = {
    "score": _C.NumberColumn("Score", help="5 = most engaged"),
    "r_score": _C.NumberColumn("Recency", format="localized"),
    "f_score": _C.NumberColumn("Frequency", format="localized"),
    "m_score": _C.NumberColumn("Money", format="localized"),
}
MEMBERS: dict[str, Any] = {
    "customer_id": _C.TextColumn("Customer"),
    "segment": _C.TextColumn("Segment"),
    "cluster": _C.NumberColumn("Cluster", help="0 = least engaged"),
    "recency_days": _C.NumberColumn("Recency", format="%.0f days"),
    "frequency": _C.NumberColumn("Frequency", format="%.0f", help="Transactions in the window"),
    "monetary": _C.NumberColumn("Money out", format="localized", help="In the window"),
}
TRAINED: dict[str, Any] = {
    "model": _C.TextColumn("Model"),
    "sample": _C.TextColumn("Sample"),
    **{name: LEADERBOARD[name] for name in ("auc", "auc_low", "auc_high", "gini", "ks", "brier")},
    "n": LEADERBOARD["n"],
    "bads": LEADERBOARD["bads"],
}
REFERENCES: dict[str, Any] = {
    "predictor": _C.TextColumn("Predictor of the recorded outcome"),
    **{name: LEADERBOARD[name] for name in ("auc", "auc_low", "auc_high", "n", "bads")},
}
REJECTS: dict[str, Any] = {
    "line": _C.NumberColumn("Line", width="small"),
    "column": _C.TextColumn("Column"),
    "value": _C.TextColumn("Value"),
    "reason": _C.TextColumn("Reason"),
}
EVENTS: dict[str, Any] = {
    "When (UTC)": _C.TextColumn(width=130),
    "What": _C.TextColumn(width="large"),
}
COHORTS: dict[str, Any] = {
    "as_of": _C.DateColumn("As of", format="YYYY-MM-DD", width=82),
    "sample": _C.TextColumn("Sample", width=88),
    "snapshots": _C.NumberColumn("Customers", format="localized", width=74),
    "bads": _C.NumberColumn("Bads", format="localized", width=50),
    "bad_rate": _C.NumberColumn("Bad rate", format="percent", width=64),
    "low": _C.NumberColumn("95% from", format="percent", width=70),
    "high": _C.NumberColumn("to", format="percent", width=56),
}
GAUGE: dict[str, Any] = {
    "what": _C.TextColumn("What is asked", pinned=True),
    **{name: LEADERBOARD[name] for name in ("auc", "auc_low", "auc_high", "n", "bads")},
}
SENSITIVITY: dict[str, Any] = {
    "change": _C.TextColumn("Changed"),
    "setting": _C.TextColumn("To"),
    "n": _C.NumberColumn("Customers", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "bad_rate": _C.NumberColumn("Bad rate", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
    "kappa": _C.NumberColumn(
        "Kappa", format="%.2f", help="Label against the chosen one; 1 = same, 0 = as by chance"
    ),
    "rank_correlation": _C.NumberColumn(
        "Rank correlation", format="%.2f", help="Scores against the chosen design's (Spearman)"
    ),
    "note": _C.TextColumn("Note"),
}
OUTCOMES: dict[str, Any] = {
    "cluster": _C.NumberColumn("Cluster", help="0 = least engaged"),
    "n": _C.NumberColumn("Applications", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "bad_rate": _C.NumberColumn("Bad rate", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent", help="Jeffreys interval"),
    "high": _C.NumberColumn("to", format="percent"),
}
SCAN: dict[str, Any] = {
    "k": _C.NumberColumn("k"),
    "silhouette": _C.NumberColumn("Silhouette", format="%.3f", help="-1 to 1; higher = better"),
    "inertia": _C.NumberColumn("Inertia", format="%.3f", help="Mean squared distance; falls"),
    "smallest_share": _C.NumberColumn("Smallest cluster", format="percent"),
}
STABILITY: dict[str, Any] = {
    "seed": _C.NumberColumn("Seed", format="%d"),
    "agreement": _C.NumberColumn(
        "Adjusted Rand index", format="%.3f", help="1 = the same groups, 0 = as by chance"
    ),
    "least_engaged": _C.NumberColumn("In cluster 0", format="percent"),
}
SPREADS: dict[str, Any] = {
    "cluster": _C.NumberColumn("Cluster", help="0 = least engaged"),
    "measure": _C.TextColumn("Measure"),
    **{
        f"p{q}": _C.NumberColumn(f"{q}%", format="localized", help="Quantile")
        for q in (5, 25, 50, 75, 95)
    },
}
MATCHING: dict[str, Any] = {
    "what": _C.TextColumn("Applications", width="large"),
    "n": _C.NumberColumn("n", format="localized"),
}
POLICY_BANDS: dict[str, Any] = {
    "band": _C.TextColumn("Band", help="A = safest"),
    "from": _C.NumberColumn("From", format="%.1f", help="Points; higher = safer"),
    "below": _C.NumberColumn("Below", format="%.1f", help="Points"),
    "development_n": _C.NumberColumn("Development n", format="localized"),
    "development_rate": _C.NumberColumn("Development bad", format="percent"),
    "n": _C.NumberColumn("n here", format="localized"),
    "bad_rate": _C.NumberColumn("Bad here", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent", help="Jeffreys interval"),
    "high": _C.NumberColumn("to", format="percent"),
}
POLICIES: dict[str, Any] = {
    "number": _C.NumberColumn("Version", help="0 = set at training"),
    "approve_from": _C.NumberColumn("Approve from", format="%.1f"),
    "decline_below": _C.NumberColumn("Decline below", format="%.1f"),
    "thin_file_transactions": _C.NumberColumn("Thin file below"),
    "four_eyes": _C.TextColumn("Second person for"),
    "at": _C.TextColumn("When (UTC)"),
    "actor": _C.TextColumn("Who"),
    "reason": _C.TextColumn("Why"),
    "event": _C.NumberColumn("Event"),
}
CHANGES: dict[str, Any] = {
    "description": _C.TextColumn("Factor", pinned=True),
    "value_before": _C.TextColumn("Now"),
    "value_after": _C.TextColumn("Then"),
    "points": _C.NumberColumn("Change", format="%+.1f", help="Points; above 0 = safer"),
}
EDITED: dict[str, Any] = {
    "timestamp": _C.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm", required=True),
    "amount": _C.NumberColumn("Amount", required=True, help="Above 0 = money out, below 0 = in"),
    "balance": _C.NumberColumn("Balance after"),
    "category": _C.TextColumn("Category"),
    "channel": _C.TextColumn("Channel"),
    "is_fraud": _C.CheckboxColumn("Fraud"),
}
ROC: dict[str, Any] = {
    "false_positive_rate": _C.NumberColumn("Goods ranked as bad", format="percent"),
    "true_positive_rate": _C.NumberColumn("Bads found", format="percent"),
}
PRECISION: dict[str, Any] = {
    "recall": _C.NumberColumn("Bads found", format="percent"),
    "precision": _C.NumberColumn("Bad among those found", format="percent"),
}
KS: dict[str, Any] = {
    "population_share": _C.NumberColumn("Looked at", format="percent", help="Riskiest first"),
    "bads_share": _C.NumberColumn("Bads found", format="percent"),
    "goods_share": _C.NumberColumn("Goods found", format="percent"),
    "distance": _C.NumberColumn("Distance", format="%.3f", help="KS is the largest"),
}
GAINS: dict[str, Any] = {
    "group": _C.NumberColumn("Tenth", help="1 = riskiest"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "bad_rate": _C.NumberColumn("Bad rate", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
    "lift": _C.NumberColumn("Lift", format="%.2f", help="1 = as everyone"),
    "population_share": _C.NumberColumn("Looked at", format="percent"),
    "bads_share": _C.NumberColumn("Bads found", format="percent", help="Down to this tenth"),
    "cumulative_lift": _C.NumberColumn("Lift so far", format="%.2f"),
}
BANDS: dict[str, Any] = {
    "band": _C.TextColumn("Band", help="A = safest"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "predicted": _C.NumberColumn("Predicted", format="percent"),
    "observed": _C.NumberColumn("Observed", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
    "jeffreys": _C.NumberColumn("p (Jeffreys)", format="%.3f", help="Risk is not underestimated"),
    "binomial": _C.NumberColumn("p (binomial)", format="%.3f", help="So many bads or more"),
    "light": _C.TextColumn("Light"),
}
DIFFERENCES: dict[str, Any] = {
    "figure": _C.TextColumn("Figure"),
    "first": _C.NumberColumn("First", format="%.4f"),
    "second": _C.NumberColumn("Second", format="%.4f"),
    "difference": _C.NumberColumn("First less second", format="%+.4f"),
    "low": _C.NumberColumn("95% from", format="%+.4f"),
    "high": _C.NumberColumn("to", format="%+.4f"),
    "p": _C.NumberColumn("p", format="%.3f", help="Of no difference; two-sided"),
    "better": _C.TextColumn("Clearly better"),
}
SWAPS: dict[str, Any] = {
    "group": _C.TextColumn("Approved by"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "bad_rate": _C.NumberColumn("Bad rate", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent", help="Jeffreys interval"),
    "high": _C.NumberColumn("to", format="percent"),
}
SEGMENTS: dict[str, Any] = {
    "by": _C.TextColumn("By"),
    "segment": _C.TextColumn("Segment"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "observed": _C.NumberColumn("Bad rate", format="percent"),
    **{
        column: _C.NumberColumn(f"{name} {words}", format=shown)
        for name, which in (("First", "first"), ("Second", "second"))
        for column, words, shown in (
            (which, "AUC", "%.3f"),
            (f"{which}_low", "from", "%.3f"),
            (f"{which}_high", "to", "%.3f"),
            (f"{which}_predicted", "predicted", "percent"),
        )
    },
}
PROMOTIONS: dict[str, Any] = {
    "at": _C.DatetimeColumn("From (UTC)", format="YYYY-MM-DD HH:mm"),
    "until": _C.DatetimeColumn("Until (UTC)", format="YYYY-MM-DD HH:mm"),
    "model": _C.TextColumn("Champion"),
    "actor": _C.TextColumn("By"),
    "reason": _C.TextColumn("Reason", width="large"),
    "sample": _C.TextColumn("Judged on", help="The evidence as it stood at the promotion"),
    **{name: LEADERBOARD[name] for name in ("auc", "auc_low", "auc_high", "n")},
    "event": _C.NumberColumn("Event", help="Its number in the record", format="%d"),
}
POINTS: dict[str, Any] = {
    "characteristic": _C.TextColumn("Characteristic", pinned=True),
    "bin": _C.TextColumn("Bin"),
    "points": _C.NumberColumn("Points", format="%+.1f", help="Base + one bin each = score"),
    "count": _C.NumberColumn("n", format="localized", help="Development sample"),
    "share": _C.NumberColumn("Share", format="percent"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "bad_rate": _C.NumberColumn("Bad rate", format="percent"),
    "woe": _C.NumberColumn("WoE", format="%+.3f", help="Higher = safer; 0 = too few to tell"),
    "iv": _C.NumberColumn("IV", format="%.3f", help="Below 0.02 = says nothing"),
}
IMPORTANCE: dict[str, Any] = {
    "source": _C.TextColumn("Feature"),
    "points": _C.NumberColumn("Mean absolute points", format="%.2f"),
    "low": _C.NumberColumn("95% from", format="%.2f"),
    "high": _C.NumberColumn("to", format="%.2f"),
}
DEPENDENCE: dict[str, Any] = {
    "value": _C.TextColumn("Value"),
    "points": _C.NumberColumn("Mean score", format="%.1f", help="Higher = safer"),
}
PSI: dict[str, Any] = {
    "what": _C.TextColumn("What", pinned=True),
    "psi": _C.NumberColumn("PSI", format="%.3f"),
    "critical": _C.NumberColumn("Chance reaches", format="%.3f", help="Once in twenty, no shift"),
    "verdict": _C.TextColumn("Verdict"),
    "n_then": _C.NumberColumn("n at training", format="localized"),
    "n_now": _C.NumberColumn("n out of time", format="localized"),
}
LEARNING: dict[str, Any] = {
    "share": _C.NumberColumn("Share fitted on", format="percent"),
    "customers": _C.NumberColumn("Customers", format="localized"),
    **{name: LEADERBOARD[name] for name in ("auc", "auc_low", "auc_high", "n")},
}
INVENTORY: dict[str, Any] = {
    "reference": _C.TextColumn("Model", pinned=True),
    "status": _C.TextColumn("Status"),
    "checks": _C.TextColumn("Checks", help="Canary, leaks, and better than chance"),
    "answers": _C.TextColumn("Answers"),
    "label": _C.TextColumn("Label"),
    "family": _C.TextColumn("Family"),
    **{name: LEADERBOARD[name] for name in ("auc", "auc_low", "auc_high", "n", "bads")},
    "owner": _C.TextColumn("Owner", help="Who answers for it"),
    "tier": _C.TextColumn("Tier", help="Materiality: high, medium or low"),
    "purpose": _C.TextColumn("Purpose"),
    "created": _C.TextColumn("Trained (UTC)"),
    "why": _C.TextColumn("Why not"),
    "sha256": _C.TextColumn("SHA-256", help="Of bundle.json; the first 16 digits"),
}
DECISIONS: dict[str, Any] = {
    "event": _C.NumberColumn("Event", format="%d", pinned=True),
    "at": _C.TextColumn("When (UTC)"),
    "decision": _C.TextColumn("Decided"),
    "recommended": _C.TextColumn("Recommended"),
    "override": _C.CheckboxColumn("Override"),
    "status": _C.TextColumn("Status"),
    "reason_code": _C.TextColumn("Reason"),
    "score": _C.NumberColumn("Score", format="%.1f", help="Higher = safer"),
    "model": _C.TextColumn("Model"),
    "policy_version": _C.NumberColumn("Policy", format="%d", help="0 = set at training"),
    "actor": _C.TextColumn("Who"),
    "customer": _C.TextColumn("Customer (hash)"),
}
OVERRIDES: dict[str, Any] = {
    "by": _C.TextColumn("By"),
    "name": _C.TextColumn("Name"),
    "decisions": _C.NumberColumn("Decisions", format="localized"),
    "overrides": _C.NumberColumn("Overrides", format="localized"),
    "rate": _C.NumberColumn("Rate", format="percent"),
}
POLICY_SEGMENTS: dict[str, Any] = {
    "segment": _C.TextColumn("Segment"),
    "n": _C.NumberColumn("n", format="localized"),
    "approved": _C.NumberColumn("Approved", format="percent"),
    "referred": _C.NumberColumn("Referred", format="percent"),
    "declined": _C.NumberColumn("Declined", format="percent"),
    "bads_approved": _C.NumberColumn("Bads approved", format="localized"),
    "bad_rate": _C.NumberColumn("Bad rate of approved", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
}
PRECEDENTS: dict[str, Any] = {
    "customer_id": _C.TextColumn("Customer"),
    "as_of": _C.DateColumn("As of"),
    "score": _C.NumberColumn("Score", format="%.0f", help="Higher = safer"),
    "distance": _C.NumberColumn("Distance", format="%.1f points"),
    "label": _C.TextColumn("Turned out"),
}
OVERRIDE_OUTCOMES: dict[str, Any] = {
    "recommended": _C.TextColumn("Recommended"),
    "decision": _C.TextColumn("Decided"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "rate": _C.NumberColumn("Bad rate", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
}
DRIFT: dict[str, Any] = {
    "source": _C.TextColumn("What", pinned=True),
    "psi": _C.NumberColumn("PSI", format="%.3f"),
    "critical": _C.NumberColumn("Chance reaches", format="%.3f"),
    "n_then": _C.NumberColumn("n at training", format="localized"),
    "n_now": _C.NumberColumn("n here", format="localized"),
    "level": _C.TextColumn("Level"),
}
REALISED: dict[str, Any] = {
    "band": _C.TextColumn("Band", help="A = safest"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "predicted": _C.NumberColumn("Predicted", format="percent"),
    "observed": _C.NumberColumn("Observed", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
    "jeffreys": _C.NumberColumn("p (Jeffreys)", format="%.3f"),
    "binomial": _C.NumberColumn("p (binomial)", format="%.3f"),
    "light": _C.TextColumn("Light"),
}
VINTAGES: dict[str, Any] = {
    "vintage": _C.TextColumn("Quarter"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
    "rate": _C.NumberColumn("Bad rate", format="percent"),
    "low": _C.NumberColumn("95% from", format="percent"),
    "high": _C.NumberColumn("to", format="percent"),
    "score": _C.NumberColumn("Mean score", format="%.0f", help="Higher = safer"),
    "auc": _C.NumberColumn("AUC", format="%.3f"),
}
REPORTS: dict[str, Any] = {
    "at": _C.TextColumn("When (UTC)"),
    "event": _C.NumberColumn("Event"),
    "n": _C.NumberColumn("n", format="localized"),
    "level": _C.TextColumn("Level"),
    "psi": _C.NumberColumn("PSI", format="%.3f"),
    "critical": _C.NumberColumn("Chance reaches", format="%.3f"),
    "approved": _C.NumberColumn("Approved", format="percent"),
    "override_rate": _C.NumberColumn("Overrides", format="percent"),
    "set_aside": _C.NumberColumn("Set aside", format="percent"),
    "auc": _C.NumberColumn("AUC", format="%.3f"),
    "as_of": _C.TextColumn("Scored up to"),
}
ALERTS: dict[str, Any] = {
    "level": _C.TextColumn("Level", width="small"),
    "what": _C.TextColumn("What", width="large"),
}
FAIRNESS: dict[str, Any] = {
    "group": _C.TextColumn("Group", pinned=True),
    "n": _C.NumberColumn("n", format="localized"),
    "approval": _C.NumberColumn("Approved", format="percent"),
    "approval_low": _C.NumberColumn("95% from", format="percent"),
    "approval_high": _C.NumberColumn("to", format="percent"),
    "air": _C.NumberColumn("Ratio", format="%.2f", help="Approval over the reference group's"),
    "air_low": _C.NumberColumn("95% from", format="%.2f"),
    "air_high": _C.NumberColumn("to", format="%.2f"),
    "smd": _C.NumberColumn("SMD of scores", format="%+.2f", help="Above 0 = higher scores"),
    "tpr": _C.NumberColumn("Good who are approved", format="percent"),
    "tpr_n": _C.NumberColumn("n good", format="localized"),
    "fpr": _C.NumberColumn("Bad who are approved", format="percent"),
    "fpr_n": _C.NumberColumn("n bad", format="localized"),
}
PROXY_FEATURES: dict[str, Any] = {
    "source": _C.TextColumn("Input"),
    "auc": _C.NumberColumn("AUC alone", format="%.3f"),
}
ALTERNATIVES: dict[str, Any] = {
    "model": _C.TextColumn("Model"),
    "approve_from": _C.NumberColumn("Approve from", format="%.1f"),
    "approved": _C.NumberColumn("Approved", format="percent"),
    "air": _C.NumberColumn("Smallest ratio", format="%.2f"),
    "bad_rate": _C.NumberColumn("Bads among approved", format="percent"),
    "n": _C.NumberColumn("n with outcome", format="localized"),
    "auc": _C.NumberColumn("AUC", format="%.3f"),
    "frontier": _C.CheckboxColumn("Beaten by none"),
}
