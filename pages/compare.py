"""Compare: the models of one question side by side, and the promotion of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import anatomy, champions, curves, duel, promotion, state, tables, text, widgets
from app.charts import models as charts
from credit_core.oversight.registry import QUESTIONS, ModelVersion
from credit_core.workflows import comparison


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
    """Return the models that share data and label, and so may be drawn on one sample.

    The champion is the first of them.
    """
    groups: dict[tuple[str, str], list[ModelVersion]] = {}
    for version in widgets.champions_first(versions):
        groups.setdefault((version.dataset, version.label), []).append(version)
    if len(groups) == 1:
        return next(iter(groups.values()))
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


def show_circular(version: ModelVersion) -> None:
    """Say why a near-perfect AUC condemns a model, with what it knows of real outcomes."""
    outcome = version.metrics.get("observed_outcome")
    reality = (
        f" Against recorded outcomes {version.reference} has AUC {widgets.interval(outcome)}."
        if outcome
        else ""
    )
    st.error(text.CIRCULAR_WHY + reality, icon=":material/block:")


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
# A circular model is not the question's: its own warning stands beside its figures.
widgets.banner(next((found for found in versions if not found.circular), versions[0]))
table = comparison.leaderboard(versions)
show_leaderboard(table, sample)
if len(versions) == 1:
    st.caption("One model so far: train another family or label to compare.")
group = choose_group(versions)
data = group[0].dataset
drawn = comparison.leaderboard([found for found in versions if found.dataset == data])
widgets.figure(charts.auc_intervals(drawn, sample), charts.auc_finding(drawn, sample))
if len(group) > 1:
    st.caption(text.OVERLAP)
circular = [found for found in versions if found.circular and found.dataset == data]
if circular:
    show_circular(circular[0])
widgets.tabs(
    "compare_view",
    {
        "Curves": lambda: curves.show_curves(group, sample),
        "Two models": lambda: duel.show(group, sample),
        "Inside a model": lambda: anatomy.show(group),
    },
)
st.header("Promote")
with st.container(border=True):
    promotion.promote(versions, data)
st.header("What was live when")
champions.show(question)
