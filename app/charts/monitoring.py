"""Figures of monitoring: drift by feature, figures over time, outcomes by quarter."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from app import text
from app.charts.base import BLUE, GREY, ORANGE, VERMILLION, figure, legend_above, plain
from credit_core.config import Thresholds

LEVEL_COLOUR = {
    "ok": BLUE,
    "watch": ORANGE,
    "investigate": VERMILLION,
    "stop promoting": VERMILLION,
}
LEVEL_PATTERN = {"ok": "", "watch": ".", "investigate": "/", "stop promoting": "x"}


def psi(table: pd.DataFrame, limits: Thresholds, title: str) -> go.Figure:
    """Draw the PSI of each feature; columns source, psi, critical, level."""
    rows = table[::-1]
    made = figure(title, "PSI against development", "", 130 + 24 * len(rows))
    for level in LEVEL_COLOUR:
        here = rows[rows["level"] == level]
        if here.empty:
            continue
        made.add_bar(
            x=here["psi"],
            y=[plain(source) for source in here["source"]],
            orientation="h",
            name=text.LEVEL[level],
            marker={"color": LEVEL_COLOUR[level], "pattern": {"shape": LEVEL_PATTERN[level]}},
            customdata=here["critical"],
            hovertemplate="%{y}: PSI %{x:.3f}, chance alone %{customdata:.3f}<extra></extra>",
        )
    made.add_scatter(
        x=rows["critical"],
        y=[plain(source) for source in rows["source"]],
        mode="markers",
        name="Chance alone reaches",
        marker={"symbol": "line-ns-open", "size": 12, "color": GREY},
        hoverinfo="skip",
    )
    for name, limit, side in (
        ("watch", limits.watch, "top left"),
        ("investigate", limits.investigate, "top right"),
    ):
        made.add_vline(
            x=limit,
            line={"color": GREY, "dash": "dash", "width": 1},
            annotation_text=f"{name} {limit:g}",
            annotation_position=side,
        )
    legend_above(made)
    made.update_yaxes(
        categoryorder="array", categoryarray=[plain(source) for source in rows["source"]]
    )
    return made


def over_time(table: pd.DataFrame, column: str, name: str, title: str) -> go.Figure:
    """Draw one figure of the recorded reports; columns at, the column, level."""
    made = figure(title, "Report (UTC)", name, 300)
    made.add_scatter(
        x=table["at"],
        y=table[column],
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        marker={"size": 8, "color": [LEVEL_COLOUR[level] for level in table["level"]]},
        customdata=table["level"],
        hovertemplate="%{x}: %{y:.3f} (%{customdata})<extra></extra>",
    )
    made.update_yaxes(rangemode="tozero")
    return made


def reasons(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw how many of the unapproved have each reason; columns source, then, now."""
    rows = table[::-1]
    made = figure(title, "Share of those not approved", "", 120 + 32 * len(rows))
    names = [plain(source) for source in rows["source"]]
    for column, name, colour, shape in (
        ("then", "Development", GREY, "/"),
        ("now", "These data", BLUE, ""),
    ):
        made.add_bar(
            x=rows[column],
            y=names,
            orientation="h",
            name=name,
            marker={"color": colour, "pattern": {"shape": shape}},
            hovertemplate="%{y}: %{x:.1%}",
        )
    legend_above(made)
    made.update_layout(barmode="group")
    made.update_xaxes(tickformat=".0%")
    return made


def vintages(table: pd.DataFrame, bad: str, title: str) -> go.Figure:
    """Draw the share of bads by quarter with its interval; columns vintage, rate, low, high, n."""
    made = figure(title, "Quarter of as_of", f"Share {bad}", 320)
    made.add_bar(
        x=table["vintage"],
        y=table["rate"],
        marker={"color": BLUE},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": table["high"] - table["rate"],
            "arrayminus": table["rate"] - table["low"],
        },
        customdata=table["n"],
        hovertemplate="%{x}: %{y:.1%} of %{customdata:,}<extra></extra>",
    )
    made.update_xaxes(type="category")
    made.update_yaxes(tickformat=".0%", rangemode="tozero")
    return made
