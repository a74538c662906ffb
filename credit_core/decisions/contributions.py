"""Contributions in points: base + contributions = score, exactly, for every family."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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
    scale, calibration, design = scale_of(bundle), bundle.calibration, bundle.design
    base, parts = bundle.estimator.contributions(X)
    factor = points_of_log_odds(bundle)
    contributions = design.by_source(parts)
    contributions *= factor  # in place: so large an array costs most as it is made
    points_base = scale.offset + factor * base - scale.factor * calibration.intercept
    points = total(points_base, contributions)
    return Scored(
        points_base, design.sources, contributions, points, probability(scale.log_odds(points))
    )


def points_of_log_odds(bundle: Bundle) -> float:
    """Return the points that one unit of the estimator's margin is worth; negative."""
    return -scale_of(bundle).factor * bundle.calibration.slope


def scale_of(bundle: Bundle) -> Scale:
    """Return the scale that the bundle's scores are on."""
    return _scale(**bundle.facts["scale"])


@lru_cache(maxsize=64)
def _scale(**facts: float) -> Scale:
    return Scale.of(ScaleConfig(**facts))
