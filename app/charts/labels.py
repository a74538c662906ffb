"""Figures of windows, cohorts, the honesty gauge, sensitivity and proxy against reality."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.base import BLUE, GREY, INTERVAL, ORANGE, VERMILLION, figure, legend_above, plain
from credit_core.workflows.labels import LabelPreview


def timeline(months: pd.DataFrame, found: LabelPreview, span: tuple[Any, Any]) -> go.Figure:
    """Return the ledger by month, and below it each cohort's two windows.

    ``months`` as `workflows.data.activity`; ``span`` is the ledger's first and last moment.
    """
    made = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.45, 0.55], vertical_spacing=0.06)
    made.add_bar(
        x=months["month"],
        y=months["transactions"],
        xperiod="M1",
        marker_color=GREY,
        name="Transactions a month",
        hovertemplate="%{x|%b %Y}<br>%{y:,} transactions<extra></extra>",
        row=1,
        col=1,
    )
    seen = timedelta(days=found.observation_days)
    followed = timedelta(days=found.outcome_days or 0)
    rows = found.cohorts.dropna(subset="as_of").iloc[::-1]
    names = [_cohort(row) for row in rows.itertuples(index=False)]
    windows = (
        ("Observation window: what features see", BLUE, "", rows["as_of"] - seen, seen),
        ("Outcome window: what the label sees", ORANGE, "/", rows["as_of"], followed),
    )
    for name, colour, shape, starts, length in windows:
        if not length:
            continue
        made.add_bar(
            x=[length.total_seconds() * 1000] * len(rows),
            base=starts.dt.strftime("%Y-%m-%d"),
            y=names,
            orientation="h",
            name=name,
            marker={"color": colour, "pattern": {"shape": shape}},
            hovertemplate=f"{name}<br>from %{{base|%Y-%m-%d}}, {length.days} days<extra></extra>",
            row=2,
            col=1,
        )
    last = rows["as_of"].iloc[0]
    made.add_vline(x=last, line={"color": VERMILLION, "width": 2, "dash": "dash"})
    title = (
        f"Customers are observed for {seen.days} days and followed for {followed.days}; "
        f"last cohort {last:%Y-%m-%d}"
        if followed
        else f"Applicants are observed for {seen.days} days before their decision; by month"
    )
    base = figure(title, "", "", 380)
    made.update_layout(base.layout)
    made.update_layout(barmode="overlay", bargap=0.25)
    made.update_xaxes(type="date", range=[span[0], span[1]], title_text=None)
    made.update_yaxes(title_text="Transactions", tickformat=",", row=1, col=1)
    made.update_yaxes(title_text=None, automargin=True, type="category", row=2, col=1)
    legend_above(made)
    return made


def _cohort(row: Any) -> str:
    late = " (out of time)" if row.sample == "out_of_time" else ""
    return f"{row.as_of:%Y-%m-%d}{late}"


def bad_rates(cohorts: pd.DataFrame) -> go.Figure:
    """Return the bad rate of each cohort with its interval; ``cohorts`` as `LabelPreview`'s."""
    low, high = cohorts["bad_rate"].min(), cohorts["bad_rate"].max()
    title = (
        f"{low:.1%} to {high:.1%} are bad"
        if len(cohorts) > 1
        else f"{low:.1%} of the one cohort are bad"
    )
    late = " (diamond = out of time)" if (cohorts["sample"] == "out_of_time").any() else ""
    made = figure(title, f"Cohort{late}", "Share of bads (95% interval)", 300)
    made.add_scatter(
        x=[f"{moment:%d %b %y}" if pd.notna(moment) else "undated" for moment in cohorts["as_of"]],
        y=cohorts["bad_rate"],
        error_y={
            "type": "data",
            "array": cohorts["high"] - cohorts["bad_rate"],
            "arrayminus": cohorts["bad_rate"] - cohorts["low"],
        },
        mode="markers",
        marker={
            "color": BLUE,
            "size": 9,
            "symbol": [
                "diamond-open" if late == "out_of_time" else "circle" for late in cohorts["sample"]
            ],
        },
        customdata=cohorts[["snapshots", "bads"]],
        hovertemplate="%{y:.1%} bad<br>%{customdata[1]:,} of %{customdata[0]:,}<extra></extra>",
    )
    made.update_yaxes(tickformat=".0%", rangemode="tozero")
    made.update_xaxes(type="category")
    return made


def gauge(rows: list[dict[str, Any]], title: str) -> go.Figure:
    """Return AUCs side by side with their intervals; ``rows`` as `app.lab.gauge_rows`."""
    measured = [row for row in rows if row["auc"] is not None]
    made = figure(title, "AUC (0.5 = chance, 1 = perfect ranking)", "", 120 + 44 * len(measured))
    for row in measured:
        colour = VERMILLION if row["circular"] else BLUE
        made.add_scatter(
            x=[row["auc"]],
            y=[plain(row["what"])],
            error_x={
                "type": "data",
                "array": [row["auc_high"] - row["auc"]],
                "arrayminus": [row["auc"] - row["auc_low"]],
                "color": colour,
                "thickness": 3,
            },
            mode="markers+text",
            text=[f"{row['auc']:.3f}"],
            textposition="top center",
            marker={"color": colour, "size": 13, "symbol": "x" if row["circular"] else "circle"},
            showlegend=False,
            hovertemplate=f"{row['auc_low']:.3f} to {row['auc_high']:.3f}, n {row['n']:,}"
            "<extra></extra>",
        )
    made.add_vline(x=0.5, line={"color": GREY, "dash": "dot"}, annotation_text="chance")
    lowest = min([row["auc_low"] for row in measured], default=0.5)
    made.update_xaxes(range=[min(0.45, lowest - 0.03), 1.02])
    made.update_yaxes(range=[len(measured) - 0.5, -0.7], type="category")
    return made


def sensitivity(rows: pd.DataFrame) -> go.Figure:
    """Return the agreement of each changed design with the chosen one."""
    changed = rows[rows["kappa"].notna()].iloc[1:]
    names = [f"{row.change}: {row.setting}" for row in changed.itertuples(index=False)]
    if len(changed):
        worst = int(changed["kappa"].argmin())
        title = (
            f"Labels agree least under {names[worst]} (kappa {changed['kappa'].iloc[worst]:.2f})"
        )
    else:
        title = "No change could be measured"
    made = figure(
        title, "Agreement with the chosen design (1 = the same)", "", 110 + 26 * len(names)
    )
    for column, name, colour, symbol in (
        ("kappa", "Label: Cohen's kappa", BLUE, "circle"),
        ("rank_correlation", "Scores: rank correlation", ORANGE, "diamond"),
    ):
        made.add_scatter(
            x=changed[column],
            y=names,
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 10},
            hovertemplate="%{y}<br>%{x:.2f}",
        )
    made.update_yaxes(autorange="reversed", type="category")
    made.update_xaxes(range=[min(0.0, changed[["kappa", "rank_correlation"]].min().min()), 1.03])
    legend_above(made)
    return made


def outcomes_by_cluster(clusters: pd.DataFrame, facts: dict[str, Any]) -> go.Figure:
    """Return the observed bad rate of each RFM cluster with its Jeffreys interval."""
    least, others = facts["bad_rate_disengaged"], facts["bad_rate_others"]
    made = figure(
        f"Least engaged: {least:.1%} went bad; everyone else: {others:.1%}",
        "Cluster (0 = least engaged)",
        "Observed bad rate (95% interval)",
        320,
    )
    made.add_bar(
        x=[f"{cluster}" for cluster in clusters["cluster"]],
        y=clusters["bad_rate"],
        error_y={
            "type": "data",
            "array": clusters["high"] - clusters["bad_rate"],
            "arrayminus": clusters["bad_rate"] - clusters["low"],
            **INTERVAL,
        },
        marker_color=[VERMILLION if cluster == 0 else BLUE for cluster in clusters["cluster"]],
        text=[f"n {n:,}" for n in clusters["n"]],
        textposition="inside",
        insidetextanchor="start",
        customdata=clusters[["bads", "n"]],
        hovertemplate="%{y:.1%}<br>%{customdata[0]:,} of %{customdata[1]:,}<extra></extra>",
    )
    made.update_yaxes(tickformat=".0%", rangemode="tozero")
    made.update_xaxes(type="category")
    return made
