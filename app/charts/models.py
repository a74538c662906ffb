"""Figures about models side by side: AUC with intervals, ROC, calibration, scores by outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app import text
from app.charts.base import BLUE, GREY, SERIES, VERMILLION, figure, legend_above, plain
from app.charts.overlays import line

_SYMBOLS = {
    "cross_validation": "circle",
    "holdout": "square",
    "out_of_time": "diamond",
    "observed_outcome": "x",
}
_JUDGING = ("out_of_time", "holdout", "cross_validation")


def auc_intervals(table: pd.DataFrame, judged: str = "out_of_time") -> go.Figure:
    """Draw each model's AUC on each sample as a dot with its 95% interval.

    ``table`` is that of `comparison.leaderboard`; the title speaks of the sample ``judged``.
    Circular models are drawn last, grey and
    hollow (a legend takes the look of the first point).
    """
    table = table.sort_values("circular", kind="stable")
    table = table.assign(name=[_name(row) for row in table.itertuples()])
    names = list(dict.fromkeys(table["name"]))
    place = {name: len(names) - 1 - i for i, name in enumerate(names)}
    samples = [sample for sample in _SYMBOLS if sample in set(table["sample"])]
    made = figure(
        auc_finding(table, judged),
        "AUC (0.5 = chance, 1 = every bad ranked above every good)",
        "",
        140 + 44 * len(names),
    )
    for i, sample in enumerate(samples):
        rows = table[table["sample"] == sample]
        shift = (len(samples) - 1) / 2 - i
        colours = [GREY if circular else SERIES[i] for circular in rows["circular"]]
        made.add_scatter(
            x=rows["auc"],
            y=[place[name] + 0.2 * shift for name in rows["name"]],
            mode="markers",
            name=text.SAMPLE[sample],
            marker={
                "size": 9,
                "color": colours,
                "symbol": [
                    f"{_SYMBOLS[sample]}-open" if circular else _SYMBOLS[sample]
                    for circular in rows["circular"]
                ],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": rows["auc_high"] - rows["auc"],
                "arrayminus": rows["auc"] - rows["auc_low"],
                "thickness": 1.5,
                "color": SERIES[i],
            },
            customdata=rows[["auc_low", "auc_high", "n"]],
            text=[plain(name) for name in rows["name"]],
            hovertemplate="%{text}<br>AUC %{x:.3f} (%{customdata[0]:.3f} to "
            "%{customdata[1]:.3f}), n %{customdata[2]:,}",
        )
    lowest = float(table["auc_low"].min())
    made.update_xaxes(range=[max(0.0, min(lowest, 0.98) - 0.03), 1.01], tickformat=".2f")
    made.update_yaxes(
        tickvals=list(place.values()),
        ticktext=[plain(name) for name in place],
        range=[-0.6, len(names) - 0.4],
        showgrid=False,
        zeroline=False,
    )
    legend_above(made)
    if lowest < 0.53:
        made.add_vline(x=0.5, line={"color": GREY, "dash": "dot", "width": 1})
    return made


def _name(row: Any) -> str:
    mark = f" ({row.mark})" if row.mark else ""
    return f"{row.reference} {text.FAMILY[row.family]}{mark}"


def auc_finding(table: pd.DataFrame, judged: str = "out_of_time") -> str:
    """Say which sound model leads on a sample, and whether the lead is clear.

    Where no sound model was judged on that sample, the strictest one speaks.
    """
    sound = table[~table["circular"].astype(bool)]
    for sample in (judged, *_JUDGING):
        rows = sound[sound["sample"] == sample].sort_values("auc", ascending=False)
        if rows.empty:
            continue
        best, others = rows.iloc[0], rows.iloc[1:]
        words = f"{best['reference']}: AUC {best['auc']:.3f}, {text.SAMPLE[sample].lower()}"
        if others.empty:
            return words
        near = int((others["auc_high"] >= best["auc_low"]).sum())
        if near == 0:
            return f"{words}; ahead of all others"
        return f"{words}; its interval overlaps those of {near} of {len(others)} others"
    return "Every model here is circular: these AUCs mean nothing"


def _diagonal(made: go.Figure, top: float, name: str) -> None:
    made.add_scatter(
        x=[0, top],
        y=[0, top],
        mode="lines",
        name=name,
        hoverinfo="skip",
        line={"color": GREY, "dash": "dot", "width": 1},
    )


def roc(curves: Mapping[str, pd.DataFrame], title: str) -> go.Figure:
    """Draw ROC curves of one sample; each has false_positive_rate and true_positive_rate."""
    made = figure(title, "Goods wrongly ranked as bad (share)", "Bads found (share)", 420)
    _diagonal(made, 1.0, "Chance")
    for i, (name, curve) in enumerate(curves.items()):
        made.add_scatter(
            x=curve["false_positive_rate"],
            y=curve["true_positive_rate"],
            mode="lines",
            name=plain(name),
            line=line(i),
            hovertemplate="%{y:.1%} of bads at %{x:.1%} of goods",
        )
    legend_above(made)
    made.update_xaxes(range=[0, 1.01], tickformat=".0%")
    made.update_yaxes(range=[0, 1.01], tickformat=".0%")
    return made


def calibration(tables: Mapping[str, pd.DataFrame], title: str) -> go.Figure:
    """Draw predicted against observed shares by tenths; tables of `metrics.calibration_table`."""
    made = figure(title, "Predicted risk (mean of the tenth)", "Observed share of bads", 420)
    top = max(
        max(float(table["predicted"].max()), float(table["high"].max()))
        for table in tables.values()
    )
    _diagonal(made, top, "Perfect")
    for i, (name, table) in enumerate(tables.items()):
        made.add_scatter(
            x=table["predicted"],
            y=table["observed"],
            mode="lines+markers",
            name=plain(name),
            line=line(i),
            customdata=table[["n", "low", "high"]],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": table["high"] - table["observed"],
                "arrayminus": table["observed"] - table["low"],
                "thickness": 1,
            },
            hovertemplate="predicted %{x:.1%}, observed %{y:.1%} (%{customdata[1]:.1%} to "
            "%{customdata[2]:.1%}), n %{customdata[0]:,}",
        )
    legend_above(made)
    made.update_xaxes(tickformat=".0%", rangemode="tozero")
    made.update_yaxes(tickformat=".0%", rangemode="tozero")
    return made


def calibration_finding(table: pd.DataFrame) -> str:
    """Say in how many tenths the predicted risk lies inside the observed share's interval."""
    inside = (table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])
    return f"predicted risk fits what was observed in {int(inside.sum())} of {len(table)} tenths"


def score_shares(table: pd.DataFrame, title: str, approve_from: float) -> go.Figure:
    """Draw the scores of goods and bads; ``table`` is that of `comparison.score_shares`."""
    made = figure(title, text.HIGHER_IS_SAFER, "Share of each group", 360)
    width = float(table["low"].diff().median()) if len(table) > 1 else 10.0
    for name, column, colour, shape in (
        ("Goods", "goods", BLUE, ""),
        ("Bads", "bads", VERMILLION, "/"),
    ):
        made.add_bar(
            x=table["low"] + width / 2,
            y=table[f"{column}_share"],
            width=width,
            opacity=0.65,
            name=f"{name} (n {int(table[column].sum()):,})",
            customdata=table[["low", column]],
            marker={"color": colour, "pattern": {"shape": shape}},
            hovertemplate="from %{customdata[0]} points: %{y:.1%}, n %{customdata[1]:,}",
        )
    made.add_vline(
        x=approve_from,
        line={"color": GREY, "dash": "dash", "width": 1},
        annotation_text=f"approve from {approve_from:.0f}",
        annotation_position="top right",
    )
    legend_above(made)
    made.update_layout(barmode="overlay")
    made.update_yaxes(tickformat=".0%")
    return made


def score_finding(table: pd.DataFrame, approve_from: float) -> str:
    """Say how many bads and goods score at or above the bin that holds the approval cut-off."""
    above = table["low"] >= approve_from - 10
    return (
        f"About {table.loc[above, 'goods_share'].sum():.0%} of goods and "
        f"{table.loc[above, 'bads_share'].sum():.0%} of bads score from "
        f"{table.loc[above, 'low'].min():.0f} up, near the approval cut-off"
    )
