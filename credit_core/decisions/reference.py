"""Whom reasons compare with: the approved customers of the development sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.decisions.contributions import Scored, score_matrix, score_table
from credit_core.decisions.reasons import choose_reasons
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.design import as_levels
from credit_core.modelling.estimator import Estimator

_MOST_ROWS = 20_000
_JUDGED = 1_000
"""Customers whose reasons are compared with those of the resampled models."""


def approved_reference(bundle: Bundle, table: pd.DataFrame) -> dict[str, Any]:
    """Return what approved customers (the rows of ``table``) get for every source.

    ``approved_contributions``: the mean points by source. ``approved_values``: the value of the
    customer whose points for that source are the middle ones, None where it is missing; what the
    flip test sets.
    """
    part = table.iloc[:: max(1, len(table) // _MOST_ROWS)]
    scored = score_table(bundle, part)
    means = scored.contributions.mean(axis=1)
    return {
        "approved_contributions": dict(zip(scored.sources, means.tolist(), strict=True)),
        "approved_values": _middle_values(bundle, scored, part),
    }


def _middle_values(bundle: Bundle, scored: Scored, table: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for source, points in zip(scored.sources, scored.contributions, strict=True):
        category = source in bundle.design.categories
        values = as_levels(table[source]) if category else pd.to_numeric(table[source])
        # Equal points are ordered by their value, so that the order of the rows decides nothing.
        order = np.lexsort((values.to_numpy(), points))
        value = table[source].iloc[order[(len(order) - 1) // 2]]
        if pd.isna(value):
            found[source] = None
        else:
            found[source] = str(value) if category else float(value)
    return found


def reason_stability(
    bundle: Bundle,
    resampled: Sequence[Estimator],
    approved: pd.DataFrame,
    judged: pd.DataFrame,
) -> dict[str, dict[str, float]]:
    """Return by source how often models fitted on resampled customers give a reason, too.

    Parameters
    ----------
    approved : DataFrame
        The approved development customers, from whom each model takes its own reference.
    judged : DataFrame
        Customers whose reasons are compared, those who would not be approved.

    Returns
    -------
    {source: {share, n}}
        ``n`` reasons of the model itself, each looked for among the reasons that each resampled
        model gives the same customer.
    """
    if not resampled or judged.empty:
        return {}
    part = judged.iloc[:: max(1, len(judged) // _JUDGED)]
    rows = np.arange(len(part))
    given = _gives(bundle, part, rows)
    again = np.zeros(given.shape)
    for estimator in resampled:
        other = replace(bundle, estimator=estimator)
        reference = {**bundle.facts["reference"], **approved_reference(other, approved)}
        again += _gives(replace(other, facts={**bundle.facts, "reference": reference}), part, rows)
    counts = given.sum(axis=1)
    shares = (again * given).sum(axis=1) / np.maximum(counts, 1) / len(resampled)
    return {
        source: {"share": float(share), "n": int(n)}
        for source, share, n in zip(bundle.design.sources, shares, counts, strict=True)
        if n
    }


def reason_mix(bundle: Bundle, judged: pd.DataFrame) -> dict[str, float]:
    """Return by source the share of those not approved who have it as a reason."""
    if judged.empty:
        return {}
    part = judged.iloc[:: max(1, len(judged) // _JUDGED)]
    given = _gives(bundle, part, np.arange(len(part))).mean(axis=1)
    return dict(zip(bundle.design.sources, given.tolist(), strict=True))


def _gives(bundle: Bundle, table: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which source is a reason of which row, shape (sources, rows)."""
    X = bundle.design.matrix(table)
    scored = score_matrix(bundle, X)
    chosen = choose_reasons(bundle, scored, X[rows], rows).sources
    found = np.zeros((len(scored.sources), len(rows)), dtype=bool)
    at, rank = np.nonzero(chosen >= 0)
    found[chosen[at, rank], at] = True
    return found
