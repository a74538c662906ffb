"""What every figure shares: colours that colour-blind readers tell apart, quiet layout."""

from __future__ import annotations

import plotly.graph_objects as go

BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#8A929A",
)
"""Okabe and Ito's palette; blue = better for the customer, vermillion = worse."""
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Lines differ by dash as well as by colour."""


def figure(title: str, x: str, y: str, height: int = 340) -> go.Figure:
    """Return an empty figure whose title states the finding and whose axes carry units."""
    made = go.Figure()
    made.update_layout(
        title={"text": plain(title), "x": 0, "xanchor": "left", "font": {"size": 15}},
        height=height,
        margin={"l": 8, "r": 8, "t": 44, "b": 8},
        legend={"orientation": "h", "y": -0.2, "x": 0},
        hoverlabel={"namelength": -1},
    )
    made.update_xaxes(title_text=plain(x), automargin=True)
    made.update_yaxes(title_text=plain(y), automargin=True)
    return made


def legend_above(made: go.Figure) -> None:
    """Put the legend between the title and the drawing, clear of axis titles at any height."""
    made.update_layout(
        legend={"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"},
        margin={"t": 76},
    )


def plain(text: str) -> str:
    """Escape text for Plotly, which reads a subset of HTML in labels.

    >>> plain("a < b")
    'a &lt; b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
