"""Tables by groups of risk: lift and gains by decile, predicted against observed by band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.modelling.metrics import share_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
AMBER, RED = 0.05, 0.01
"""p below which a band's light is amber, or red."""


def gains_table(label: IntArray, risk: FloatArray, groups: int = 10) -> pd.DataFrame:
    """Return lift and gains by groups of equal size, the riskiest first.

    Returns
    -------
    DataFrame
        Columns group (from 1), n, bads, bad_rate with low and high (Jeffreys), lift (bad rate
        over that of all; 1 = as everyone), and, from the riskiest down to this group,
        population_share, bads_share (the gain: of all bads, found so far) and cumulative_lift.

    Examples
    --------
    >>> label, risk = np.array([1, 1, 0, 0]), np.array([0.9, 0.8, 0.3, 0.1])
    >>> gains_table(label, risk, 2)[["lift", "bads_share"]].values.tolist()
    [[2.0, 1.0], [0.0, 1.0]]
    """
    order = np.argsort(-risk, kind="stable")
    parts = [part for part in np.array_split(order, groups) if len(part)]
    n = np.array([len(part) for part in parts])
    bads = np.array([int(label[part].sum()) for part in parts])
    low, high = share_interval(bads, n)
    rate = max(float(label.mean()), 1e-12)
    population = np.cumsum(n) / len(label)
    found = np.cumsum(bads) / max(int(label.sum()), 1)
    return pd.DataFrame(
        {
            "group": np.arange(1, len(parts) + 1),
            "n": n,
            "bads": bads,
            "bad_rate": bads / n,
            "low": low,
            "high": high,
            "lift": bads / n / rate,
            "population_share": population,
            "bads_share": found,
            "cumulative_lift": found / population,
        }
    )


def band_table(
    label: IntArray, probability: FloatArray, band: NDArray[np.str_], names: Sequence[str]
) -> pd.DataFrame:
    """Compare predicted with observed shares in each band; is the risk underestimated?

    Returns
    -------
    DataFrame
        Columns band, n, bads, predicted (mean probability), observed, low and high (Jeffreys
        interval), jeffreys (p that the true share is not above the predicted one: the Beta(bads +
        1/2, goods + 1/2) distribution at it, as in the ECB's validation reports), binomial (p of
        so many bads or more at the predicted share) and light: green, amber below 0.05, red below
        0.01 by Jeffreys. Bands without anyone are left out.
    """
    from scipy.special import bdtrc, betainc

    rows = []
    for name in names:
        here = band == name
        n, bads = int(here.sum()), int(label[here].sum())
        if n == 0:
            continue
        predicted = float(probability[here].mean())
        low, high = share_interval(np.array([bads]), np.array([n]))
        jeffreys = float(betainc(bads + 0.5, n - bads + 0.5, predicted))
        rows.append(
            {
                "band": name,
                "n": n,
                "bads": bads,
                "predicted": predicted,
                "observed": bads / n,
                "low": float(low[0]),
                "high": float(high[0]),
                "jeffreys": jeffreys,
                "binomial": float(bdtrc(bads - 1, n, predicted)) if bads else 1.0,
                "light": "red" if jeffreys < RED else "amber" if jeffreys < AMBER else "green",
            }
        )
    return pd.DataFrame(rows)


def multiple_testing(tests: int) -> float:
    """Return the chance of at least one amber or red light where every prediction is right.

    >>> round(multiple_testing(5), 3)
    0.226
    """
    return 1 - (1 - AMBER) ** tests
