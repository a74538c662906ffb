"""A scorecard as the trade prints it: each bin, what was seen in it, and its points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from credit_core.decisions.contributions import scale_of
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.scorecard import Scorecard

BASE = "(base)"


def points_table(bundle: Bundle) -> pd.DataFrame:
    """Return the table that scores by itself: base points + one bin's points a characteristic.

    Returns
    -------
    DataFrame
        Columns characteristic, bin (words), position (from 0; the last one of a number is for
        missing values, of a category for every other level), from and below (the edges of a
        number's bin, missing where it is open), count, share, goods, bads, bad_rate, woe
        (higher = safer), iv (of the whole characteristic) and points (higher = safer). The first
        row is the base. Counts are those of the development sample.

    Raises
    ------
    TypeError
        Where the bundle holds another family; it has no such table.
    """
    card = bundle.estimator
    if not isinstance(card, Scorecard):
        raise TypeError(f"a {bundle.family} model has no points table")
    scale = scale_of(bundle)
    line = bundle.calibration
    base = scale.offset - scale.factor * (line.intercept + line.slope * card.intercept)
    rows: list[dict[str, object]] = [{"characteristic": BASE, "points": base}]
    for one in card.characteristics:
        bins = one.bins
        edges = [np.nan, *bins.edges.tolist(), np.nan]
        seen = bins.goods + bins.bads
        for i, (label, woe) in enumerate(zip(one.labels, bins.woe, strict=True)):
            number = bins.levels is None and i < len(one.labels) - 1
            rows.append(
                {
                    "characteristic": one.source,
                    "bin": label,
                    "position": i,
                    "from": edges[i] if number else np.nan,
                    "below": edges[i + 1] if number else np.nan,
                    "count": seen[i],
                    "share": seen[i] / seen.sum(),
                    "goods": bins.goods[i],
                    "bads": bins.bads[i],
                    "bad_rate": bins.bads[i] / seen[i] if seen[i] else np.nan,
                    "woe": woe,
                    "iv": bins.iv,
                    "points": -scale.factor * line.slope * one.log_odds[i],
                }
            )
    columns = ["characteristic", "bin", "position", "from", "below", "count", "share", "goods"]
    return pd.DataFrame(rows, columns=[*columns, "bads", "bad_rate", "woe", "iv", "points"])
