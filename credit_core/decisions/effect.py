"""What a policy would do to customers whose outcome is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.modelling.metrics import share_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Effect:
    """Decisions on ``n`` scores; ``bad_rate`` is the share of bads among the approved.

    ``low`` and ``high`` are its 95% Jeffreys interval; missing (nan) where nobody is approved.
    ``bads_missed`` is the share of all bads that would be approved.
    """

    n: int
    approved: int
    referred: int
    declined: int
    bads_approved: int
    bad_rate: float
    low: float
    high: float
    bads_missed: float


def effect(
    points: FloatArray, label: IntArray, approve_from: float, decline_below: float
) -> Effect:
    """Return what cut-offs do; shapes (n,), label 1 = bad."""
    approve, decline = points >= approve_from, points < decline_below
    approved, bads = int(approve.sum()), int(label[approve].sum())
    rate = low = high = float("nan")
    if approved:
        rate = bads / approved
        ends = share_interval(np.array([bads]), np.array([approved]))
        low, high = float(ends[0][0]), float(ends[1][0])
    every = int(label.sum())
    return Effect(
        n=len(points),
        approved=approved,
        referred=len(points) - approved - int((decline & ~approve).sum()),
        declined=int((decline & ~approve).sum()),
        bads_approved=bads,
        bad_rate=rate,
        low=low,
        high=high,
        bads_missed=bads / every if every else float("nan"),
    )


def profit_curve(
    points: FloatArray, label: IntArray, margin: float, loss: float, steps: int = 101
) -> pd.DataFrame:
    """Return what approving from each cut-off would earn on these customers.

    Parameters
    ----------
    margin : float
        Earned on an approved good, in money.
    loss : float
        Lost on an approved bad, in money, >= 0.

    Returns
    -------
    DataFrame
        Columns approve_from (points, rising), approved (share), bad_rate (of the approved; nan
        where there is none) and profit (money a customer of the sample, approved or not).
    """
    cuts = np.unique(np.quantile(points, np.linspace(0, 1, steps)))
    order = np.argsort(points, kind="stable")
    rising = points[order]
    bads_from = np.append(np.cumsum(label[order][::-1])[::-1], 0)
    first = np.searchsorted(rising, cuts, side="left")
    approved = len(points) - first
    bads = bads_from[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(approved > 0, bads / approved, np.nan)
    earned = (margin * (approved - bads) - loss * bads) / len(points)
    return pd.DataFrame(
        {
            "approve_from": cuts,
            "approved": approved / len(points),
            "bad_rate": rate,
            "profit": earned,
        }
    )
