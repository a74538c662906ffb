"""Who the customers are: segments, clusters, quintiles; no risk classes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import segments as charts
from credit_core.workflows.data import Segments

LISTED = 1_000
CUSTOMERS_KEY = "segment_customers"


def groups(found: Segments) -> dict[str, tuple[str, str | int]]:
    """Return {what to show: (column of the table, its value)} for segments, then clusters."""
    named = {
        f"{row.segment} ({row.customers:,})": ("segment", row.segment)
        for row in found.named.itertuples()
    }
    clusters = {
        f"{charts.cluster_name(row.cluster, len(found.profile))} ({row.customers:,})": (
            "cluster",
            row.cluster,
        )
        for row in found.profile.itertuples()
    }
    return {**named, **clusters}


def profile(rows: pd.DataFrame, by: str) -> None:
    """Draw a profile table: one row a segment or cluster."""
    columns = [by, *[name for name in tables.PROFILE if name not in ("segment", "cluster")]]
    st.dataframe(
        rows.round(2),
        hide_index=True,
        column_order=columns,
        column_config=tables.PROFILE,
        alt=f"Customers by {by}",
    )


def show_customers(found: Segments) -> None:
    """List a group's customers; choosing one opens the Applicant page."""
    options = groups(found)
    chosen = st.selectbox("Segment or cluster", list(options), key="segment_group", width=360)
    column, value = options[chosen]
    inside = found.table[found.table[column] == value].head(LISTED).reset_index(drop=True)
    st.caption(
        f"The first {len(inside):,} by customer id. Tick a row to open the customer on the "
        "Applicant page."
    )
    st.dataframe(
        inside.round(2),
        hide_index=True,
        column_order=list(tables.MEMBERS),
        column_config=tables.MEMBERS,
        key=CUSTOMERS_KEY,
        on_select="rerun",
        selection_mode="single-row",
        alt="Customers of the chosen group",
    )
    picked = st.session_state[CUSTOMERS_KEY]["selection"]["rows"]
    if picked:
        st.session_state[state.CUSTOMER_KEY] = str(inside.loc[picked[0], "customer_id"])
        # Without this, Streamlit would clear the address and stumble over the sidebar's choices.
        st.switch_page("../pages/applicant.py", query_params={})


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
named, clusters, quintiles, customers = st.tabs(["Segments", "Clusters", "Quintiles", "Customers"])
with named:
    left, right = st.columns([9, 11])
    with left:
        widgets.figure(charts.segment_bars(found.named), "Customers by named segment")
    with right:
        profile(found.named, "segment")
        st.caption("From the quintiles of recency, frequency and money; medians of each group.")
with clusters:
    points = charts.sample_points(found.table, state.config().training.seed)
    left, right = st.columns(2)
    with left:
        widgets.figure(charts.cluster_map(points, found.profile), "Recency against frequency")
    with right:
        profile(found.profile, "cluster")
        drawn = f"{len(points):,} of {len(found.table):,} customers are drawn, chosen at random."
        st.caption(
            "K-means on log recency, frequency and money; cluster 0 is the least engaged. "
            + (drawn if len(points) < len(found.table) else "Every customer is drawn.")
        )
with quintiles:
    left, right = st.columns([3, 2])
    with left:
        widgets.figure(charts.quintile_bars(found.quintiles), "Customers by quintile score")
    with right:
        st.dataframe(
            found.quintiles,
            hide_index=True,
            column_config=tables.QUINTILES,
            alt="Customers by quintile score",
        )
        st.caption("Customers with equal values share a score, so fifths may be uneven.")
with customers:
    show_customers(found)
