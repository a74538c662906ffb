"""Figures about a policy: what approving from each cut-off would earn."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from app import text
from app.charts.base import BLUE, GREY, VERMILLION, figure, legend_above


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
        annotation_position="top left",
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
