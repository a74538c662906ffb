"""From features and application attributes to the numbers a model is fitted on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.memory import ROWS_IN_CACHE
from credit_core.modelling.estimator import total

FloatArray = NDArray[np.float64]
MISSING_LEVEL = "(missing)"


@dataclass(frozen=True)
class DesignColumn:
    """One column of the matrix: a number, or whether a category has this level.

    ``source`` is the feature or attribute it comes from; contributions are summed by source.
    """

    source: str
    level: str | None = None

    @property
    def name(self) -> str:
        return self.source if self.level is None else f"{self.source} = {self.level}"


@dataclass(frozen=True)
class Design:
    """How a table of features and attributes becomes a matrix; frozen at training."""

    columns: tuple[DesignColumn, ...]

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Distinct sources in column order; the order contributions are reported in."""
        return tuple(dict.fromkeys(column.source for column in self.columns))

    @cached_property
    def categories(self) -> frozenset[str]:
        return frozenset(column.source for column in self.columns if column.level is not None)

    @cached_property
    def groups(self) -> list[NDArray[np.int64]]:
        """For each source, the indices of its columns."""
        found: dict[str, list[int]] = {}
        for i, column in enumerate(self.columns):
            found.setdefault(column.source, []).append(i)
        return [np.array(places) for places in found.values()]

    @cached_property
    def _firsts(self) -> NDArray[np.int64]:
        return np.array([group[0] for group in self.groups], dtype=np.int64)

    @cached_property
    def _several(self) -> list[int]:
        return [j for j, group in enumerate(self.groups) if len(group) > 1]

    def by_source(self, parts: FloatArray) -> FloatArray:
        """Return columns' parts, shape (columns, rows), added up by source: (sources, rows).

        Where every source has one column these are the parts themselves, no copy.
        """
        if len(self._firsts) == len(parts):
            return parts
        found = parts[self._firsts]
        for j in self._several:
            found[j] = total(0.0, parts[self.groups[j]])
        return found

    def row(self, values: Mapping[str, float | str | None]) -> FloatArray:
        """Return the matrix of one row from its values by source, as ``matrix`` would."""
        numbers = []
        for column in self.columns:
            value, number = values[column.source], math.nan
            if column.level is not None:
                known = value is not None and value == value
                number = (str(value) if known else MISSING_LEVEL) == column.level
            elif value is not None and math.isfinite(found := float(value)):
                number = found
            numbers.append(number)
        return np.array([numbers], dtype=np.float64)

    def matrix(self, table: pd.DataFrame) -> FloatArray:
        """Return the float64 matrix, shape (rows, columns), C order.

        A level never seen in training is no level at all; text where a number belongs is missing.
        """
        X = np.empty((len(table), len(self.columns)), dtype=np.float64)
        places = [i for i, column in enumerate(self.columns) if column.level is None]
        if places:
            cells = table[[self.columns[i].source for i in places]]
            if (cells.dtypes != np.float64).any():
                cells = cells.apply(pd.to_numeric, errors="coerce")
            numbers = cells.to_numpy("float64")
            for start in range(0, len(X), ROWS_IN_CACHE):
                few = slice(start, start + ROWS_IN_CACHE)
                X[few, places] = np.where(np.isinf(numbers[few]), np.nan, numbers[few])
        levels = {source: _coded(table[source]) for source in self.categories}
        for i, column in enumerate(self.columns):
            if column.level is not None:
                codes, known = levels[column.source]
                X[:, i] = codes == known.get(column.level, -1)
        return X

    def facts(self) -> list[dict[str, Any]]:
        return [asdict(column) for column in self.columns]


def as_levels(cells: pd.Series) -> pd.Series:
    """Return a category's cells as text, missing ones as a level of their own."""
    return cells.astype("str").where(cells.notna(), MISSING_LEVEL)


def _coded(cells: pd.Series) -> tuple[NDArray[np.intp], dict[str, int]]:
    """Return the number of each cell's level, and {level: its number}."""
    codes, names = pd.factorize(as_levels(cells))
    return codes, {str(name): i for i, name in enumerate(names)}


def fit_design(table: pd.DataFrame, categories: frozenset[str], max_levels: int) -> Design:
    """Choose the columns from development rows.

    Constant numbers drop out. A category keeps its ``max_levels`` most frequent levels (ties by
    name) that at least 0.5% of rows have; one with a single level drops out.
    """
    columns: list[DesignColumn] = []
    for name in table.columns:
        if name in categories:
            counts = as_levels(table[name]).value_counts()
            counts = counts[counts >= max(2, 0.005 * len(table))]
            ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
            if len(counts) > 1 or (len(counts) == 1 and counts.iloc[0] < len(table)):
                columns += [DesignColumn(name, str(level)) for level, _ in ordered[:max_levels]]
        elif table[name].nunique(dropna=False) > 1:
            columns.append(DesignColumn(name))
    return Design(tuple(columns))
