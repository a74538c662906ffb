"""Figures of a ledger by month."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from app.charts.base import BLUE, GREEN, VERMILLION, figure


def transactions_by_month(activity: pd.DataFrame) -> go.Figure:
    """Return bars of transactions a month; ``activity`` as `workflows.data.activity` gives it."""
    counts = activity["transactions"]
    busiest = activity["month"].iloc[int(counts.argmax())]
    title = f"{counts.min():,} to {counts.max():,} transactions a month; most in {busiest:%b %Y}"
    if counts.min() == counts.max():
        title = f"{counts.max():,} transactions in every month"
    if len(activity) == 1:
        title = f"{counts.max():,} transactions, all in {busiest:%b %Y}"
    made = figure(
        title,
        "Month (UTC)",
        "Transactions",
        300,
    )
    made.add_bar(
        x=activity["month"],
        y=counts,
        marker_color=BLUE,
        customdata=activity[["customers"]],
        hovertemplate="%{x|%b %Y}<br>%{y:,} transactions<br>%{customdata[0]:,} customers"
        "<extra></extra>",
    )
    made.update_yaxes(rangemode="tozero", tickformat=",")
    _name_months(made, activity)
    return made


def money_by_month(activity: pd.DataFrame) -> go.Figure:
    """Return lines of money out and, where there is any, money in by month."""
    has_in = bool((activity["money_in"] > 0).any())
    out, paid_in = activity["money_out"].sum(), activity["money_in"].sum()
    title = f"Money out {_short(out)} in all"
    if has_in:
        title = f"Money out {_short(out)}, in {_short(paid_in)} in all"
    made = figure(title, "Month (UTC)", "Money (the ledger's currency)", 300)
    series = [("Money out", "money_out", VERMILLION, "circle", "solid")]
    if has_in:
        series.append(("Money in", "money_in", GREEN, "diamond", "dash"))
    for name, column, colour, symbol, dash in series:
        made.add_scatter(
            x=activity["month"],
            y=activity[column],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol, "size": 7},
            hovertemplate="%{x|%b %Y}<br>%{y:,.0f}",
        )
    made.update_layout(showlegend=has_in, legend_y=-0.35)
    made.update_yaxes(rangemode="tozero")
    _name_months(made, activity)
    return made


_FEW_MONTHS = 6


def _name_months(made: go.Figure, activity: pd.DataFrame) -> None:
    """Name each month where they are few: left alone, the axis goes on to days and seconds."""
    months = activity["month"]
    if len(months) <= _FEW_MONTHS:
        made.update_xaxes(tickvals=months, ticktext=[f"{month:%b %Y}" for month in months])
    if len(months) == 1:
        around = pd.Timedelta(days=30)
        made.update_xaxes(range=[months.iloc[0] - around, months.iloc[0] + around])
        made.update_traces(width=around.total_seconds() * 500, selector={"type": "bar"})


def _short(money: float) -> str:
    for size, unit in ((1e9, " bn"), (1e6, " m"), (1e3, " k")):
        if abs(money) >= size:
            return f"{money / size:,.1f}{unit}"
    return f"{money:,.0f}"
