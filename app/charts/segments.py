"""Figures of segments, clusters and quintiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.charts.base import BLUE, SERIES, figure

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
MOST_POINTS = 5_000
_TICKS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


def segment_bars(named: pd.DataFrame) -> go.Figure:
    """Return the customers of each named segment; ``named`` as `Segments.named`."""
    largest = named.iloc[int(named["customers"].argmax())]
    made = figure(
        f"{largest['segment']} hold {largest['share']:.0%} of customers",
        "Customers",
        "",
        320,
    )
    made.add_bar(
        x=named["customers"],
        y=named["segment"],
        orientation="h",
        marker_color=BLUE,
        text=[f"{share:.0%}" for share in named["share"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}<br>%{x:,} customers<extra></extra>",
    )
    made.update_yaxes(autorange="reversed")
    made.update_xaxes(tickformat=",", range=[0, named["customers"].max() * 1.15])
    return made


def sample_points(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return at most 5,000 rows of the table, the same ones for the same table and seed."""
    if len(table) <= MOST_POINTS:
        return table
    chosen = np.random.default_rng(seed).choice(len(table), MOST_POINTS, replace=False)
    return table.iloc[np.sort(chosen)]


def cluster_map(points: pd.DataFrame, profile: pd.DataFrame) -> go.Figure:
    """Return recency against frequency, a colour and a symbol each cluster.

    ``points`` are rows of `Segments.table`; the legend's n comes from ``profile``, so that it
    counts every customer and not the drawn ones.
    """
    least = profile.iloc[0]
    made = figure(
        f"Least engaged cluster: median recency {least['recency_days']:,.0f} days",
        "Days since the last transaction (log scale)",
        "Transactions in the window (log scale)",
        440,
    )
    for cluster, customers in enumerate(profile["customers"]):
        inside = points[points["cluster"] == profile["cluster"].iloc[cluster]]
        made.add_scattergl(
            x=inside["recency_days"] + 1,
            y=inside["frequency"] + 1,
            mode="markers",
            name=f"{cluster_name(cluster, len(profile))}, n {customers:,}",
            marker={
                "color": SERIES[cluster % len(SERIES)],
                "symbol": SYMBOLS[cluster % len(SYMBOLS)],
                "size": 6,
                "opacity": 0.65,
            },
            customdata=inside[["recency_days", "frequency"]],
            hovertemplate="%{customdata[0]:,.0f} days ago<br>%{customdata[1]:,.0f} transactions",
        )
    # Drawn at value + 1, for both may be 0; the ticks carry the values themselves.
    ticks = {"tickvals": [value + 1 for value in _TICKS], "ticktext": [f"{v:,}" for v in _TICKS]}
    made.update_xaxes(type="log", **ticks)
    made.update_yaxes(type="log", **ticks)
    return made


def cluster_name(cluster: int, clusters: int) -> str:
    """Return 'Cluster 1', saying which end of the engagement order it is.

    >>> cluster_name(0, 4), cluster_name(2, 4)
    ('Cluster 0 (least engaged)', 'Cluster 2')
    """
    if cluster == 0:
        return "Cluster 0 (least engaged)"
    return f"Cluster {cluster}" + (" (most engaged)" if cluster == clusters - 1 else "")


def quintile_bars(quintiles: pd.DataFrame) -> go.Figure:
    """Return the customers by score of R, F and M; ``quintiles`` as `Segments.quintiles`."""
    names = {"r_score": "Recency", "f_score": "Frequency", "m_score": "Money"}
    shares = quintiles[list(names)] / quintiles[list(names)].sum()
    spread = shares.max().max()
    tied = spread > 0.3
    title = (
        f"Ties crowd the scores: one holds {spread:.0%} of customers"
        if tied
        else "Each score holds about a fifth of the customers"
    )
    made = figure(title, "Score (5 = most engaged)", "Customers", 340)
    for (column, name), colour, shape in zip(names.items(), SERIES, ("", "/", "."), strict=False):
        made.add_bar(
            x=quintiles["score"],
            y=quintiles[column],
            name=name,
            marker={"color": colour, "pattern": {"shape": shape}},
            hovertemplate="Score %{x}<br>%{y:,} customers",
        )
    made.update_xaxes(dtick=1)
    made.update_yaxes(tickformat=",")
    return made
