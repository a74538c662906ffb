"""Train models as a job, follow it, read its checks, promote the best."""

from __future__ import annotations

import streamlit as st

from app import jobs, state, text, training, widgets
from credit_core.config import FAMILIES
from credit_core.data.store import Dataset

JOB_KEY, EARLIER_KEY = "train_job", "earlier_trainings"


def label_kinds(data: Dataset) -> list[str]:
    """Return the labels this data allows, the best first."""
    observed = data.applications is not None and data.applications.has_outcome
    proxies = ["disengaged", "inactive", "same_window"] if data.has_transactions else []
    return (["observed"] if observed else []) + proxies


def request_form(data: Dataset) -> None:
    """Ask what to train and start the job."""
    config = state.config()
    plan = state.planned(data)
    if plan is not None:
        config = config.replacing(windows=plan["windows"], labels=plan["labels"])
        training.show_plan(plan["windows"])
    kinds = label_kinds(data)
    if not kinds:
        st.info("Training needs transactions, or applications with an outcome column.")
        return
    with st.form("training"):
        left, right = st.columns(2)
        label = left.radio(
            "Label: what the models learn",
            kinds,
            format_func=text.LABEL_NAME.__getitem__,
            captions=[text.LABEL_MEANS[kind] for kind in kinds],
            key="train_label",
        )
        if "observed" not in kinds:
            left.caption(text.NO_OUTCOMES)
        families = right.pills(
            "Models",
            FAMILIES,
            selection_mode="multi",
            default=list(config.training.models),
            format_func=text.FAMILY.__getitem__,
        )
        folds = right.number_input(
            "Cross-validation folds", 2, 20, config.training.folds, help="Grouped by customer."
        )
        clusters = right.number_input(
            "RFM clusters", 2, 10, config.labels.clusters, help="For the cluster labels only."
        )
        with right:
            pressed = widgets.action(
                "Train", "train", form=True, type="primary", icon=":material/play_arrow:"
            )
    if pressed and not families:
        st.warning("Choose at least one model.")
    elif pressed:
        chosen = config.replacing(training={"folds": folds}, labels={"clusters": clusters})
        request = {
            "dataset": data.fingerprint,
            "label": label,
            "families": list(families),
            "config": chosen.model_dump(mode="json"),
            "promote": False,
        }
        look_at(jobs.submit(state.settings(), "train", request))
        st.rerun()


def look_at(job_id: str) -> None:
    """Make a job the one this page shows; its id goes into the URL."""
    st.session_state[JOB_KEY] = job_id
    st.query_params["job"] = job_id


def current(found: list[jobs.Job]) -> jobs.Job | None:
    """Return the job of the URL, else the session's, else the newest that runs."""
    asked = st.query_params.get("job") or st.session_state.get(JOB_KEY)
    for job in found:
        if job.id == asked or (asked is None and job.running):
            look_at(job.id)
            return job
    return None


def choose_earlier(found: list[jobs.Job]) -> None:
    """Make the ticked row's job the one shown (a callback: it runs once a tick)."""
    picked = st.session_state[EARLIER_KEY]["selection"]["rows"]
    if picked:
        look_at(found[picked[0]].id)


st.title("Train")
st.caption("Training is a job with its checks; the champion changes only when you promote one.")
data = state.require_dataset()
if "just_done" in st.session_state:
    st.success(st.session_state["just_done"], icon=":material/task_alt:")
started = jobs.list_jobs(state.settings(), "train")
shown = current(started)
with st.expander("New training", expanded=shown is None, icon=":material/model_training:"):
    request_form(data)
if shown is not None:
    training.show(shown)
if started:
    with st.expander(f"Earlier trainings ({len(started)})", icon=":material/history:"):
        st.caption("Tick a row to see that training.")
        st.dataframe(
            training.job_rows(started),
            hide_index=True,
            key=EARLIER_KEY,
            on_select=lambda: choose_earlier(started),
            selection_mode="single-row",
            alt="Earlier trainings",
        )
