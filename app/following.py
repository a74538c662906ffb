"""A running job on a page: how far it is, and the button that ends it."""

from __future__ import annotations

import streamlit as st

from app import jobs, results, state


def follow(job_id: str) -> None:
    """Show a running job; the page is drawn anew when it ends."""
    _follow(job_id, state.page())


@st.fragment(run_every=1.0)
def _follow(job_id: str, page: str) -> None:
    if page != state.page():
        return  # the last turn of a page that was left: to draw it anew would lead back to it
    job = jobs.read(state.settings(), job_id)
    if job is None or not job.running:
        st.rerun()
    # What a batch says of itself names the time left; the share alone would name another one.
    st.progress(min(job.share, 1.0), f"{job.text} ({results.duration(job.seconds)})")
    if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel_{job_id}"):
        jobs.cancel(state.settings(), job_id)
        st.rerun()
