"""Figures of one model: importance, dependence, learning curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from app import text
from app.charts.base import BLUE, GREY, INTERVAL, LOW_TO_HIGH, figure, plain


def importance(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw mean absolute points by source with intervals; columns source, points, low, high."""
    rows = table[::-1]
    made = figure(title, "Mean absolute points", "", 120 + 24 * len(rows))
    made.add_bar(
        x=rows["points"],
        y=[plain(source) for source in rows["source"]],
        orientation="h",
        marker={"color": BLUE},
        error_x={**_interval(rows, "points"), **INTERVAL},
        hovertemplate="%{y}: %{x:.1f} points",
    )
    return made


def swarm(found: list[dict[str, Any]], title: str) -> go.Figure:
    """Draw a dot a customer: its points by source, coloured by where its value stands.

    ``found`` has for each its ``source``, ``points`` and ``stands`` (0 lowest, 1 highest,
    None no order).
    """
    made = figure(
        title, "Points about the feature's mean (above 0 = safer)", "", 130 + 44 * len(found)
    )
    for place, one in enumerate(found):
        source = one["source"]
        points = np.array(one["points"], dtype=np.float64)
        stands = np.array(one["stands"], dtype=np.float64)
        known = ~np.isnan(stands)
        height = -place + _spread(points)
        if not known.all():
            made.add_scattergl(
                x=points[~known],
                y=height[~known],
                mode="markers",
                marker={"size": 4, "color": GREY},
                hovertemplate=f"{plain(source)}: %{{x:+.1f}} points<extra></extra>",
            )
        made.add_scattergl(
            x=points[known],
            y=height[known],
            mode="markers",
            marker={
                "size": 4,
                "color": stands[known],
                "cmin": 0,
                "cmax": 1,
                "colorscale": LOW_TO_HIGH,
                "showscale": place == 0,
                "colorbar": {
                    "title": "Value",
                    "tickvals": [0, 1],
                    "ticktext": ["low", "high"],
                    "thickness": 12,
                },
            },
            customdata=stands[known],
            hovertemplate=f"{plain(source)}: %{{x:+.1f}} points, value above "
            "%{customdata:.0%} of customers<extra></extra>",
        )
    made.update_yaxes(
        tickvals=[-place for place in range(len(found))],
        ticktext=[plain(one["source"]) for one in found],
        showgrid=False,
        zeroline=False,
    )
    made.update_layout(showlegend=False)
    return made


def _spread(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return heights that keep dots of like points apart, most where most dots are."""
    span = float(np.ptp(points)) or 1.0
    bins = np.floor((points - points.min()) / span * 60).astype(int)
    order = np.argsort(bins, kind="stable")
    rank = np.empty(len(points))
    rank[order] = np.arange(len(points)) - np.searchsorted(bins[order], bins[order])
    most = max(1, int(np.bincount(bins).max()))
    side = np.where(rank % 2, -1, 1)
    return side * np.ceil(rank / 2) / most * 0.8


def dependence(table: pd.DataFrame, source: str, title: str) -> go.Figure:
    """Draw the mean score over a feature's values; columns value, points."""
    made = figure(title, source, text.HIGHER_IS_SAFER)
    numbers = pd.api.types.is_numeric_dtype(table["value"])
    if numbers:
        made.add_scatter(x=table["value"], y=table["points"], mode="lines+markers")
    else:
        made.add_bar(x=[plain(str(value)) for value in table["value"]], y=table["points"])
        low, high = table["points"].min(), table["points"].max()
        made.update_yaxes(range=[low - 10, high + 10])
    made.update_traces(marker={"color": BLUE}, hovertemplate="%{x}: %{y:.1f} points")
    return made


def learning(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw the hold-out's AUC by customers fitted on; columns customers, auc, auc_low, auc_high."""
    n = int(table["n"].iloc[0])
    made = figure(title, "Customers fitted on", f"AUC on {n:,} hold-out snapshots")
    made.add_scatter(
        x=table["customers"],
        y=table["auc"],
        mode="lines+markers",
        marker={"color": BLUE},
        error_y=_interval(table, "auc"),
        hovertemplate="%{x:,} customers: AUC %{y:.3f}",
    )
    made.update_xaxes(rangemode="tozero")
    return made


def _interval(table: pd.DataFrame, name: str) -> dict[str, object]:
    low, high = ("low", "high") if name == "points" else (f"{name}_low", f"{name}_high")
    return {
        "type": "data",
        "symmetric": False,
        "array": table[high] - table[name],
        "arrayminus": table[name] - table[low],
        "thickness": 1.5,
    }
