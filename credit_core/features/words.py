"""The values of features and attributes as people read them, and what is said of each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_core.features.catalogue import Feature

NUMBER = (float, int, np.number)
FROM_APPLICATION = "application"
"""The family of what an application says itself."""


class Words:
    """How one source is written: a feature, or an attribute where that is None.

    A number of days that reaches back over the whole observation window (``observed_days``) is
    written as "or more", for nothing is known before it.

    >>> duration = Words("duration_in_month")
    >>> duration.show(1169.0), duration.show(None), duration.description
    ('1,169', 'not given', 'Duration in month (from the application).')
    """

    def __init__(
        self, source: str, feature: Feature | None = None, observed_days: int | None = None
    ) -> None:
        self._feature, self._number = feature, _shower(feature, observed_days)
        if feature is None:
            self.family, self._unknown = FROM_APPLICATION, "not given"
            self.name = readable(source)
            self.description = f"{self.name} (from the application)."
            reason = self.name.replace("{", "{{").replace("}", "}}") + ": {value}"
        else:
            self.family, self._unknown = feature.family, "not known"
            self.name, self.description = feature.description.rstrip("."), feature.description
            reason = feature.reason
        self.unknown = f"{self.name}: {self._unknown}"
        self._before, _, self._after = reason.partition("{value}")  # it may occur in a category

    def show(self, value: object) -> str:
        """Write a value with its unit."""
        if isinstance(value, NUMBER):
            number = float(value)
            return self._unknown if number != number else self._number(number)
        return self._unknown if value is None else str(value)

    def sentence(self, value: Any) -> str:
        """Put a value into the words of a reason; ``unknown`` is what is said where it is none."""
        if value is None or value != value:
            return self.unknown
        shown = self.show(value)
        said = self._with("{}").format(shown)
        counts = self._feature is not None and self._feature.unit == "count"
        return _of_one(said) if counts and shown == "1" else said

    def sentences(self, values: NDArray[Any]) -> list[str]:
        """Put many values into the words of a reason, none of them missing."""
        if values.dtype == np.float64 and (spec := _spec(self._feature)) is not None:
            return list(map(self._with(spec).format, values.tolist()))
        return [self.sentence(value) for value in values.tolist()]

    def _with(self, number: str) -> str:
        return self._before + number + self._after


def _of_one(sentence: str) -> str:
    """Put a sentence that counts 1 into the singular.

    >>> _of_one("There were 1 transactions in 12 months"), _of_one("Money came in 1 times")
    ('There was 1 transaction in 12 months', 'Money came in 1 time')
    """
    sentence = re.sub(r"\b1 categories\b", "1 category", sentence)
    sentence = re.sub(r"\b1 ([a-z]+[^s\W])s\b", r"1 \1", sentence)
    return re.sub(r"^(There(?= were 1\b)|1 \w+) were\b", r"\1 was", sentence)


def _spec(feature: Feature | None) -> str | None:
    """Return how the numbers of one source are written, where a format says all of it."""
    if feature is None:
        return "{:,.10g}"
    if feature.unit in ("days", "count"):
        return None
    return {"share": "{:.0%}", "money": "{:,.2f}"}.get(feature.unit, "{:.2f}")


def _shower(feature: Feature | None, observed_days: int | None) -> Callable[[float], str]:
    """Return what writes the numbers of one source."""
    if (spec := _spec(feature)) is not None:
        return spec.format
    if feature is not None and feature.unit == "days":
        most = math.inf
        if feature.empty == "window" and observed_days is not None:
            most = observed_days

        def days(number: float) -> str:
            if number >= most:
                return f"{most:,} days or more"
            rounded = round(number)
            return "1 day" if rounded == 1 else f"{rounded:,} days"

        return days
    return lambda number: f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"


def readable(source: str) -> str:
    """Write a column's name as words.

    >>> readable("duration_in_month")
    'Duration in month'
    """
    text = source.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
