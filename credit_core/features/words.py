"""The values of features and attributes as people read them, and what is said of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

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
        self._number = _shower(feature, observed_days)
        if feature is None:
            self.family, self._unknown = FROM_APPLICATION, "not given"
            self.name = readable(source)
            self.description = f"{self.name} (from the application)."
            self._before, self._after, self._said_unknown = f"{self.name}: ", "", None
        else:
            self.family, self._unknown = feature.family, "not known"
            self.name, self.description = feature.description.rstrip("."), feature.description
            before, _, after = feature.reason.partition("{value}")
            # A category's own braces are doubled there.
            self._before, self._after = before.format(), after.format()
            self._said_unknown = f"{self.name}: not known"

    def show(self, value: object) -> str:
        """Write a value with its unit."""
        if isinstance(value, NUMBER):
            number = float(value)
            return self._unknown if number != number else self._number(number)
        return self._unknown if value is None else str(value)

    def sentences(self, values: Sequence[Any]) -> list[str]:
        """Put values into the words of a reason."""
        unknown = self._said_unknown or f"{self._before}{self._unknown}"
        before, number, after = self._before, self._number, self._after
        return [
            unknown
            if value is None or value != value
            else before + (number(value) if isinstance(value, float) else self.show(value)) + after
            for value in values
        ]


def _shower(feature: Feature | None, observed_days: int | None) -> Callable[[float], str]:
    """Return what writes the numbers of one source."""
    if feature is None:
        return "{:,.10g}".format
    if feature.unit == "share":
        return "{:.0%}".format
    if feature.unit == "money":
        return "{:,.2f}".format
    if feature.unit == "days":
        most = math.inf
        if feature.empty == "window" and observed_days is not None:
            most = observed_days

        def days(number: float) -> str:
            if number >= most:
                return f"{most:,} days or more"
            rounded = round(number)
            return "1 day" if rounded == 1 else f"{rounded:,} days"

        return days
    if feature.unit == "count":
        return lambda number: f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"
    return "{:.2f}".format


def readable(source: str) -> str:
    """Write a column's name as words.

    >>> readable("duration_in_month")
    'Duration in month'
    """
    text = source.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
