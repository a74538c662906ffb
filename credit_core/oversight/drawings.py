"""The dossier's figures as vector drawings; the same numbers give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

BLUE, ORANGE, GREY, VERMILLION = "#0072B2", "#E69F00", "#8A929A", "#D55E00"
"""Okabe and Ito's colours, as on the screens."""


def roc(curves: dict[str, pd.DataFrame]) -> str:
    """Draw the ROC of each sample: columns false_positive_rate, true_positive_rate."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        looks = ((BLUE, "-"), (ORANGE, "--"), (VERMILLION, "-."))
        for (name, table), (colour, style) in zip(curves.items(), looks, strict=False):
            rates = table["false_positive_rate"], table["true_positive_rate"]
            axes.plot(*rates, color=colour, ls=style, label=name)
        axes.set(xlabel="Goods called bad (share)", ylabel="Bads found (share)")
        axes.legend(frameon=False, loc="lower right")

        axes.set_aspect("equal")

    return _svg(draw, 3.4, 3.2)


def calibration(table: pd.DataFrame) -> str:
    """Draw predicted against observed with Jeffreys intervals (`metrics.calibration_table`)."""

    def draw(axes: Any) -> None:
        top = float(max(table["high"].max(), table["predicted"].max())) * 1.05
        axes.plot([0, top], [0, top], color=GREY, lw=0.8, ls=":")
        axes.errorbar(
            table["predicted"],
            table["observed"],
            yerr=[table["observed"] - table["low"], table["high"] - table["observed"]],
            fmt="o",
            ms=4,
            color=BLUE,
            lw=1,
            capsize=2,
        )
        axes.set(xlabel="Predicted share", ylabel="Observed share (95%)")

    return _svg(draw, 3.4, 3.0)


def bars(names: list[str], values: list[float], low: list[float], high: list[float], x: str) -> str:
    """Draw horizontal bars with intervals, the first on top."""

    def draw(axes: Any) -> None:
        places = np.arange(len(names))[::-1]
        error = [np.subtract(values, low), np.subtract(high, values)]
        axes.barh(places, values, xerr=error, color=BLUE, height=0.6, ecolor="#333333", capsize=2)
        axes.set_yticks(places, names)
        axes.set(xlabel=x)

    return _svg(draw, 5.0, 0.5 + 0.2 * len(names))


def _svg(draw: Callable[[Any], None], width: float, height: float) -> str:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": "candor",
        "svg.fonttype": "path",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with rc_context(settings):
        made = Figure(figsize=(width, height), layout="constrained")
        draw(made.add_subplot())
        target = io.BytesIO()
        FigureCanvasSVG(made).print_svg(  # type: ignore[no-untyped-call]
            target, metadata={"Date": None, "Creator": None}
        )
    return target.getvalue().decode("utf-8")
