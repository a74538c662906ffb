"""What Segments shows: the map, the groups' profiles, and the customers of one of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import pandas as pd
import streamlit as st

from app import state, tables, text, widgets
from app.charts import segments as charts
from credit_core.data.store import Dataset
from credit_core.workflows.labels import span_of
from credit_core.workflows.segments import Segments

LISTED = 1_000
GROUP_KEY, CUSTOMERS_KEY = "segment_group", "segment_customers"
MAP_KEY, PROFILE_KEY, NAMED_KEY = "cluster_map", "cluster_rows", "segment_rows"


def groups(found: Segments) -> dict[str, tuple[str, str | int]]:
    """Return {what to show: (column of the table, its value)} for clusters, then segments."""
    clusters: dict[str, tuple[str, str | int]] = {
        f"{charts.cluster_name(cluster, len(found.profile))} ({customers:,})": ("cluster", cluster)
        for cluster, customers in zip(
            found.profile["cluster"].tolist(), found.profile["customers"].tolist(), strict=True
        )
    }
    named = {
        f"{row.segment} ({row.customers:,})": ("segment", str(row.segment))
        for row in found.named.itertuples()
    }
    return {**clusters, **named}


def choose(found: Segments, column: str, value: str | int) -> None:
    """Make a group the one whose customers are listed."""
    for name, group in groups(found).items():
        if group == (column, value):
            st.session_state[GROUP_KEY] = name


def _on_map(found: Segments) -> None:
    points = st.session_state[MAP_KEY]["selection"]["points"]
    if points:
        place = points[0]["curve_number"]
        choose(found, "cluster", found.profile["cluster"].iloc[place])


def _on_row(found: Segments, by: str, key: str) -> None:
    picked = st.session_state[key]["selection"]["rows"]
    if picked:
        rows = found.profile if by == "cluster" else found.named
        choose(found, by, rows[by].iloc[picked[0]])


def show_map(found: Segments) -> None:
    """Draw the customers by recency and frequency; a click chooses a cluster."""
    points = charts.sample_points(found.table, state.config().training.seed)
    made = charts.cluster_map(points, found.profile)
    left, right = st.columns([9, 11])
    with left:
        widgets.headed(made)
        st.plotly_chart(
            made,
            config={"displayModeBar": False},
            key=MAP_KEY,
            on_select=lambda: _on_map(found),
            selection_mode="points",
            alt="Recency against frequency, by cluster",
        )
    with right:
        profile(found, "cluster", PROFILE_KEY)
        drawn = f"{len(points):,} of {len(found.table):,} customers are drawn, chosen at random."
        st.caption(
            "K-means on log recency, frequency and money; cluster 0 is the least engaged. Recency "
            f"counts no further back than the {found.observation_days} days. Click a "
            "point, or tick a row, to list that cluster below. "
            + (drawn if len(points) < len(found.table) else "Every customer is drawn.")
        )


def profile(found: Segments, by: str, key: str) -> None:
    """Draw a profile table, one row a group; a tick chooses the group."""
    rows = found.profile if by == "cluster" else found.named
    columns = [by, *[name for name in tables.PROFILE if name not in ("segment", "cluster")]]
    st.dataframe(
        rows.round(2),
        hide_index=True,
        column_order=columns,
        column_config=tables.PROFILE,
        height="content",
        key=key,
        on_select=lambda: _on_row(found, by, key),
        selection_mode="single-row",
        alt=f"Customers by {by}",
    )


def show_named(found: Segments) -> None:
    """Show the named segments, and the quintiles they come from."""
    left, right = st.columns([2, 3])
    with left:
        widgets.figure(charts.segment_bars(found.named), "Customers by named segment")
    with right:
        profile(found, "segment", NAMED_KEY)
        st.caption(
            "From the quintiles of recency, frequency and money; medians of each group. "
            "docs/labels.md defines every name."
        )
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


def show_spreads(found: Segments) -> None:
    """Show how recency, frequency and money are spread within each cluster."""
    for column, measure in zip(st.columns(3), charts.MEASURES, strict=True):
        with column:
            made = charts.spread_boxes(found.spreads, measure)
            widgets.figure(made, made.layout.title.text)
    st.dataframe(
        found.spreads.assign(measure=found.spreads["measure"].map(charts.MEASURES)).round(1),
        hide_index=True,
        column_config=tables.SPREADS,
        alt="Quantiles of recency, frequency and money by cluster",
    )
    st.caption("Boxes hold the middle half of a cluster's customers, lines the middle 90%.")


def show_choice(data: Dataset) -> None:
    """Show silhouette and elbow over k, and whether other seeds find the same clusters."""
    found = state.choice_of_k(data)
    if found.scan.table.empty:
        st.info("There are too few different customers to compare numbers of clusters.")
        return
    made = charts.k_scan(found.scan, found.chosen)
    left, right = st.columns([3, 2])
    with left:
        widgets.figure(made, made.layout.title.text)
    with right:
        st.dataframe(
            found.scan.table,
            hide_index=True,
            column_config=tables.SCAN,
            height="content",
            alt="Silhouette and inertia for each k",
        )
        st.caption(
            f"Silhouette on {found.scan.rows:,} customers. k is set in the configuration "
            "(labels.clusters); Label Lab tries another."
        )
    low, share = found.stability["agreement"].min(), found.stability["least_engaged"]
    st.markdown(
        f"**Other seeds, each on another half of the customers, find the same {found.chosen} "
        f"clusters to an adjusted Rand index of at least {low:.2f}** (1 = the same groups, 0 = as "
        f"by chance); cluster 0 holds {share.min():.0%} to {share.max():.0%} of customers."
    )
    st.dataframe(
        found.stability,
        hide_index=True,
        column_config=tables.STABILITY,
        alt="Agreement of other seeds with the clusters shown",
    )


def show_movement(data: Dataset, found: Segments) -> None:
    """Show who moved between groups since an earlier date."""
    first, _ = span_of(data)
    usual = max(found.as_of - timedelta(days=90), first + (found.as_of - first) / 2)
    left, right = st.columns([1, 2])
    earlier = left.date_input(
        "Earlier date",
        usual.date(),
        (first + timedelta(days=1)).date(),
        (found.as_of - timedelta(days=1)).date(),
        key=f"earlier_{data.fingerprint}",
        format="YYYY-MM-DD",
        required=True,
    )
    by: Literal["segment", "cluster"] = right.segmented_control(
        "Groups",
        ["segment", "cluster"],
        default="segment",
        required=True,
        format_func={"segment": "Named segments", "cluster": "Clusters"}.__getitem__,
        key="movement_by",
    )
    moved = state.movement(data, datetime(earlier.year, earlier.month, earlier.day), by)
    made = charts.movement_map(moved, widgets.ink())
    widgets.figure(made, made.layout.title.text)
    shown = moved.counts.rename(columns=charts.group_name, index=charts.group_name)
    st.dataframe(
        shown.rename_axis("From / to").reset_index(),
        hide_index=True,
        alt="Customers by group at the two dates",
    )
    short = (
        ""
        if moved.complete
        else " The ledger begins inside the earlier window, so "
        + ("its figures rest on fewer days.")
    )
    st.caption(
        "Rows: where customers were; columns: where they are. "
        "Stronger colour = a larger share of the row. "
        + ("Quintiles are cut anew at each date." if by == "segment" else text.FROZEN_CENTRES)
        + short
    )


def show_customers(found: Segments) -> None:
    """List a group's customers; choosing one opens the Applicant page."""
    options = groups(found)
    chosen = st.selectbox("Customers of", list(options), key=GROUP_KEY, width=360)
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
        open_customer(inside, picked[0])


def open_customer(rows: pd.DataFrame, place: int) -> None:
    """Open a listed customer on the Applicant page."""
    st.session_state[state.CUSTOMER_KEY] = str(rows.loc[place, "customer_id"])
    # Without this, Streamlit would clear the address and stumble over the sidebar's choices.
    st.switch_page("../pages/applicant.py", query_params={})
