"""What a trained model is made of and where it holds: kept with its bundle as ``analysis.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.decisions.contributions import scale_of, score_table
from credit_core.decisions.peers import share_below
from credit_core.labels.samples import DEVELOPMENT, HOLDOUT, OUT_OF_TIME
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.calibration import probability
from credit_core.modelling.design import as_levels
from credit_core.modelling.metrics import auc_interval
from credit_core.modelling.stability import Frozen, freeze_levels, psi_of_numbers
from credit_core.modelling.training import TrainedModel, TrainingData

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_SAMPLES = {"cross_validation": DEVELOPMENT, "holdout": HOLDOUT, "out_of_time": OUT_OF_TIME}
_ROWS, _CURVE_ROWS, _CURVES = 20_000, 100, 8
_SWARM, _SWARM_ROWS = 12, 400
_FEWEST = 5
"""Goods, and bads, that a segment needs for an AUC."""
_LEVELS = 12


@dataclass(frozen=True)
class Common:
    """What all models of a training share: how snapshots fall into segments, which features moved.

    ``segments`` has one text column a way of dividing; ``features`` the PSI facts by source.
    """

    segments: pd.DataFrame
    features: dict[str, dict[str, Any]]


def common_analysis(data: TrainingData, table: pd.DataFrame) -> Common:
    """Divide the snapshots, and compare each feature between development and out of time."""
    development, later = data.rows(DEVELOPMENT), data.rows(OUT_OF_TIME)
    segments: dict[str, Any] = {}
    as_of = pd.to_datetime(data.frame["as_of"])
    if as_of.nunique() > 1:
        segments["cohort"] = as_of.dt.to_period("Q").astype("str").to_numpy()
    categories = data.design.categories
    features: dict[str, dict[str, Any]] = {}
    for source in data.design.sources:
        if source in categories:
            levels = as_levels(table[source])
            segments[source] = levels.to_numpy()
            if len(later):
                frozen = freeze_levels(levels.iloc[development])
                features[source] = frozen.psi(frozen.count(levels.iloc[later])).facts()
        else:
            x = pd.to_numeric(table[source], errors="coerce").to_numpy("float64")
            if len(later):
                features[source] = psi_of_numbers(x[development], x[later]).facts()
            if source in ("transactions", "tenure_days"):
                segments[source] = _thirds(x, development)
    return Common(pd.DataFrame(segments, index=data.frame.index), features)


def _thirds(x: FloatArray, development: IntArray) -> NDArray[np.str_]:
    low, high = np.nanquantile(x[development], [1 / 3, 2 / 3])
    words = np.array([f"up to {low:,.0f}", f"{low:,.0f} to {high:,.0f}", f"above {high:,.0f}"])
    found = words[(x > low).astype(int) + (x > high)]
    return np.where(np.isnan(x), "missing", found)


def analyse(
    model: TrainedModel,
    bundle: Bundle,
    data: TrainingData,
    table: pd.DataFrame,
    common: Common,
) -> dict[str, Any]:
    """Return JSON-ready facts of one model.

    ``importance``: by source, mean absolute points about the source's own mean, with the interval
    of that mean over ``importance_rows`` snapshots, the largest first.
    ``swarm``: for the most important sources, some customers' points about the source's mean and
    where their value stands among development customers (0 lowest, 1 highest, None no order).
    ``dependence``: for the most important sources, mean points over a grid of values, all else as
    it is. ``segments``: how well it ranks, and predicted against observed, by segment and sample.
    ``stability``: PSI of the cohort out of time, the ``features`` against development, the
    ``score`` against customers that the model had not seen, as monitoring compares them.
    ``learning``: AUC on the hold-out by the share of customers it was fitted on.
    """
    held = data.rows(HOLDOUT)
    rows = (held if len(held) else data.rows(DEVELOPMENT))[:_ROWS]
    importance = _importance(bundle, table.iloc[rows])
    later = data.rows(OUT_OF_TIME)
    score = None
    if len(later):
        usual = Frozen(**bundle.facts["reference"]["score_bins"])
        scale = scale_of(bundle)
        score = usual.psi(usual.count(scale.points(model.log_odds[later]))).facts()
    return {
        "importance": importance,
        "importance_rows": len(rows),
        "swarm": _swarm(bundle, table.iloc[rows], [one["source"] for one in importance[:_SWARM]]),
        "dependence": _dependence(
            bundle, table.iloc[rows[:_CURVE_ROWS]], [one["source"] for one in importance[:_CURVES]]
        ),
        "segments": _by_segment(data, probability(model.log_odds), common.segments),
        "stability": {"score": score, "features": common.features},
        "learning": list(model.learning),
    }


def _importance(bundle: Bundle, table: pd.DataFrame) -> list[dict[str, Any]]:
    scored = score_table(bundle, table)
    size = np.abs(scored.contributions - scored.contributions.mean(axis=1, keepdims=True))
    mean = size.mean(axis=1)
    half = 1.96 * size.std(axis=1, ddof=1) / np.sqrt(size.shape[1])
    found = [
        {
            "source": source,
            "points": float(mean[i]),
            "low": max(0.0, float(mean[i] - half[i])),
            "high": float(mean[i] + half[i]),
        }
        for i, source in enumerate(scored.sources)
    ]
    return sorted(found, key=lambda one: (-one["points"], one["source"]))


def _swarm(bundle: Bundle, table: pd.DataFrame, sources: list[str]) -> list[dict[str, Any]]:
    part = table.iloc[:: max(1, len(table) // _SWARM_ROWS)][:_SWARM_ROWS]
    scored = score_table(bundle, part)
    quantiles = bundle.facts["reference"]["quantiles"]
    found = []
    for source in sources:
        points = scored.contributions[scored.sources.index(source)]
        known = quantiles.get(source, ())
        values = pd.to_numeric(part[source], errors="coerce") if known else [np.nan] * len(part)
        stands = [share_below(known, float(value)) for value in values]
        found.append(
            {
                "source": source,
                "points": [round(float(one), 2) for one in points - points.mean()],
                "stands": [None if one is None else round(one, 2) for one in stands],
            }
        )
    return found


def _dependence(bundle: Bundle, table: pd.DataFrame, sources: list[str]) -> dict[str, Any]:
    """Return {source: [{value, points}]}; points are the mean score with that value, all else kept.

    Friedman (2001), section 8.2. A category's values are its levels.
    """
    points = [
        (source, value) for source in sources for value in _values(bundle, source)
    ]  # scored in one go: a call costs more than its rows
    many = pd.concat([table.assign(**{source: value}) for source, value in points])
    means = score_table(bundle, many).points.reshape(len(points), len(table)).mean(axis=1)
    found: dict[str, Any] = {source: [] for source in sources}
    for (source, value), mean in zip(points, means.tolist(), strict=True):
        found[source].append({"value": value, "points": mean})
    return found


def _values(bundle: Bundle, source: str) -> list[Any]:
    if source in bundle.design.categories:
        return [column.level for column in bundle.design.columns if column.source == source]
    return sorted(set(bundle.facts["reference"]["quantiles"][source][1:-1:2]))


def _by_segment(
    data: TrainingData, risk: FloatArray, segments: pd.DataFrame
) -> list[dict[str, Any]]:
    rows = []
    for by in segments.columns:
        values = segments[by].to_numpy()
        frequent = segments[by].value_counts().index[:_LEVELS]
        for sample, name in _SAMPLES.items():
            here = data.rows(name)
            for value in sorted(frequent):
                chosen = here[values[here] == value]
                if len(chosen):
                    rows.append(
                        {"by": by, "segment": value, "sample": sample}
                        | _figures(data.label[chosen], risk[chosen])
                    )
    return rows


def _figures(label: IntArray, risk: FloatArray) -> dict[str, Any]:
    bads = int(label.sum())
    found = auc_interval(label, risk) if _FEWEST <= bads <= len(label) - _FEWEST else None
    return {
        "n": len(label),
        "bads": bads,
        "auc": found.auc if found else None,
        "auc_low": found.low if found else None,
        "auc_high": found.high if found else None,
        "predicted": float(risk.mean()),
        "observed": bads / len(label),
    }
