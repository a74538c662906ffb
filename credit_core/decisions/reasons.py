"""Reasons: the contributions that held a score down, in the applicant's language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.decisions.contributions import Scored
from credit_core.features.catalogue import Feature
from credit_core.modelling.bundle import Bundle

FloatArray = NDArray[np.float64]
MOST_REASONS = 4
LEAST_POINTS = 0.5
"""A factor that moved the score by less is not given as a reason."""


@dataclass(frozen=True)
class Reason:
    """One adverse factor: ``points`` (negative) against the average approved customer."""

    source: str
    value: str
    points: float
    sentence: str


def adverse(scored: Scored, reference: Mapping[str, float], rows: NDArray[np.int64]) -> FloatArray:
    """Return contributions minus the reference's, shape (sources, rows); below 0 = adverse.

    The reference is the mean contribution among approved development customers.
    """
    usual = np.array([reference.get(source, 0.0) for source in scored.sources])
    return scored.contributions[:, rows] - usual[:, None]


def top_reasons(
    bundle: Bundle,
    scored: Scored,
    table: pd.DataFrame | Mapping[str, NDArray[Any]],
    rows: NDArray[np.int64] | None = None,
) -> list[list[Reason]]:
    """Return up to four reasons a row, the strongest first; ties go by the sources' order.

    ``table`` has the values of every source, as columns of a frame or arrays by name.
    """
    chosen = np.arange(len(scored.points)) if rows is None else rows
    difference = adverse(scored, bundle.facts["reference"]["approved_contributions"], chosen)
    features = {feature.name: feature for feature in bundle.catalogue.features}
    order = np.argsort(difference, axis=0, kind="stable")[:MOST_REASONS]
    columns = {source: np.asarray(table[source]) for source in scored.sources}
    result = []
    for k, row in enumerate(chosen):
        reasons = []
        for j in order[:, k]:
            points = float(difference[j, k])
            if points > -LEAST_POINTS:
                break
            source = scored.sources[j]
            value = columns[source][row]
            shown = show_value(features.get(source), value, bundle.observation_days)
            reasons.append(
                Reason(source, shown, points, _sentence(features.get(source), source, shown, value))
            )
        result.append(reasons)
    return result


def reason_sentences(
    bundle: Bundle, scored: Scored, table: pd.DataFrame, rows: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return the sentences of ``top_reasons`` for many rows, shape (rows, 4); "" = no more.

    Source by source instead of row by row, each distinct value put into words once.
    """
    difference = adverse(scored, bundle.facts["reference"]["approved_contributions"], rows)
    features = {feature.name: feature for feature in bundle.catalogue.features}
    places = np.arange(len(rows))
    chosen = np.full((len(rows), MOST_REASONS), -1)
    for k in range(min(MOST_REASONS, len(difference)) if len(rows) else 0):
        strongest = np.argmin(difference, axis=0)  # the first of equals, as in a stable sort
        told = difference[strongest, places] <= -LEAST_POINTS
        chosen[told, k] = strongest[told]
        difference[strongest, places] = np.inf
    found = np.full(chosen.shape, "", dtype=object)
    for j, source in enumerate(scored.sources):
        at, rank = np.nonzero(chosen == j)
        codes, values = pd.factorize(np.asarray(table[source])[rows[at]], use_na_sentinel=False)
        feature = features.get(source)
        texts = np.array(
            [
                _sentence(
                    feature, source, show_value(feature, value, bundle.observation_days), value
                )
                for value in values
            ],
            dtype=object,
        )
        if len(at):
            found[at, rank] = texts[codes]
    return found


def show_value(feature: Feature | None, value: object, observed_days: int | None = None) -> str:
    """Write a feature's or attribute's value with its unit.

    A number of days that reaches back over the whole observation window (``observed_days``) is
    written as "or more", for nothing is known before it.

    >>> show_value(None, 1169.0), show_value(None, None)
    ('1,169', 'not given')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not given" if feature is None else "not known"
    if feature is None or not isinstance(value, int | float):
        return f"{value:,.10g}" if isinstance(value, int | float) else str(value)
    number = float(value)
    if feature.unit == "share":
        return f"{number:.0%}"
    if feature.unit == "days":
        rounded = round(number)
        if feature.empty == "window" and observed_days is not None and number >= observed_days:
            return f"{observed_days:,} days or more"
        return "1 day" if rounded == 1 else f"{rounded:,} days"
    if feature.unit == "money":
        return f"{number:,.2f}"
    if feature.unit == "count":
        return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"
    return f"{number:.2f}"


def _sentence(feature: Feature | None, source: str, shown: str, value: object) -> str:
    if feature is None:
        return f"{readable(source)}: {shown}"
    if isinstance(value, float) and math.isnan(value):
        return f"{feature.description.rstrip('.')}: not known"
    return feature.reason.format(value=shown)


def readable(source: str) -> str:
    """Write a column's name as words.

    >>> readable("duration_in_month")
    'Duration in month'
    """
    text = source.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
