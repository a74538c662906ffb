"""Bring a file in, correct its mapping, and see what was kept and what was set aside."""

from __future__ import annotations

import streamlit as st

from app import incoming, quality, state, text, widgets
from credit_core.errors import CandorError
from credit_core.workflows.data import earliest_transactions


def ways_in() -> None:
    """Draw the uploaders and the sample's button."""
    ledger, applications, sample = st.columns(3)
    with ledger.container(border=True, height="stretch"):
        incoming.uploader("transactions", "Transactions", text.TRANSACTIONS_FILE)
    with applications.container(border=True, height="stretch"):
        incoming.uploader("applications", "Applications (optional)", text.APPLICATIONS_FILE)
    with sample.container(border=True, height="stretch"):
        st.text("No file at hand?")
        st.caption(text.SAMPLE_FILES)
        st.space("stretch")
        if widgets.action(
            "Use the simulated sample",
            "bring in data",
            icon=":material/science:",
            disabled=incoming.running(),
        ):
            try:
                incoming.bring_in(*state.SAMPLE_FILES)
            except CandorError as error:
                widgets.problem(error)


st.title("Transactions")
st.caption("Bring a file in; every row is kept or set aside with its reason, and none is lost.")
incoming.take_up()
stored = state.dataset()
# A key of the dataset's closes the box when another one has come in.
key = f"bring_in_{stored.fingerprint if stored else 'first'}"
with st.expander("Bring in data", expanded=stored is None or incoming.any_waiting(), key=key):
    ways_in()
    incoming.review()
if stored is not None:
    st.header(widgets.escaped(stored.name))
    drawn = {}
    if stored.has_transactions:
        quality.show_figures(stored)
        drawn = {
            "Activity": quality.show_activity,
            "Quality": quality.show_quality,
            f"Set aside ({stored.rejected:,})": quality.show_rejects,
            "Columns": quality.show_columns,
            "Earliest rows": lambda data: st.dataframe(
                earliest_transactions(data, state.settings()),
                hide_index=True,
                alt="The 200 earliest transactions",
            ),
        }
    if stored.applications:
        drawn["Applications"] = quality.show_applications
    for tab, draw in zip(st.tabs(list(drawn)), drawn.values(), strict=True):
        with tab:
            draw(stored)
