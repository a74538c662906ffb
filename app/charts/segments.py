"""Figures of segments, clusters and quintiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.charts.base import BLUE, GREY, SERIES, VERMILLION, figure, legend_above
from credit_core.labels.choice import ChoiceOfK
from credit_core.workflows.segments import Movement

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
    ends = {len(profile) - 1: " (most)", 0: " (least)"}
    for cluster, customers in enumerate(profile["customers"]):
        inside = points[points["cluster"] == profile["cluster"].iloc[cluster]]
        made.add_scattergl(
            x=inside["recency_days"] + 1,
            y=inside["frequency"] + 1,
            mode="markers",
            name=f"Cluster {cluster}{ends.get(cluster, '')}, n {customers:,}",
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


MEASURES = {
    "recency_days": "Recency, days",
    "frequency": "Transactions",
    "monetary": "Money out",
}


def spread_boxes(spreads: pd.DataFrame, measure: str) -> go.Figure:
    """Return the spread of one measure by cluster; ``spreads`` as `Segments.spreads`."""
    rows = spreads[spreads["measure"] == measure].sort_values("cluster")
    words, clusters, highest = MEASURES[measure], len(rows), float(rows["p95"].max())
    least, most = rows["p50"].iloc[0], rows["p50"].iloc[-1]
    title = f"{words}: median {least:,.0f} to {most:,.0f}"
    made = figure(title, "Cluster (0 = least engaged)", "", 320)
    for row in rows.to_dict("records"):
        made.add_box(
            x=[f"{row['cluster']}"],
            q1=[row["p25"] + 1],
            median=[row["p50"] + 1],
            q3=[row["p75"] + 1],
            lowerfence=[row["p5"] + 1],
            upperfence=[row["p95"] + 1],
            name=cluster_name(row["cluster"], clusters),
            marker_color=SERIES[row["cluster"] % len(SERIES)],
            showlegend=False,
            hoverinfo="skip",
        )
    # Drawn at value + 1, for all three may be 0; the ticks carry the values themselves.
    ticks = [value for value in _TICKS if value <= highest * 2] or [0, 1]
    if highest > _TICKS[-1]:
        ticks = [0, *(10**power for power in range(1, len(f"{highest:.0f}") + 1))]
    made.update_yaxes(
        type="log", tickvals=[value + 1 for value in ticks], ticktext=[f"{v:,}" for v in ticks]
    )
    return made


def k_scan(scan: ChoiceOfK, chosen: int) -> go.Figure:
    """Return silhouette and inertia over k, with the k in use and the two suggestions marked."""
    table = scan.table
    agree = scan.elbow == scan.best_silhouette
    title = (
        f"Silhouette and elbow both point to k = {scan.elbow}; in use: {chosen}"
        if agree
        else f"Silhouette points to k = {scan.best_silhouette}, the elbow to {scan.elbow}; "
        f"in use: {chosen}"
    )
    made = figure(title, "Clusters (k)", "Silhouette (higher = further apart)", 360)
    made.add_scatter(
        x=table["k"],
        y=table["silhouette"],
        mode="lines+markers",
        name="Silhouette (left)",
        line={"color": BLUE},
        hovertemplate="k %{x}<br>silhouette %{y:.3f}",
    )
    made.add_scatter(
        x=table["k"],
        y=table["inertia"],
        mode="lines+markers",
        name="Inertia (right)",
        line={"color": VERMILLION, "dash": "dash"},
        marker={"symbol": "diamond"},
        yaxis="y2",
        hovertemplate="k %{x}<br>inertia %{y:.3f}",
    )
    made.update_layout(
        yaxis2={
            "title": {"text": "Inertia (mean squared distance)"},
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "tickmode": "auto",
            "tickformat": ".2f",
            "range": [0, float(table["inertia"].max()) * 1.05],
        }
    )
    made.add_vline(x=chosen, line={"color": GREY, "dash": "dot"}, annotation_text="in use")
    made.update_xaxes(dtick=1)
    legend_above(made)
    return made


def movement_map(moved: Movement, ink: str) -> go.Figure:
    """Return the counts of a movement as a heat map, shaded by the share of each row."""
    counts = moved.counts.loc[moved.counts.sum(axis=1) > 0, moved.counts.sum() > 0]
    shares = counts.div(counts.sum(axis=1), axis=0)
    names = [group_name(name) for name in counts.columns]
    rows = [group_name(name) for name in counts.index]
    made = figure(
        f"{moved.stayed:.0%} are still where they were on {moved.earlier:%Y-%m-%d}",
        f"Group on {moved.later:%Y-%m-%d}",
        f"Group on {moved.earlier:%Y-%m-%d}",
        max(320, 90 + 34 * len(rows)),
    )
    made.add_heatmap(
        x=names,
        y=rows,
        z=shares.to_numpy(),
        customdata=counts.to_numpy(),
        zmin=0,
        zmax=1,
        colorscale=[[0, "rgba(0,114,178,0)"], [1, "rgba(0,114,178,0.85)"]],
        showscale=False,
        hovertemplate="%{y} -> %{x}<br>%{customdata:,} customers, %{z:.0%} of the row"
        "<extra></extra>",
        xgap=1,
        ygap=1,
    )
    for y, row in zip(rows, counts.to_numpy(), strict=True):
        for x, n in zip(names, row, strict=True):
            if n:
                made.add_annotation(
                    x=x, y=y, text=f"{n:,}", showarrow=False, font={"color": ink, "size": 12}
                )
    made.update_yaxes(autorange="reversed", type="category", showgrid=False)
    made.update_xaxes(type="category", side="bottom", showgrid=False)
    return made


def group_name(name: object) -> str:
    """Return how a group is called: a segment by its name, a cluster by its number."""
    return f"Cluster {name}" if isinstance(name, int | np.integer) else str(name)
