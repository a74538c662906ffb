"""Monitoring: is what comes in still what the model was developed on, and was it right?"""

from __future__ import annotations

import streamlit as st

from app import state, watching, widgets
from credit_core.oversight import events

st.title("Monitoring")
st.caption("These data against those the model was trained on, and against what came of them.")
dataset, version = state.require_dataset(), state.require_model()
if "just_done" in st.session_state:
    st.success(st.session_state["just_done"], icon=":material/task_alt:")
widgets.banner(version)
with widgets.offering_another(dataset):
    found = watching.report(dataset, version, events.count(state.settings()))
watching.show_verdict(found)
drift, conduct, outcomes, before = st.tabs(
    ["Drift", "Reasons and overrides", "Outcomes", "Over time"]
)
with drift:
    watching.show_drift(found, state.config().monitoring)
with conduct:
    watching.show_conduct(found)
with outcomes:
    watching.show_outcomes(found, dataset, version)
with before:
    watching.show_history(version)
watching.put_on_record(found)
