"""Where one customer's values stand among those the model was developed on."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from credit_core.features.words import NUMBER
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.design import MISSING_LEVEL, as_levels

_MOST_NAMED = 4
_FEW = 0.05


def share_below(known: Sequence[float], value: float) -> float | None:
    """Return the share of development customers below a value, from evenly spaced quantiles.

    Customers with the very same value count half; None where the value is missing.

    >>> share_below([0.0, 0.0, 10.0, 20.0, 30.0], 15.0)
    0.625
    >>> share_below([0.0, 0.0, 10.0, 20.0, 30.0], 0.0)
    0.125
    """
    if not known or value != value:
        return None
    first, last = bisect_left(known, value), bisect_right(known, value)
    if first == len(known) or last == 0:
        return float(last > 0)
    if first == last:
        low, high = known[first - 1], known[first]
        return (first - 1 + (value - low) / (high - low)) / (len(known) - 1)
    return (first + last - 1) / 2 / (len(known) - 1)


def outside(bundle: Bundle, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sources whose value no development customer had (or, of levels, hardly any)."""
    quantiles = bundle.facts["reference"]["quantiles"]
    found = []
    for source, columns in zip(bundle.design.sources, bundle.design.groups, strict=True):
        value = values[source]
        if source in bundle.design.categories:
            known = value is not None and value == value
            level = str(value) if known else MISSING_LEVEL
            unseen = level not in {bundle.design.columns[j].level for j in columns}
        else:
            number = float(value) if isinstance(value, NUMBER) else math.nan
            seen = quantiles[source]
            unseen = bool(seen) and (number < seen[0] or number > seen[-1])
        if unseen:
            found.append(source)
    return tuple(found)


def strange_categories(bundle: Bundle) -> str:
    """Return what is said where no transaction is in a category that the model counts."""
    known = bundle.catalogue.categories
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return (
        "No transaction is in a category that the model counts by itself "
        f"({', '.join(known[:_MOST_NAMED])}{more}). Where categories are only spelt otherwise, the "
        "score is wrong: spell them as in the data it was trained on."
    )


def strange_attributes(bundle: Bundle, applications: pd.DataFrame) -> tuple[str, ...]:
    """Return what of many applications the model cannot read as it learnt to, a sentence each.

    A number that is written as text counts as not given. Of a category's values those that the
    model does not know are named where more than one in twenty has one.
    """
    said = []
    for attribute in bundle.attributes:
        if attribute.name not in applications.columns:
            continue
        cells = applications[attribute.name].dropna()
        if attribute.kind == "number":
            strange = cells[pd.to_numeric(cells, errors="coerce").isna()]
            problem, follows = "that is no number", "these count as not given."
            enough = len(strange) > 0
        else:
            columns = (one for one in bundle.design.columns if one.source == attribute.name)
            strange = cells[~as_levels(cells).isin({one.level for one in columns})]
            problem, follows = "that the model does not know", "is it spelt otherwise there?"
            enough = len(strange) > _FEW * len(applications)
        if enough:
            named = ", ".join(repr(str(value)[:40]) for value in strange.unique()[:3])
            said.append(
                f"{len(strange):,} of {len(applications):,} applications have a "
                f"{attribute.name} {problem} ({named}): {follows}"
            )
    return tuple(said)


def unusual(bundle: Bundle, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return warnings of values that are `outside` development, and of unknown categories."""
    shares = [values[name] for name in bundle.catalogue.shares]
    said = (strange_categories(bundle),) if shares and not any(shares) else ()
    sources = outside(bundle, values)
    if not sources:
        return said
    named = "; ".join(_named(bundle, source, values[source]) for source in sources[:_MOST_NAMED])
    more = len(sources) - _MOST_NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return (
        *said,
        f"Outside what the model saw in development: {named}{rest}. The score rests on values it "
        "never learnt from: rely on it less.",
    )


def _named(bundle: Bundle, source: str, value: Any) -> str:
    words = bundle.words[source]
    if source in bundle.design.categories:
        return f"{words.name} {words.show(value)} (rare or absent there)"
    known = bundle.facts["reference"]["quantiles"][source]
    low, high = words.show(known[0]), words.show(known[-1])
    return f"{words.name} {words.show(value)} (there {low} to {high})"
