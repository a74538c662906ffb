"""Figures of one model: importance, dependence, learning curve."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from app import text
from app.charts.base import BLUE, figure, plain


def importance(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw mean absolute points by source with intervals; columns source, points, low, high."""
    rows = table[::-1]
    made = figure(title, "Mean absolute points", "", 120 + 24 * len(rows))
    made.add_bar(
        x=rows["points"],
        y=[plain(source) for source in rows["source"]],
        orientation="h",
        marker={"color": BLUE},
        error_x=_interval(rows, "points"),
        hovertemplate="%{y}: %{x:.1f} points",
    )
    return made


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
