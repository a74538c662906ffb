"""What every figure shares: colours that colour-blind readers tell apart, quiet layout."""

from __future__ import annotations

import html

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
INTERVAL = {"color": ORANGE, "thickness": 2}
"""Of an error bar that begins inside a bar: it is seen on the bar and on both themes' ground."""
LOW_TO_HIGH = [[0, BLUE], [0.5, PURPLE], [1, ORANGE]]
"""A colour scale whose ends are seen on both themes' ground."""
_TITLE = 36
"""Height of a figure's title, pixels."""
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


def take_title(made: go.Figure) -> str:
    """Take the title off a figure and return it: as text of the page it wraps, drawn it is cut."""
    title = made.layout.title.text or ""
    if title:
        made.update_layout(
            title={"text": ""},
            height=made.layout.height - _TITLE,
            margin={"t": made.layout.margin.t - _TITLE},
        )
    return html.unescape(title)


def plain(text: str) -> str:
    """Escape text for Plotly, which reads a subset of HTML in labels.

    >>> plain("a < b")
    'a &lt; b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
