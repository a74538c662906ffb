"""Who the customers are: clusters, segments, how they differ and move; no risk classes."""

from __future__ import annotations

import streamlit as st

from app import groups, state, text

VIEWS = {
    "clusters": "Cluster map",
    "segments": "Named segments",
    "spread": "Recency, frequency, money",
    "k": "Choice of k",
    "movement": "Movement",
}

st.title("Segments")
st.caption("Customers by recency, frequency and money out, at the end of the ledger.")
data = state.require_dataset()
if not data.has_transactions:
    st.info("Segments need transactions; this data holds applications only.")
    st.stop()
found = state.segments(data)
st.info(text.SEGMENTS_ARE_NOT_RISK, icon=":material/info:")
st.caption(
    f"{len(found.table):,} customers, from the {found.observation_days} days before "
    f"{found.as_of:%Y-%m-%d} (UTC)."
)
view = st.segmented_control(
    "View",
    list(VIEWS),
    default="clusters",
    required=True,
    format_func=VIEWS.__getitem__,
    key="segments_view",
    bind="query-params",
    label_visibility="collapsed",
)
if view == "clusters":
    groups.show_map(found)
elif view == "segments":
    groups.show_named(found)
elif view == "spread":
    groups.show_spreads(found)
elif view == "k":
    groups.show_choice(data)
else:
    groups.show_movement(data, found)
if view in ("clusters", "segments"):
    groups.show_customers(found)
