"""How the columns of shared tables are shown: names, units and formats in one place."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import text

_C = st.column_config

LEADERBOARD: dict[str, Any] = {
    "reference": _C.TextColumn("Model", pinned=True, width=130),
    "mark": _C.TextColumn("Mark"),
    "family": _C.TextColumn("Family"),
    "auc": _C.NumberColumn("AUC", format="%.3f", help="0.5 = chance, 1 = perfect ranking"),
    "auc_low": _C.NumberColumn("95% from", format="%.3f"),
    "auc_high": _C.NumberColumn("to", format="%.3f"),
    "gini": _C.NumberColumn("Gini", format="%.3f", help="2 AUC - 1"),
    "ks": _C.NumberColumn("KS", format="%.3f"),
    "brier": _C.NumberColumn("Brier", format="%.4f", help="Lower = better"),
    "log_loss": _C.NumberColumn("Log loss", format="%.3f", help="Lower = better"),
    "n": _C.NumberColumn("n", format="localized"),
    "bads": _C.NumberColumn("Bads", format="localized"),
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
    "source": _C.TextColumn("Name in the catalogue"),
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
    "development": _C.NumberColumn("Development sample, scaled", format="%.0f"),
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
        **{f"reason_{i}": _C.TextColumn(f"Reason {i}") for i in range(1, 5)},
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
