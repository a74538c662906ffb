"""Compare: the models of one question side by side, and the promotion of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import results, state, tables, text, widgets
from app.charts import models as charts
from credit_core import workflows
from credit_core.errors import CandorError
from credit_core.oversight.registry import QUESTIONS, ModelVersion
from credit_core.workflows import comparison

MOST_DRAWN = 4


def choose_sample(versions: list[ModelVersion]) -> str:
    """Return the kind of sample to compare on; the strictest one at first."""
    present = [name for name in text.SAMPLE if any(name in found.metrics for found in versions)]
    strict = next(name for name in ("out_of_time", "holdout", *present) if name in present)
    return st.segmented_control(
        "Judged on",
        present,
        default=strict,
        required=True,
        format_func=text.SAMPLE.__getitem__,
    )


def choose_group(versions: list[ModelVersion]) -> list[ModelVersion]:
    """Return the models that share data and label, and so may be drawn on one sample."""
    groups: dict[tuple[str, str], list[ModelVersion]] = {}
    for version in sorted(versions, key=lambda version: not version.champion):
        groups.setdefault((version.dataset, version.label), []).append(version)
    if len(groups) == 1:
        return versions
    names = widgets.dataset_names()
    chosen = st.selectbox(
        "Trained on",
        list(groups),
        format_func=lambda group: (
            f"{names.get(*group[:1], group[0][:8])}; {text.LABEL_NAME[group[1]]}"
        ),
        help="Figures from other people, or for another label, are never drawn together.",
    )
    return groups[chosen]


def show_leaderboard(table: pd.DataFrame, sample: str) -> None:
    """Show every model of the question on one kind of sample."""
    names = widgets.dataset_names()
    rows = table[table["sample"] == sample].sort_values(
        ["circular", "dataset", "auc"], ascending=[True, False, False]
    )
    st.dataframe(
        rows.assign(
            family=rows["family"].map(text.FAMILY),
            label=rows["label"].map(text.LABEL_NAME),
            dataset=[names.get(data, data[:8]) for data in rows["dataset"]],
        ),
        hide_index=True,
        column_order=list(tables.LEADERBOARD),
        column_config=tables.LEADERBOARD,
        alt=f"Models of this question, judged on: {text.SAMPLE[sample]}",
    )
    absent = table["reference"].nunique() - len(rows)
    if absent:
        st.caption(f"{absent} more of this question were not judged on this sample.")
    if rows["dataset"].nunique() > 1:
        st.caption(text.DIFFERENT_PEOPLE)


def show_curves(versions: list[ModelVersion], sample: str) -> None:
    """Draw ranking, calibration and scores of the chosen models on one sample."""
    judged = {version.reference: version for version in versions if sample in version.metrics}
    if sample not in comparison.SAMPLES or not judged:
        st.caption("No curves for this sample: single predictions are kept for the others only.")
        return
    chosen = st.multiselect(
        "Drawn together",
        list(judged),
        default=list(judged)[:MOST_DRAWN],
        max_selections=MOST_DRAWN,
        format_func=lambda reference: widgets.describe(judged[reference]),
    )
    if not chosen:
        return
    rows = {name: state.evaluation(judged[name]) for name in chosen}
    if not comparison.same_sample(list(rows.values())):
        st.warning(text.DIFFERENT_WINDOWS, icon=":material/difference:")
    best = max(chosen, key=lambda name: judged[name].metrics[sample]["auc"])
    ranking, levels, shares = st.tabs(["Ranking (ROC)", "Calibration", "Scores"])
    with ranking:
        auc = widgets.interval(judged[best].metrics[sample])
        finding = f"{text.SAMPLE[sample]}: {best} ranks best, AUC {auc}"
        curves = {name: comparison.roc_curve(found, sample) for name, found in rows.items()}
        widgets.figure(charts.roc(curves, finding), finding)
    with levels:
        tenths = {name: comparison.calibration(found, sample) for name, found in rows.items()}
        finding = f"{best}: {charts.calibration_finding(tenths[best])}"
        widgets.figure(charts.calibration(tenths, finding), finding)
        with st.expander(f"Table of {best}"):
            st.dataframe(
                tenths[best], hide_index=True, column_config=tables.CALIBRATION, alt=finding
            )
    with shares:
        bundle = state.bundle(judged[best])
        cut = float(bundle.facts["policy"]["approve_from"])
        binned = comparison.score_shares(rows[best], sample, bundle)
        finding = f"{best}: {charts.score_finding(binned, cut)}"
        widgets.figure(charts.score_shares(binned, finding, cut), finding)
        with st.expander(f"Table of {best}"):
            st.dataframe(binned, hide_index=True, column_config=tables.SCORE_SHARES, alt=finding)


def show_circular(version: ModelVersion) -> None:
    """Say why a near-perfect AUC condemns a model, with what it knows of real outcomes."""
    outcome = version.metrics.get("observed_outcome")
    reality = (
        f" Against recorded outcomes {version.reference} has AUC {widgets.interval(outcome)}."
        if outcome
        else ""
    )
    st.error(text.CIRCULAR_WHY + reality, icon=":material/block:")


def promote(versions: list[ModelVersion]) -> None:
    """Show the evidence for a candidate and make it champion, with a reason."""
    champion = next((version for version in versions if version.champion), None)
    ordered = sorted(versions, key=lambda found: found.circular)
    candidates = {found.reference: found for found in ordered if not found.champion}
    if not candidates:
        st.caption("The only model of this question is its champion already.")
        return
    chosen = st.selectbox(
        "Candidate",
        list(candidates),
        format_func=lambda reference: widgets.describe(candidates[reference]),
    )
    candidate = candidates[chosen]
    evidence = comparison.evidence(candidate, champion, state.evaluation)
    st.dataframe(
        evidence.assign(sample=evidence["sample"].map(text.SAMPLE)),
        hide_index=True,
        column_order=list(tables.EVIDENCE),
        column_config=tables.EVIDENCE,
        placeholder="-",
        alt="The candidate beside the champion on each sample",
    )
    if champion and evidence["difference"].isna().all():
        st.caption(text.NO_DIFFERENCE)
    st.caption(results.canary_verdict(state.bundle(candidate).facts["checks"])[1])
    reason = st.text_area(
        "Reason",
        key=f"reason for {chosen}",
        max_chars=1000,
        height=80,
        placeholder="Why this model should score from now on; kept in the record",
    )
    if st.button("Promote", type="primary", icon=":material/military_tech:"):
        if not reason.strip():
            st.error("Say why: the reason is kept in the record.", icon=":material/error:")
            return
        try:
            version = workflows.promote(chosen, reason.strip(), state.settings())
        except CandorError as error:
            widgets.problem(error)
            return
        st.session_state["just_done"] = f"{version.reference} is now the champion."
        st.rerun()


st.title("Compare")
st.caption("The models of one question side by side, with intervals, and the promotion of one.")
known = state.versions()
if not known:
    st.info(text.NO_MODELS, icon=":material/model_training:")
    st.page_link("../pages/train.py", label="Go to Train", icon=":material/arrow_forward:")
    st.stop()
if "just_done" in st.session_state:
    st.success(st.session_state["just_done"], icon=":material/task_alt:")
left, right = st.columns([1, 2])
with left:
    questions = [name for name in QUESTIONS if any(found.name == name for found in known)]
    question = st.segmented_control(
        "Question",
        questions,
        default=questions[0],
        required=True,
        format_func=text.QUESTION.__getitem__,
        key="question",
        bind="query-params",
    )
versions = [found for found in known if found.name == question]
with right:
    sample = choose_sample(versions)
table = comparison.leaderboard(versions)
show_leaderboard(table, sample)
if len(versions) == 1:
    st.caption("One model so far: train another family or label to compare.")
group = choose_group(versions)
data = group[0].dataset
drawn = comparison.leaderboard([found for found in versions if found.dataset == data])
widgets.figure(charts.auc_intervals(drawn), charts.auc_finding(drawn))
circular = [found for found in versions if found.circular and found.dataset == data]
if circular:
    show_circular(circular[0])
show_curves(group, sample)
st.subheader("Promote")
with st.container(border=True):
    promote(versions)
