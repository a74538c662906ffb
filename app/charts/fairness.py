"""Figures of fairness: approval by group, and ratio against bads among the approved."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from app.charts.base import BLUE, GREY, INTERVAL, ORANGE, figure, legend_above, plain


def approval(table: pd.DataFrame, reference: str, title: str) -> go.Figure:
    """Draw the share approved by group with its interval; a line at 0.8 of the reference's."""
    rows = table[::-1]
    made = figure(title, "Share approved (95%)", "", 130 + 36 * len(rows))
    made.add_bar(
        x=rows["approval"],
        y=[plain(f"{name} (n {n:,})") for name, n in zip(rows["group"], rows["n"], strict=True)],
        orientation="h",
        marker={"color": [GREY if name == reference else BLUE for name in rows["group"]]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rows["approval_high"] - rows["approval"],
            "arrayminus": rows["approval"] - rows["approval_low"],
            **INTERVAL,
        },
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    base = float(table.loc[table["group"] == reference, "approval"].iloc[0])
    made.add_vline(
        x=0.8 * base,
        line={"color": ORANGE, "dash": "dash", "width": 1.5},
        annotation_text="four fifths of the reference",
        annotation_position="top left",
    )
    made.update_yaxes(range=[-0.5, len(rows) + 0.1])  # room for those words above the bars
    made.update_xaxes(tickformat=".0%", rangemode="tozero")
    return made


def frontier(table: pd.DataFrame, current: str, title: str) -> go.Figure:
    """Draw bads among the approved against the smallest ratio; columns of `alternatives`."""
    made = figure(
        title, "Smallest adverse impact ratio (right = more even)", "Bad among approved", 320
    )
    for flag, name, colour, symbol in (
        (False, "Beaten by another", GREY, "circle"),
        (True, "Beaten by none", ORANGE, "diamond"),
    ):
        rows = table[table["frontier"] == flag]
        made.add_scatter(
            x=rows["air"],
            y=rows["bad_rate"],
            mode="markers",
            name=name,
            marker={
                "color": colour,
                "symbol": symbol,
                "size": 10,
                "line": {"width": [2 if model == current else 0 for model in rows["model"]]},
            },
            text=[
                plain(f"{model} from {cut:.0f}")
                for model, cut in zip(rows["model"], rows["approve_from"], strict=True)
            ],
            hovertemplate="%{text}: ratio %{x:.2f}, %{y:.1%} bad<extra></extra>",
        )
    legend_above(made)
    made.update_yaxes(tickformat=".1%")
    return made
