"""What screens say, in one place."""

from __future__ import annotations

PROXY_BANNER = (
    "**Disengagement risk, not a default risk.** This model predicts a proxy: whether a customer "
    "will stop being active. Nobody's repayment was observed, so it is no PD and must not be used "
    "as one."
)
OBSERVED_BANNER = (
    "**PD (observed outcomes).** This model was trained on recorded outcomes of past applications."
)
CIRCULAR_BANNER = (
    "**Circular: do not use.** Its label comes from the same window as its features, so it only "
    "re-learns a clustering rule. It is shown for comparison and cannot be promoted."
)
HIGHER_IS_SAFER = "Points; higher = safer"
NO_DATA = "There is no data yet. Bring in a transactions file, or use the simulated sample."
NO_MODEL = "There is no champion yet. Train models, look at them side by side, and promote one."

QUESTION = {
    "default": "PD (observed)",
    "disengagement": "Disengagement risk",
}
LABEL = {
    "disengaged": "Disengaged (proxy): ends in the least engaged RFM cluster",
    "inactive": "Inactive (proxy): no transaction in the outcome window",
    "observed": "Observed outcomes: 1 = bad, from the applications file",
    "same_window": "Same window (circular, for comparison only)",
}
DECISION = {"approve": "Approve", "refer": "Refer to a person", "decline": "Decline"}
DECISION_ICON = {
    "approve": ":material/check_circle:",
    "refer": ":material/front_hand:",
    "decline": ":material/cancel:",
}
FAMILY = {"logistic": "Logistic regression", "xgboost": "XGBoost", "lightgbm": "LightGBM"}
SAMPLE = {
    "cross_validation": "Cross-validation",
    "holdout": "Hold-out customers",
    "out_of_time": "Out of time",
    "observed_outcome": "Against observed outcomes",
}
OVERRIDE_REASONS = {
    "documents": "Documents seen that the data does not show",
    "data_error": "The data is wrong or incomplete",
    "policy_exception": "Exception allowed by policy",
    "known_customer": "Known customer, long relationship",
    "affordability": "Affordability outside the model",
    "other": "Other (say why in the note)",
}
