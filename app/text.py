"""What screens say, in one place."""

from __future__ import annotations

from credit_core.labels.wording import RISK_NAME

PROXY_BANNER = (
    "**Disengagement risk, not a default risk.** What is predicted is a proxy: whether a customer "
    "will stop being active. It learnt from nobody's repayment: it is no PD, and must not be used "
    "as one."
)
OBSERVED_BANNER = "**PD (observed outcomes).** Learnt from recorded outcomes of past applications."
SIMULATED = "They are **simulated**: nobody in them is real, and no score here is anyone's."
CIRCULAR_BANNER = (
    "**Circular: do not use.** Its label comes from the same window as its features, so it only "
    "re-learns a clustering rule. It is shown for comparison and cannot be promoted."
)
HIGHER_IS_SAFER = "Points; higher = safer"
NO_DATA = "There is no data yet. Bring in a transactions file, or use the simulated sample."
CANNOT_SCORE = "{model} reads columns or attributes that these data do not have."
NO_SUCH_DATA = "The address names data that are not stored here: {asked}. The above are shown."
NO_SUCH_MODEL = "The address names a model that cannot be chosen here: {asked}. The above is used."
NO_MODEL = "There is no champion yet. Train models, look at them side by side, and promote one."

QUESTION = RISK_NAME
LABEL = {
    "disengaged": "Disengaged (proxy): ends in the least engaged RFM cluster",
    "inactive": "Inactive (proxy): no transaction in the outcome window",
    "observed": "Observed outcomes: 1 = bad, from the applications file",
    "same_window": "Same window (circular, for comparison only)",
}
DECISION_SHORT = {"approve": "Approve", "refer": "Refer", "decline": "Decline"}
DECISION = {"approve": "Approve", "refer": "Refer to a person", "decline": "Decline"}
DECISION_ICON = {
    "approve": ":material/check_circle:",
    "refer": ":material/front_hand:",
    "decline": ":material/cancel:",
}
FAMILY = {
    "scorecard": "Scorecard",
    "logistic": "Logistic regression",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
}
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
NO_MODELS = "There is no model yet. Train some, then compare them here."
CIRCULAR_WHY = (
    "An AUC near 1 is bad news here: the label was cut from the same days as the features, so the "
    "model only re-learns the clustering rule. It would score as high on pure noise, and it "
    "says nothing about the future."
)
DIFFERENT_PEOPLE = (
    "Models trained on different data were judged on different people: compare the rows of one "
    "data set only. The figures below keep them apart."
)
DIFFERENT_WINDOWS = (
    "These models were trained with different windows or settings, so they were not judged on the "
    "same people: read each curve on its own."
)
OVERLAP = (
    "Intervals that overlap do not make two models equal: they were judged on the same people, and "
    "the paired test under 'Two models' says whether the difference is real."
)
NO_DIFFERENCE = (
    "Candidate and champion were not judged on the same people and label, so no difference between "
    "them can be computed."
)
NO_SUCH_CUSTOMER = "No customer has this id; check the spelling (case and leading zeros count)."
LABEL_NAME = {
    "disengaged": "Disengaged (proxy)",
    "inactive": "Inactive (proxy)",
    "observed": "Observed outcomes",
    "same_window": "Same window (circular)",
}
LABEL_MEANS = {
    "disengaged": (
        "1 = ends the outcome window in the least engaged cluster by recency, frequency and money. "
        "Says who drifts away, not who repays."
    ),
    "inactive": (
        "1 = makes no transaction in the outcome window. The plainest proxy; rare where customers "
        "are busy."
    ),
    "observed": (
        "1 = bad, as recorded for past applications. The only label whose score may be called a PD."
    ),
    "same_window": (
        "Circular: 1 = least engaged in the very window the features come from. Here to be "
        "compared; it cannot be promoted."
    ),
}
WHY_NOT_099 = (
    "The common recipe clusters customers by recency, frequency and money, calls the least engaged "
    "cluster bad, and trains on features **from the same weeks**. The model then only has to find "
    "the clustering rule again, and it does: AUC 0.99, on pure noise too. It has learnt nothing "
    "about the future and nothing about repayment.\n\n"
    "Candor keeps the observation window (what features see) before the outcome window (what the "
    "label sees). On every training it runs the **canary**: each transaction is dealt to a random "
    "customer, features and label are rebuilt, and the model is trained again. An honest design "
    "falls to AUC 0.5; a circular one stays near 0.99 and is never promoted. Honest AUC for "
    "disengagement is 0.73 to 0.89 on public transaction logs."
)
SEGMENTS_ARE_NOT_RISK = (
    "A segment describes how a customer transacts; it is **no risk class**. Least engaged does not "
    "mean bad: in trials on a bank's transactions with real loan outcomes, not on the data shown "
    "here, such clusters were close to chance (AUC 0.49 to 0.57)."
)
CHAMPION_HEADLINE = {
    "default": "Trained on recorded outcomes.",
    "disengagement": "A proxy: no PD, it learnt from nobody's repayment.",
}
AMOUNT_MODE = {
    "signed": "One column with a sign",
    "direction": "Amount and direction",
    "debit_credit": "Debit and credit",
    "price": "Quantity and unit price",
}
AMOUNT_PART = {
    "debit": "Money out",
    "credit": "Money in",
    "quantity": "Quantity",
    "unit_price": "Unit price",
    "direction": "Direction",
}
AMOUNT_SIGN = {
    "out_positive": "Above 0 is money out (spending)",
    "in_positive": "Above 0 is money in",
}
JOB_STATE = {"running": "Running", "done": "Done", "failed": "Failed", "cancelled": "Cancelled"}
TRANSACTIONS_FILE = (
    "One row a movement: who, when, how much. CSV with any delimiter (plain, gzip or zip), Excel "
    "(xlsx) or Parquet."
)
APPLICATIONS_FILE = (
    "One row an applicant: customer_id, perhaps as_of (the decision date), attributes, and outcome "
    "(1 = bad). With outcomes the score may be called a PD. Columns named protected_* are used for "
    "fairness only."
)
SAMPLE_FILES = (
    "18 months of transactions of 4,000 simulated customers, with applications and outcomes. "
    "Nobody in it is real."
)
NO_OUTCOMES = (
    "No recorded outcomes, so no score may be called a PD. Bring in applications with an outcome "
    "column (1 = bad) to change that."
)
NO_CHAMPION = {
    "default": "No champion. It needs applications with recorded outcomes.",
    "disengagement": "No champion. It needs transactions only, and answers who drifts away.",
}
AUC_MEANS = "0.5 = chance, 1 = every bad ranked above every good. Interval by DeLong."
LAB_LEAD = (
    "**Why an AUC of 0.99 is bad news.** Where nobody recorded who repaid, the common recipe "
    "clusters customers by recency, frequency and money, calls the least engaged cluster bad, and "
    "trains on features from **the same days**. The model then only finds the clustering rule "
    "again: its AUC is near 1 on any data, noise too, and says nothing about tomorrow. Here "
    "features stop at a date and the label lies **after** it. That AUC is lower, and it is "
    "the one to go by."
)
LAB_OBSERVED = (
    "**These labels are recorded outcomes**, each with its own date; features stop before it. "
    "There is no rule to choose, so nothing here can be circular. What remains to be asked is "
    "whether the transactions say more than recency, frequency and money, and what a proxy would "
    "have said about the same people."
)
GAUGE = {
    "same_window": "Same window (circular)",
    "forward": "Forward: the days after",
    "out_of_time": "Out of time: later still",
    "cross_validation": "Customers it has not seen",
    "rfm_model": "Recency, frequency and money",
    "recency_days": "Recency alone",
    "frequency": "Frequency alone",
    "monetary": "Money alone",
    "proxy_label": "The proxy label itself",
}
MATCHING = {
    "with_history": "With enough history before the decision",
    "thin_file": "Thin file: fewer than {thin_below} transactions in the {observation_days} days "
    "before the decision",
    "without_history_before_as_of": "Known customer, but the first transaction comes after the "
    "decision",
    "before_the_ledger": "Decided before the ledger begins",
    "without_any_transaction": "Unmatched: the ledger does not know the customer",
}
CONCORDANCE = {
    "before": "Clusters before the decision: what the common recipe calls risk",
    "after": "Clusters after the decision: the proxy label itself",
}
FROZEN_CENTRES = "Clusters keep the centres of the later date at both."
CANCELLED = "This training was cancelled; nothing of it was registered."
SCENARIO = {
    "income": "Salary keeps arriving",
    "spend_less": "Payments smaller, %",
    "purchases": "More purchases a month",
    "above_zero": "No balance below zero",
}
AHEAD = (
    "The last {months} months lived once more, with these changes; the score is taken at their "
    "end. Features are recomputed from the transactions, so everything moves together."
)
EDIT_TRANSACTIONS = (
    "Change, add or remove movements; the score follows. Nothing is stored. A balance is not "
    "carried forward by itself: change it where it matters."
)
PATHS_MEAN = (
    "Every mix of up to three changes of conduct is lived through on this customer's own "
    "transactions and rescored; the fewest changes that policy then approves are shown. Ways into "
    "values no development customer had do not count."
)
NO_PATH = (
    "No honest path: no mix of these changes leads to approval within {months} months. It would "
    "be wrong to promise one."
)
NO_PROFIT = (
    "No profit can be worked out from a proxy: it learnt from nobody's repayment, so nothing says "
    "what an approval would earn or lose."
)

# Compare
LIGHT = {"green": "Green", "amber": "Amber (p < 0.05)", "red": "Red (p < 0.01)"}
BAND_TESTS = (
    "Light by Jeffreys: the chance that the true rate is no higher than predicted; only risk "
    "stated too low is an alarm. {bands} bands are {bands} tests: were every prediction right, at "
    "least one light would still not be green with chance {chance:.0%}."
)
FIGURE = {
    "auc": "AUC",
    "ks": "KS",
    "pr_auc": "PR-AUC",
    "brier": "Brier (lower = better)",
    "log_loss": "Log loss (lower = better)",
}
SWAP = {
    "both": "Both",
    "first only": "Only the first",
    "second only": "Only the second",
    "neither": "Neither",
}
NOT_ONE_SAMPLE = (
    "These two were not judged on the same people and label, so nothing between them can be tested."
)
PAIR_TESTS = (
    "AUC by DeLong's paired test, the others by the paired bootstrap. Five figures are five "
    "tests: read the AUC first."
)
POOLED = "The rows of all folds are pooled here, so the AUCs differ a little from the folds' means."
MLFLOW = "`make mlflow` starts MLflow's own screens; then this link opens the run."
PSI = {"stable": "Stable", "moderate": "Moderate shift", "large": "Large shift"}
PSI_MEANS = (
    "The cohort out of time against training: features against the development sample, the score "
    "against customers that the model had not seen. Bands 0.10 and 0.25; a PSI that chance alone "
    "reaches with so few rows counts as stable. Monitoring compares a whole data set instead."
)

STABILITY = {"high": "High", "medium": "Medium", "low": "Low", "": "Not measured"}
PROOF_MEANS = (
    "Points lost: against the mean of approved development customers. Proof: with the value of a "
    "typical approved customer in its place, and all else as it is, the model's score rises by so "
    "much; a factor that fails this is not given as a reason. Stability: how often models fitted "
    "on resampled customers give the same reason (high from 80%, medium from 50%). A reason says "
    "what moved the score, not what causes the risk."
)
PERCENTILE_MEANS = (
    "In brackets: the share of development customers with a lower value, those with the same value "
    "counted half. Contributions are SHAP values for trees, the terms of the sum for linear "
    "models, in points."
)
MOSTLY_BAD = (
    "More than half of those approved turned out {bad}: these cut-offs let through more of them "
    "than of others, whatever the bands are called."
)
BANDS_MEAN = (
    "Bands are fifths of the development sample by score, not levels of risk: A is the safest "
    "fifth of these people, however safe that is."
)
WITHOUT_THIN_FILES = (
    "By score alone: who has too few transactions is referred as well, whatever the score. Batch "
    "counts them, so fewer are approved there."
)
NEW_APPLICANT = (
    "A bank's or shop's own columns will do; no column needs to say whose they are. They are "
    "stored as a dataset of one customer and scored at the midnight after the last transaction, "
    "or at the date of the application where one is given."
)
NO_PRECEDENTS = (
    "No past customers to show: the data hold too few from before this score whose outcome is "
    "known under this model's label."
)
FOUR_EYES = {
    "none": "No decision",
    "overrides": "Decisions against the recommendation",
    "all": "Every decision",
}
STATUS = {
    "final": "Final",
    "waiting": "Waits for a second person",
    "confirmed": "Confirmed by a second person",
    "rejected": "Rejected by a second person",
}
LEVEL = {
    "ok": "OK",
    "watch": "Watch",
    "investigate": "Investigate",
    "stop promoting": "Stop promoting",
}
SAME_DATA = (
    "The model was developed on these very data: no drift here is no news. Choose data that came "
    "later."
)
NO_ALERTS = "No measure reaches a limit that chance does not explain."
DRIFT_MEANS = (
    "PSI of everyone in these data: features against the development sample, the score against "
    "customers that the model had not seen at training; missing values are a bin of their own. The "
    "mark is what chance reaches at this n, once in twenty times over all features together; a "
    "limit passed within it raises nothing."
)
NO_LATER_OUTCOMES = (
    "No outcome that arrived after scoring is kept for these data, or too few to say (at least 5 "
    "goods and 5 bads). Until there are, nobody knows whether the scores were right."
)
PROXY_AGAINST_OUTCOMES = (
    "A disengagement model against real outcomes: this is how much, or how little, the proxy says "
    "about them. It was never trained to."
)
BANDS_TESTED = (
    "Predicted against observed, with Jeffreys' 95% interval. Red: the risk was underestimated (p "
    "below 0.01), amber below 0.05. Five bands are five tests: one in five such tables shows an "
    "amber light by chance."
)
NO_REPORTS = "No report on this model is on record yet. Record one below, or run `candor monitor`."
FOLLOWED = {
    "psi": "PSI of the score",
    "approved": "Share approved",
    "override_rate": "Override rate",
    "set_aside": "Share set aside",
    "auc": "AUC against outcomes",
}
SCHEDULED = (
    "A scheduler does the same with `candor monitor FILE --json`; its exit code is the level: 0 "
    "ok, 10 watch, 11 investigate, 12 stop promoting. A recorded report that says stop promoting "
    "refuses promotions of the model until a better one is recorded."
)
REPORT = {
    ".pdf": "Dossier (PDF)",
    ".html": "Dossier (HTML)",
    ".md": "Model card (Markdown)",
    ".zip": "Evidence pack (zip)",
}
REPORT_FILE = {".pdf": "dossier", ".html": "dossier", ".md": "model-card", ".zip": "evidence"}
DOSSIER_MEANS = (
    "Everything on record about one model, with a map of which clause of which rule asks for which "
    "evidence. What is missing is printed in red; nothing is certified. An evidence pack proves "
    "itself offline: `candor audit verify --pack FILE`."
)
FAIRNESS_PROVES = (
    "Declared protected attributes only; none is ever a feature. Equal rates prove no fairness and "
    "unequal ones no discrimination: groups may differ in what they apply for, outcomes of the "
    "declined are unknown, and a label can carry old injustice. The figures say where to look."
)
FAIRNESS_IN_DEVELOPMENT = (
    "These are the data that the model was developed on: it ranks the people in them better than "
    "new ones, so fewer bad ones are approved here. Policy shows hold-out customers alone."
)
FRONTIER_MEANS = (
    "Models already trained for this question, at cut-offs that approve within five points of what "
    "policy approves now. Where another point lies further right and lower, it treats groups more "
    "evenly, with fewer bad ones among those it approves."
)
ROLE = {
    "officer": "loan officer; decides on applicants, trains and promotes nothing.",
    "risk_manager": "risk manager; trains, promotes and sets policy, decides on no applicant.",
    "auditor": "auditor; sees everything and changes nothing.",
    "admin": "administrator; may do everything.",
}
NOT_STATED = "not stated"
OWNERSHIP = (
    "Owner, purpose and tier are stated in the governance section of the model configuration."
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SIGN_IN_MEANS = (
    "Credit scores with their reasons, and with how far they may be trusted. Sign in with your "
    "organisation's account."
)
SIGN_IN_BROKEN = (
    "Signing in is not set up completely: the [auth] section of Streamlit's secrets needs "
    "redirect_uri, cookie_secret, client_id, client_secret and server_metadata_url."
)
PUBLIC_REFUSED = (
    "Candor listens on {address}, where others can reach it, and nobody has to sign in. Nothing is "
    "shown. Set up sign-in (an [auth] section in Streamlit's secrets), or listen on localhost; "
    "CANDOR_TRUSTED_NETWORK=true says that something else lets in only those who may."
)
SESSION_OVER = "You signed out. Sign in again to go on."
SESSION_LONG = "A sign-in lasts {hours:g} hours, and yours has ended. Sign in again to go on."
SESSION_IDLE = "Nothing happened for {minutes:g} minutes, so your sign-in ended. Sign in again."


def counted(n: int, what: str) -> str:
    """Return a number with what it counts, in the plural where it has one.

    >>> counted(1, "decision"), counted(2_000, "file")
    ('1 decision', '2,000 files')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
