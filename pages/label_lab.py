"""Label Lab: what counts as bad, from which days, and whether it can be learnt honestly."""

from __future__ import annotations

import streamlit as st

from app import jobs, lab, results, state, tables, text, widgets
from app.charts import labels as charts
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.workflows.labels import LabelPreview, span_of

KINDS = ("disengaged", "inactive", "same_window", "observed")


def choose_kind(data: Dataset) -> str:
    """Return the label to look at: a proxy first, recorded outcomes where there are any."""
    recorded = data.applications is not None and data.applications.has_outcome
    offered = [
        kind for kind in KINDS if (recorded if kind == "observed" else data.has_transactions)
    ]
    if not offered:
        st.info("A label needs transactions, or applications with an outcome column.")
        st.stop()
    kind: str = st.segmented_control(
        "Label",
        offered,
        default=offered[0],
        required=True,
        format_func=text.LABEL_NAME.__getitem__,
        key="lab_label",
        bind="query-params",
    )
    st.caption(text.LABEL_MEANS[kind])
    return kind


def show_windows(data: Dataset, found: LabelPreview) -> None:
    """Draw the ledger with the windows on it, the page's main thing."""
    made = charts.timeline(state.months(data), found, span_of(data))
    widgets.figure(made, made.layout.title.text)


def show_cohorts(found: LabelPreview) -> None:
    """Show how many are bad in each cohort."""
    shown = found.cohorts.assign(sample=found.cohorts["sample"].str.replace("_", " "))
    left, right = st.columns([2, 3])
    with left:
        made = charts.bad_rates(found.cohorts)
        widgets.figure(made, made.layout.title.text)
    with right:
        st.dataframe(
            shown,
            hide_index=True,
            column_order=list(tables.COHORTS),
            column_config=tables.COHORTS,
            alt="Customers and bads by cohort",
        )
        bads, snapshots = found.cohorts["bads"].sum(), found.cohorts["snapshots"].sum()
        st.caption(f"{bads:,} of {snapshots:,} are bad under this label ({bads / snapshots:.1%}).")
    if found.report.get("ledger"):
        with st.expander("How the applications met the ledger", icon=":material/join:"):
            st.dataframe(
                results.matching_rows(found.report),
                hide_index=True,
                column_config=tables.MATCHING,
                alt="Applications by their history in the ledger",
            )


def hand_over(data: Dataset, kind: str, config: ModelConfig) -> None:
    """Offer to train with what was chosen here."""
    chosen = "this label" if kind == "observed" else "these windows"
    if st.button(f"Train with {chosen}", icon=":material/model_training:"):
        windows = config.windows.model_dump(mode="json")
        state.plan_windows(data, kind, windows, config.labels.clusters)
        st.switch_page("../pages/train.py", query_params={})


st.title("Label Lab")
st.caption("What counts as bad, from which days, and whether a model can learn it honestly.")
data = state.require_dataset()
top = st.container()
kind = choose_kind(data)
config = state.config()
try:
    if data.has_transactions and kind != "observed":
        config = lab.choose_windows(data, kind)
    found = state.label_preview(data, config, kind)
except InputError as error:
    with top:
        lab.lead(kind, None)
    widgets.problem(error)
    st.stop()
request = lab.request_of(data, kind, config)
job = jobs.latest(state.settings(), "examine", request)
with top:
    lab.lead(kind, job.result if job else None)
if data.has_transactions:
    show_windows(data, found)
show_cohorts(found)
hand_over(data, kind, config)
st.header("Can it be learnt honestly?")
lab.checks(job, request)
