"""Curves of several models on one sample: precision and recall, KS, lift, scores by outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app import text
from app.charts.base import DASHES, GREY, SERIES, figure, legend_above, plain


def line(i: int) -> dict[str, Any]:
    """Return the look of the i-th model's line: a colour and a dash of its own."""
    return {"color": SERIES[i % len(SERIES)], "dash": DASHES[i % len(DASHES)], "width": 2}


def precision(curves: Mapping[str, pd.DataFrame], title: str, base_rate: float) -> go.Figure:
    """Draw `comparison.precision_curve` of each model; the base rate is chance."""
    made = figure(title, "Recall: bads found (share)", "Precision: bad among those found", 420)
    made.add_hline(
        y=base_rate,
        line={"color": GREY, "dash": "dot", "width": 1},
        annotation_text=f"base rate {base_rate:.1%}",
        annotation_position="bottom left",
    )
    for i, (name, curve) in enumerate(curves.items()):
        made.add_scatter(
            x=curve["recall"],
            y=curve["precision"],
            mode="lines",
            name=plain(name),
            line=line(i),
            hovertemplate="%{y:.1%} of those found are bad, %{x:.1%} of bads found",
        )
    return _shares(made)


def ks(curves: Mapping[str, pd.DataFrame], title: str) -> go.Figure:
    """Draw the distance of bads found from goods found; `comparison.ks_curve` of each model."""
    made = figure(title, "Looked at, from the riskiest down (share)", "Bads less goods found", 420)
    for i, (name, curve) in enumerate(curves.items()):
        made.add_scatter(
            x=curve["population_share"],
            y=curve["distance"],
            mode="lines",
            name=plain(name),
            line=line(i),
            customdata=curve[["bads_share", "goods_share"]],
            hovertemplate="%{y:.1%}: %{customdata[0]:.1%} of bads, %{customdata[1]:.1%} of goods",
        )
        top = curve.iloc[int(curve["distance"].argmax())]
        made.add_scatter(
            x=[top["population_share"]],
            y=[top["distance"]],
            mode="markers",
            marker={"color": SERIES[i % len(SERIES)], "size": 9, "symbol": "diamond"},
            showlegend=False,
            hovertemplate="KS %{y:.3f} at %{x:.1%}",
        )
    return _shares(made)


def lift(tables: Mapping[str, pd.DataFrame], title: str) -> go.Figure:
    """Draw the lift of each tenth of risk; tables of `grades.gains_table`."""
    made = figure(title, "Tenth of risk (1 = riskiest)", "Lift (1 = as everyone)", 420)
    made.add_hline(y=1, line={"color": GREY, "dash": "dot", "width": 1})
    for i, (name, table) in enumerate(tables.items()):
        made.add_scatter(
            x=table["group"],
            y=table["lift"],
            mode="lines+markers",
            name=plain(name),
            line=line(i),
            customdata=table[["n", "bads", "bads_share"]],
            hovertemplate="lift %{y:.2f}, n %{customdata[0]:,}, bads %{customdata[1]:,}; "
            "%{customdata[2]:.1%} of bads found so far",
        )
    legend_above(made)
    made.update_xaxes(dtick=1)
    made.update_yaxes(rangemode="tozero")
    return made


def scores(tables: Mapping[str, pd.DataFrame], title: str) -> go.Figure:
    """Draw how goods (solid) and bads (dotted) of each model score; `comparison.score_shares`."""
    made = figure(title, text.HIGHER_IS_SAFER, "Share of each group", 420)
    for i, (name, table) in enumerate(tables.items()):
        for column, dash in (("goods", "solid"), ("bads", "dot")):
            made.add_scatter(
                x=table["low"],
                y=table[f"{column}_share"],
                mode="lines",
                name=f"{plain(name)}, {column}",
                line={**line(i), "dash": dash, "shape": "hv"},
                customdata=table[[column]],
                hovertemplate="from %{x:.0f} points: %{y:.1%}, n %{customdata[0]:,}",
            )
    legend_above(made)
    made.update_yaxes(tickformat=".0%", rangemode="tozero")
    return made


def _shares(made: go.Figure) -> go.Figure:
    legend_above(made)
    made.update_xaxes(range=[0, 1], tickformat=".0%")
    made.update_yaxes(tickformat=".0%", rangemode="tozero")
    return made
