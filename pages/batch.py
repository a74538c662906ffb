"""Batch: score a whole file as a job, look at the result, download it."""

from __future__ import annotations

import secrets

import streamlit as st

from app import batches, incoming, jobs, state, text, widgets
from app.following import follow

JOB = "batch_job"


def chosen_job() -> jobs.Job | None:
    """Return the job that the URL or this session names."""
    job_id = st.query_params.get(JOB) or st.session_state.get(JOB, "")
    job = jobs.read(state.settings(), job_id)
    if job is None or job.kind != "score":
        return None
    st.session_state[JOB] = st.query_params[JOB] = job.id
    return job


st.title("Batch")
st.caption("Score every customer of a file as a job; it goes on when you leave this page.")
waiting = incoming.any_waiting() or state.dataset() is None
with st.expander("Score another file", expanded=waiting, icon=":material/upload:"):
    left, right = st.columns(2)
    with left:
        incoming.uploader("transactions", "Transactions", "One row a movement of money.")
    with right:
        incoming.uploader(
            "applications", "Applications", "Needed where the model reads attributes."
        )
    incoming.review()
dataset, version = state.require_dataset(), state.require_model()
with st.container(border=True):
    filed = f", {dataset.applications.rows:,} applications" if dataset.applications else ""
    st.text(f"{dataset.name}: {dataset.customers:,} customers with transactions{filed}")
    st.caption(f"With {widgets.describe(version)}. Change data or model in the sidebar.")
    everyone = st.checkbox("Reasons for approved customers as well", key="all_reasons")
    coming = incoming.running()
    if coming:
        st.caption("Another file is being brought in; it can be scored when it is here.")
    usable = widgets.can_score(dataset, version)
    if usable and st.button("Score", type="primary", icon=":material/play_arrow:", disabled=coming):
        request = {
            "dataset": dataset.fingerprint,
            "model": version.reference,
            "all_reasons": everyone,
            # Makes the job's id one that no other session can guess.
            "session": st.session_state.setdefault("batch_session", secrets.token_hex(8)),
        }
        st.session_state[JOB] = jobs.submit(state.settings(), "score", request)
        st.query_params[JOB] = st.session_state[JOB]
job = chosen_job()
if job is None:
    st.caption("No batch yet in this session." + (" Press Score." if usable else ""))
elif job.running:
    follow(job.id)
elif job.state == "done":
    batches.show_result(job)
else:
    st.error(widgets.escaped(job.problem or text.JOB_STATE[job.state]), icon=":material/error:")
