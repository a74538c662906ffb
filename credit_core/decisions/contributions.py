"""Contributions in points: base + contributions = score, exactly, for every family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ScaleConfig
from credit_core.decisions.scale import Scale
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.calibration import probability
from credit_core.modelling.estimator import total

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """Scores in points and what they are made of.

    ``points`` has shape (rows,); ``contributions`` (sources, rows), in the order of ``sources``;
    ``base`` is one number, the score of the average development customer. ``risk`` is the
    calibrated probability of the label.
    """

    base: float
    sources: tuple[str, ...]
    contributions: FloatArray
    points: FloatArray
    risk: FloatArray


def score_table(bundle: Bundle, table: pd.DataFrame) -> Scored:
    """Score a table of features and attributes, one row a snapshot."""
    return score_matrix(bundle, bundle.design.matrix(table))


def score_matrix(bundle: Bundle, X: FloatArray) -> Scored:
    """Score the rows of a design matrix, shape (rows, columns).

    This is the one way from features to a score: page, command line, batch and API all come here.
    """
    scale = Scale.of(ScaleConfig(**bundle.facts["scale"]))
    calibration = bundle.calibration
    design = bundle.design
    base, parts = bundle.estimator.contributions(X)
    factor = points_of_log_odds(bundle)
    contributions = parts[[group[0] for group in design.groups]] * factor
    for j, group in enumerate(design.groups):
        if len(group) > 1:
            contributions[j] = total(0.0, parts[group]) * factor
    points_base = scale.offset + factor * base - scale.factor * calibration.intercept
    points = total(points_base, contributions)
    return Scored(
        points_base, design.sources, contributions, points, probability(scale.log_odds(points))
    )


def points_of_log_odds(bundle: Bundle) -> float:
    """Return the points that one unit of the estimator's margin is worth; negative."""
    scale = Scale.of(ScaleConfig(**bundle.facts["scale"]))
    return -scale.factor * bundle.calibration.slope
