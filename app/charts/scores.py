"""Figures about scores: one applicant's scale, waterfall and history; a batch's distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import plotly.graph_objects as go

from app import batch_text, text
from app.charts.base import BLUE, GREEN, GREY, ORANGE, VERMILLION, figure, legend_above, plain
from credit_core.decisions.scale import DRAWN
from credit_core.workflows import Explanation
from credit_core.workflows.scoring import Contribution

DECISION_COLOUR = {"approve": BLUE, "refer": ORANGE, "decline": VERMILLION}
_PATTERN = {"approve": "", "refer": ".", "decline": "/"}
_BIG = 56


def _pattern(decision: str) -> dict[str, str]:
    return {
        "shape": _PATTERN[decision],
        "fillmode": "overlay",
        "fgcolor": "rgba(255,255,255,0.5)",
    }


def score_scale(score: float, approve_from: float, decline_below: float, ink: str) -> go.Figure:
    """Draw a score on its scale of 300 to 850 with the cut-offs; beyond it, the scale widens.

    ``ink`` is the colour of the number and its marker: the page's own text colour.
    """
    low, high = min(DRAWN[0], score - 10), max(DRAWN[1], score + 10)
    made = go.Figure()
    zones = (
        ("decline", low, decline_below),
        ("refer", decline_below, approve_from),
        ("approve", approve_from, high),
    )
    for decision, start, end in zones:
        if end <= start:
            continue
        made.add_bar(
            x=[end - start],
            base=[start],
            y=[0],
            orientation="h",
            width=0.5,
            marker={
                "color": DECISION_COLOUR[decision],
                "pattern": _pattern(decision),
                "line": {"width": 0},
            },
            hovertemplate=f"{decision}: {start:.0f} to {end:.0f} points<extra></extra>",
        )
        if end - start > 0.06 * (high - low):
            made.add_annotation(
                x=(start + end) / 2,
                y=-0.55,
                text=decision.capitalize(),
                showarrow=False,
                font={"size": 13},
            )
    made.add_scatter(
        x=[score],
        y=[0.52],
        mode="markers",
        hoverinfo="skip",
        marker={"symbol": "triangle-down", "size": 20, "color": ink},
    )
    made.add_annotation(
        x=score,
        y=0.62,
        text=f"<b>{score:.0f}</b>",
        showarrow=False,
        font={"size": _BIG, "color": ink},
        yanchor="bottom",
        xanchor="center",
    )
    made.update_layout(
        height=210,
        margin={"l": 24, "r": 24, "t": 4, "b": 4},
        showlegend=False,
        barmode="overlay",
    )
    ticks = [DRAWN[0], decline_below, approve_from, DRAWN[1]]
    made.update_xaxes(
        range=[low, high],
        tickvals=ticks,
        ticktext=[f"{tick:.0f}" for tick in ticks],
        title_text=text.HIGHER_IS_SAFER,
        showgrid=False,
        zeroline=False,
    )
    made.update_yaxes(visible=False, range=[-0.8, 2.1])
    return made


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall: ``points`` is a level for the ends, else a change."""

    name: str
    points: float
    end: bool = False


def waterfall_steps(found: Explanation, most: int = 8) -> list[Step]:
    """Return base, the largest contributions, all others in one, and the score.

    The base and the steps between add up to the score.
    """
    ordered = sorted(found.contributions, key=lambda part: -abs(part.points))
    shown, rest = ordered[:most], ordered[most:]
    steps = [Step("Average development customer", found.base, end=True)]
    steps += [Step(_named(part), part.points) for part in shown]
    if rest:
        left = found.score - math.fsum([found.base, *(part.points for part in shown)])
        steps.append(Step(f"{len(rest)} other factors", left))
    return [*steps, Step("This score", found.score, end=True)]


def _named(part: Contribution) -> str:
    stands = "" if part.below is None else f" ({part.below:.0%})"
    return f"{_short(_factor(part))}: {part.value}{stands}"


def waterfall(found: Explanation, most: int = 8) -> go.Figure:
    """Draw how the base becomes the score, in points."""
    return _waterfall(waterfall_steps(found, most), waterfall_finding(found))


def family_steps(found: Explanation) -> list[Step]:
    """Return base, every family's points (the largest first), and the score."""
    ordered = sorted(found.families().items(), key=lambda one: -abs(one[1]))
    steps = [Step(_upper(name), points) for name, points in ordered]
    return [
        Step("Average development customer", found.base, end=True),
        *steps,
        Step("This score", found.score, end=True),
    ]


def waterfall_of_families(found: Explanation) -> go.Figure:
    """Draw how the base becomes the score, one step a family of factors."""
    return _waterfall(family_steps(found), families_finding(found))


def families_finding(found: Explanation) -> str:
    """Say which family of factors moved the score most."""
    name, points = max(found.families().items(), key=lambda one: abs(one[1]))
    return f"{_upper(name)} moved the score most: {points:+.0f} points"


def _waterfall(steps: list[Step], finding: str) -> go.Figure:
    made = figure(finding, text.HIGHER_IS_SAFER, "", 90 + 32 * len(steps))
    made.add_waterfall(
        orientation="h",
        y=[plain(step.name) for step in steps],
        x=[step.points if not step.end or i == 0 else 0 for i, step in enumerate(steps)],
        measure=["absolute", *["relative"] * (len(steps) - 2), "total"],
        text=[f"{step.points:.1f}" if step.end else f"{step.points:+.1f}" for step in steps],
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": BLUE}},
        decreasing={"marker": {"color": VERMILLION}},
        totals={"marker": {"color": GREY}},
        connector={"line": {"color": GREY, "width": 1}},
        customdata=[plain(step.name) for step in steps],
        hovertemplate="%{customdata}<br>%{text} points<extra></extra>",
    )
    levels = [steps[0].points]
    for step in steps[1:-1]:
        levels.append(levels[-1] + step.points)
    room = max(8.0, 0.12 * (max(levels) - min(levels)))
    made.update_xaxes(range=[min(levels) - 2 * room, max(levels) + 2 * room])
    made.update_yaxes(autorange="reversed", showgrid=False)
    made.update_layout(showlegend=False)
    return made


def waterfall_finding(found: Explanation) -> str:
    """Say how far the score lies from the average, and which factor moved it that way most."""
    gap = found.score - found.base
    side = "above" if gap >= 0 else "below"
    sign = 1 if gap >= 0 else -1
    largest = max(found.contributions, key=lambda part: sign * part.points)
    return (
        f"{abs(gap):.0f} points {side} the average customer; of single factors "
        f"{_lower(_factor(largest))} adds most to that ({largest.points:+.0f})"
    )


def _factor(part: Contribution) -> str:
    return part.description.rstrip(".")


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _short(name: str, most: int = 46) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def history(table: pd.DataFrame, as_of: datetime | None, observation_days: int) -> go.Figure:
    """Draw money in and out a month, the balance where known, and what the score could see."""
    finding = history_finding(table, as_of)
    made = figure(finding, "Month", "Money a month (ledger's currency)", 360)
    # Bars fill their month and the last balance stands at its end, so the score's day cuts between.
    month = {"x": table["month"], "xperiod": "M1"}
    made.add_bar(
        **month,
        xperiodalignment="middle",
        y=table["money_in"],
        name="Money in",
        marker={"color": GREEN},
        hovertemplate="%{y:,.2f}",
    )
    made.add_bar(
        **month,
        xperiodalignment="middle",
        y=table["money_out"],
        name="Money out",
        hovertemplate="%{y:,.2f}",
        marker={"color": VERMILLION, "pattern": {"shape": "/"}},
    )
    if table["balance"].notna().any():
        made.add_scatter(
            **month,
            xperiodalignment="end",
            y=table["balance"],
            name="Last balance of the month",
            mode="lines+markers",
            line={"color": GREY, "width": 2},
            connectgaps=True,
            hovertemplate="%{y:,.2f}",
        )
    if as_of is not None:
        made.add_vrect(
            x0=as_of - pd.Timedelta(days=observation_days),
            x1=as_of,
            fillcolor=GREY,
            opacity=0.15,
            line_width=0,
            layer="below",
        )
        made.add_vline(x=as_of, line={"color": GREY, "dash": "dash", "width": 1.5})
        made.update_xaxes(
            title_text=f"Month; shaded: the {observation_days} days up to {as_of:%d %B %Y}, "
            "all that the score saw"
        )
    legend_above(made)
    made.update_layout(barmode="group", hovermode="x unified")
    made.update_xaxes(tickformat="%b %Y")
    made.update_yaxes(tickformat=",.0f")
    return made


def history_finding(table: pd.DataFrame, as_of: datetime | None) -> str:
    """Say in how many months more went out than came in; months after the score do not count."""
    seen = table if as_of is None else table[table["month"] < as_of]
    short = int((seen["money_out"] > seen["money_in"]).sum())
    later = len(table) - len(seen)
    after = text.counted(later, "month")
    if seen.empty:
        return f"No transaction before the score; {after} came after it"
    words = f"More went out than came in during {short} of {text.counted(len(seen), 'month')}"
    return words + (f" before the score; {after} came after it" if later else "")


def decisions(table: pd.DataFrame) -> go.Figure:
    """Draw how many were approved, referred and declined a band.

    ``table`` has band, decision and n; bands run from A, the safest, to E.
    """
    by_decision = table.groupby("decision")["n"].sum()
    made = figure(decisions_finding(table), "Band (A = safest)", "Customers", 320)
    bands = sorted(table["band"].unique())
    for decision in ("approve", "refer", "decline"):
        rows = table[table["decision"] == decision].set_index("band")["n"]
        made.add_bar(
            x=bands,
            y=[int(rows.get(band, 0)) for band in bands],
            name=f"{text.DECISION_SHORT[decision]} {int(by_decision.get(decision, 0)):,}",
            marker={
                "color": DECISION_COLOUR[decision],
                "pattern": _pattern(decision),
            },
            hovertemplate="band %{x}: %{y:,}",
        )
    legend_above(made)
    made.update_layout(barmode="stack")
    made.update_yaxes(tickformat=",")
    return made


def decisions_finding(table: pd.DataFrame) -> str:
    """Say how many would be approved."""
    total = int(table["n"].sum())
    approved = int(table.loc[table["decision"] == "approve", "n"].sum())
    return f"{approved:,} of {total:,} would be approved ({approved / total:.0%})"


def distribution(table: pd.DataFrame, approve_from: float, decline_below: float) -> go.Figure:
    """Draw how many score in each bin of 10 points; ``table`` has low and n.

    Where it has ``development``, the n that the shares at training would give, too.
    """
    made = figure(distribution_finding(table), text.HIGHER_IS_SAFER, "Customers", 320)
    made.add_bar(
        x=table["low"] + 5,
        y=table["n"],
        width=10,
        marker={"color": BLUE},
        customdata=table["low"],
        hovertemplate="from %{customdata} points: %{y:,}<extra></extra>",
        name=batch_text.THIS_FILE,
    )
    if "development" in table.columns:
        made.add_scatter(
            x=table["low"] + 5,
            y=table["development"],
            mode="lines",
            line={"color": ORANGE, "width": 2, "shape": "hvh"},
            name=batch_text.AT_TRAINING,
            hovertemplate="%{y:,.0f}<extra></extra>",
        )
        legend_above(made)
    for cut, words, side in (
        (decline_below, "decline below", "top left"),
        (approve_from, "approve from", "top right"),
    ):
        made.add_vline(
            x=cut,
            line={"color": GREY, "dash": "dash", "width": 1.5},
            annotation_text=f"{words} {cut:.0f}",
            annotation_position=side,
        )
    # Room above the highest bar for what is written at the cut-offs.
    drawn = [column for column in ("n", "development") if column in table.columns]
    made.update_yaxes(tickformat=",", range=[0, 1.15 * float(table[drawn].to_numpy().max())])
    return made


def distribution_finding(table: pd.DataFrame) -> str:
    """Say below which bin's end half of the customers score."""
    total = int(table["n"].sum())
    middle = int(table.loc[table["n"].cumsum() >= total / 2, "low"].iloc[0])
    return f"Half of the {total:,} customers score below {middle + 10}"
