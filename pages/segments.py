"""Who the customers are: segments, clusters, quintiles; no risk classes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app import state, text
from app.charts import segments as charts
from credit_core.workflows.data import Segments

LISTED = 1_000
CUSTOMERS_KEY = "segment_customers"

COLUMNS = {
    "segment": "Segment",
    "cluster": "Cluster",
    "customer_id": "Customer",
    "customers": st.column_config.NumberColumn("Customers", format="localized"),
    "share": st.column_config.NumberColumn("Share", format="percent"),
    "recency_days": st.column_config.NumberColumn(
        "Recency, days", format="%.0f", help="Days since the last transaction (median of a group)."
    ),
    "frequency": st.column_config.NumberColumn(
        "Frequency", format="localized", help="Transactions in the window (median of a group)."
    ),
    "monetary": st.column_config.NumberColumn(
        "Money out", format="localized", help="Money out in the window (median of a group)."
    ),
    "score": "Score",
    "r_score": st.column_config.NumberColumn("Recency", format="localized"),
    "f_score": st.column_config.NumberColumn("Frequency", format="localized"),
    "m_score": st.column_config.NumberColumn("Money", format="localized"),
}
PROFILE = ("customers", "share", "recency_days", "frequency", "monetary")


def table(frame: pd.DataFrame, *columns: str, alt: str, **options: Any) -> None:
    """Draw some columns of a table under their names."""
    st.dataframe(
        frame[list(columns)].round(2),
        hide_index=True,
        column_config={name: COLUMNS[name] for name in columns},
        alt=alt,
        **options,
    )


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
    names = ("customer_id", "segment", "cluster", "recency_days", "frequency", "monetary")
    table(
        inside,
        *names,
        alt="Customers of the chosen group",
        key=CUSTOMERS_KEY,
        on_select="rerun",
        selection_mode="single-row",
    )
    picked = st.session_state[CUSTOMERS_KEY]["selection"]["rows"]
    if picked:
        st.session_state[state.CUSTOMER_KEY] = str(inside.loc[picked[0], "customer_id"])
        st.switch_page("../pages/applicant.py")


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
    chart, figures = st.columns([2, 3])
    chart.plotly_chart(charts.segment_bars(found.named), alt="Customers by named segment")
    with figures:
        table(found.named, "segment", *PROFILE, alt="Named segments")
        st.caption("From the quintiles of recency, frequency and money; medians of each group.")
with clusters:
    points = charts.sample_points(found.table, state.config().training.seed)
    chart, figures = st.columns([3, 2])
    chart.plotly_chart(
        charts.cluster_map(points, found.profile), alt="Recency against frequency by cluster"
    )
    with figures:
        table(found.profile, "cluster", *PROFILE, alt="Clusters")
        drawn = f"{len(points):,} of {len(found.table):,} customers are drawn, chosen at random."
        st.caption(
            "K-means on log recency, frequency and money; cluster 0 is the least engaged. "
            + (drawn if len(points) < len(found.table) else "Every customer is drawn.")
        )
with quintiles:
    chart, figures = st.columns([3, 2])
    chart.plotly_chart(charts.quintile_bars(found.quintiles), alt="Customers by quintile score")
    with figures:
        table(found.quintiles, "score", "r_score", "f_score", "m_score", alt="Quintile scores")
        st.caption("Customers with equal values share a score, so fifths may be uneven.")
with customers:
    show_customers(found)
