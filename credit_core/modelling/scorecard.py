"""A scorecard: bins with points, added up. Logistic regression on weights of evidence.

Scoring needs the table of bins and nothing else; a contribution is the table's own entry.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from credit_core.config import ScorecardConfig
from credit_core.modelling.binning import Bins, bin_category, bin_number
from credit_core.modelling.design import Design
from credit_core.modelling.weights import row_weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Characteristic:
    """One source of the design with its bins; ``log_odds`` are of being bad, one a bin.

    ``columns`` are the design's columns of this source: one for a number, one a level for a
    category. Every column of a source that was not selected counts nothing.
    """

    source: str
    columns: tuple[int, ...]
    labels: tuple[str, ...]
    bins: Bins
    log_odds: FloatArray

    def codes(self, X: FloatArray) -> IntArray:
        return self.bins.codes(values_of(X, self.columns, self.bins.levels is not None))


@dataclass(frozen=True)
class Scorecard:
    """A fitted scorecard over a design of ``width`` columns, in log-odds of being bad."""

    family: ClassVar[str] = "scorecard"
    intercept: float
    width: int
    characteristics: tuple[Characteristic, ...]

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        parts = np.zeros((self.width, len(X)))
        for one in self.characteristics:
            parts[one.columns[0]] = one.log_odds[one.codes(X)]
        return self.intercept, parts

    @cached_property
    def content(self) -> dict[str, Any]:
        """The whole model as JSON-ready facts."""
        return {
            "intercept": self.intercept,
            "width": self.width,
            "characteristics": [
                {
                    "source": one.source,
                    "columns": list(one.columns),
                    "labels": list(one.labels),
                    "edges": one.bins.edges.tolist(),
                    "levels": None if one.bins.levels is None else one.bins.levels.tolist(),
                    "goods": one.bins.goods.tolist(),
                    "bads": one.bins.bads.tolist(),
                    "log_odds": one.log_odds.tolist(),
                }
                for one in self.characteristics
            ],
        }

    def files(self) -> dict[str, bytes]:
        return {"model.json": json.dumps(self.content, ensure_ascii=False).encode("utf-8")}

    @staticmethod
    def from_files(files: dict[str, bytes]) -> Scorecard:
        content = json.loads(files["model.json"])
        return Scorecard(
            float(content["intercept"]),
            int(content["width"]),
            tuple(
                Characteristic(
                    one["source"],
                    tuple(one["columns"]),
                    tuple(one["labels"]),
                    Bins(
                        np.array(one["edges"], dtype=np.float64),
                        None if one["levels"] is None else np.array(one["levels"], dtype=np.int64),
                        np.array(one["goods"], dtype=np.int64),
                        np.array(one["bads"], dtype=np.int64),
                    ),
                    np.array(one["log_odds"], dtype=np.float64),
                )
                for one in content["characteristics"]
            ),
        )


def values_of(X: FloatArray, columns: Sequence[int], category: bool) -> FloatArray:
    """Return a source's value of each row: the number, or its level's position (NaN = none)."""
    if not category:
        return X[:, columns[0]]
    marked = X[:, list(columns)] == 1.0
    return np.where(marked.any(axis=1), marked.argmax(axis=1).astype(np.float64), np.nan)


@dataclass(frozen=True)
class _Candidate:
    source: str
    columns: tuple[int, ...]
    labels: tuple[str, ...]
    bins: Bins
    woe: FloatArray
    """The WoE of each row, shape (n,)."""


def fit_scorecard(
    X: FloatArray,
    label: IntArray,
    design: Design,
    config: ScorecardConfig,
    most: int | None = None,
    balanced: bool = False,
) -> Scorecard:
    """Bin every source, select, and fit; ``most`` replaces the configured number selected.

    Sources enter by IV, the strongest first, unless their WoE correlates with one already chosen
    above ``max_correlation``. One whose coefficient then has the wrong sign, so that more
    evidence of safety would cost points, is left out. WoE and IV are the same however classes
    are weighed.
    """
    from sklearn.linear_model import LogisticRegression

    chosen = _selected(X, label, design, config, most or config.max_features)
    weights = np.empty(0)
    while chosen:
        Z = np.column_stack([one.woe for one in chosen])
        model = LogisticRegression(
            C=config.penalty, max_iter=1000, tol=1e-8, solver="newton-cholesky"
        ).fit(Z, label, row_weights(label, balanced))
        weights = model.coef_[0]
        if (weights < 0).all():
            return _assembled(chosen, weights, float(model.intercept_[0]), X.shape[1])
        chosen = [one for one, weight in zip(chosen, weights, strict=True) if weight < 0]
    rate = float(label.mean())
    return Scorecard(float(np.log(rate / (1 - rate))), X.shape[1], ())


def _assembled(
    chosen: list[_Candidate], weights: FloatArray, intercept: float, width: int
) -> Scorecard:
    return Scorecard(
        intercept,
        width,
        tuple(
            Characteristic(
                one.source, one.columns, one.labels, one.bins, float(weight) * one.bins.woe
            )
            for one, weight in zip(chosen, weights, strict=True)
        ),
    )


def _selected(
    X: FloatArray, label: IntArray, design: Design, config: ScorecardConfig, most: int
) -> list[_Candidate]:
    found: list[_Candidate] = []
    for source, columns in zip(design.sources, design.groups, strict=True):
        levels = [str(design.columns[j].level) for j in columns]
        category = source in design.categories
        x = values_of(X, columns.tolist(), category)
        if category:
            bins = bin_category(x, len(columns), label, config)
        else:
            bins = bin_number(x, label, config)
        if bins.iv > 0 and bins.iv >= config.min_iv:
            labels = _level_labels(levels, bins) if category else _edge_labels(bins)
            woe = bins.woe[bins.codes(x)]
            found.append(_Candidate(source, tuple(columns.tolist()), labels, bins, woe))
    found.sort(key=lambda one: (-one.bins.iv, one.source))
    chosen: list[_Candidate] = []
    kept: list[FloatArray] = []
    for one in found:
        if len(chosen) == most:
            break
        scaled = (one.woe - one.woe.mean()) / one.woe.std()
        if all(abs(float(scaled @ other)) / len(X) <= config.max_correlation for other in kept):
            chosen.append(one)
            kept.append(scaled)
    return chosen


def _edge_labels(bins: Bins) -> tuple[str, ...]:
    edges = [f"{edge:,.6g}" for edge in bins.edges]
    if not edges:
        return ("any value", "missing")
    inner = [f"{low} to below {high}" for low, high in pairwise(edges)]
    return (f"below {edges[0]}", *inner, f"from {edges[-1]}", "missing")


def _level_labels(levels: list[str], bins: Bins) -> tuple[str, ...]:
    assert bins.levels is not None  # noqa: S101 - a category has levels
    last = len(bins.goods) - 1
    own = [level for level, code in zip(levels, bins.levels, strict=True) if code < last]
    return (*own, "any other")
