"""Figures about a policy: what approving from each cut-off would earn."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from app import text
from app.charts.base import BLUE, GREY, VERMILLION, figure, legend_above, plain


def profit(curve: pd.DataFrame, approve_from: float, title: str) -> go.Figure:
    """Draw profit a customer by cut-off; ``curve`` is that of `effect.profit_curve`."""
    made = figure(title, f"Approve from ({text.HIGHER_IS_SAFER.lower()})", "Profit a customer", 340)
    made.add_scatter(
        x=curve["approve_from"],
        y=curve["profit"],
        mode="lines",
        name="Profit",
        line={"color": BLUE, "width": 2},
        customdata=curve[["approved", "bad_rate"]],
        hovertemplate="%{y:,.2f} from %{x:.0f} points: %{customdata[0]:.0%} approved, "
        "%{customdata[1]:.1%} of them bad<extra></extra>",
    )
    best = curve.iloc[int(curve["profit"].to_numpy().argmax())]
    made.add_scatter(
        x=[best["approve_from"]],
        y=[best["profit"]],
        mode="markers",
        name=f"Highest: from {best['approve_from']:.0f}",
        marker={"color": VERMILLION, "size": 10, "symbol": "diamond"},
        hoverinfo="skip",
    )
    made.add_vline(
        x=approve_from,
        line={"color": GREY, "dash": "dash", "width": 1.5},
        annotation_text=f"cut-off {approve_from:.0f}",
        annotation_position="top right" if best["approve_from"] < approve_from else "top left",
    )
    legend_above(made)
    made.update_yaxes(tickformat=",.2f")
    return made


def profit_finding(curve: pd.DataFrame) -> str:
    """Say from which cut-off these customers would have earned most."""
    best = curve.iloc[int(curve["profit"].to_numpy().argmax())]
    return (
        f"Most is earned when approving from {best['approve_from']:.0f} points "
        f"({best['approved']:.0%} approved)"
    )


def segments(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw each segment's share approved; ``table`` is that of `Judged.by_segment`."""
    made = figure(title, "Share approved", "", 120 + 30 * len(table))
    rows = table[::-1]
    made.add_bar(
        x=rows["approved"],
        y=[plain(f"{name} (n {n:,})") for name, n in zip(rows["segment"], rows["n"], strict=True)],
        orientation="h",
        marker={"color": BLUE},
        text=[f"{share:.0%}" for share in rows["approved"]],
        hovertemplate="%{y}: %{x:.1%} approved<extra></extra>",
    )
    made.update_xaxes(tickformat=".0%", range=[0, 1.05])
    return made


def segments_finding(table: pd.DataFrame) -> str:
    """Say between which shares the segments are approved."""
    low, high = (table.iloc[i] for i in (table["approved"].argmin(), table["approved"].argmax()))
    return (
        f"Between {low['approved']:.0%} ({low['segment']}) and {high['approved']:.0%} "
        f"({high['segment']}) of a segment would be approved"
    )
