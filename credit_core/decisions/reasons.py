"""Reasons: the contributions that held a score down, in the applicant's language, each proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.decisions.contributions import Scored, points_of_log_odds
from credit_core.memory import ROWS_IN_CACHE
from credit_core.modelling.bundle import Bundle

FloatArray = NDArray[np.float64]
MOST_REASONS = 4
LEAST_POINTS = 0.5
"""A factor that moved the score by less is not given as a reason."""
LEAST_GAIN = 1e-6
"""Points the flip test must bring; less is the rounding of sums."""
STABILITY = ((0.8, "high"), (0.5, "medium"), (0.0, "low"))
FEWEST_FOR_STABILITY = 20


@dataclass(frozen=True)
class Reason:
    """One adverse factor: ``points`` (negative) against the average approved customer.

    ``reference`` is the value the flip test sets, ``gain`` (positive) the points the score would
    rise by it, all else as it is. ``stability`` says how often models fitted on resampled
    customers give the same reason: high, medium, low or "" where it was not measured.
    """

    source: str
    value: str
    points: float
    sentence: str
    reference: str
    gain: float
    stability: str


@dataclass(frozen=True)
class Chosen:
    """The reasons of rows as positions among the sources, shape (rows, 4); -1 = no more.

    ``points`` and ``gains`` have the same shape, NaN where there is no reason.
    """

    sources: NDArray[np.int64]
    points: FloatArray
    gains: FloatArray


def choose_reasons(
    bundle: Bundle, scored: Scored, X: FloatArray, rows: NDArray[np.int64]
) -> Chosen:
    """Choose up to four reasons for each of the rows, the strongest first; ``X`` has these rows.

    A reason is a source whose points lie below those of the average approved development customer
    by at least ``LEAST_POINTS`` *and* that passes the flip test: with the value of a typical
    approved customer in its place, and all else as it is, the score rises. Ties go by the sources'
    order.
    """
    lost = _lost(scored.contributions, bundle.approved_contributions, rows)
    shape = (len(rows), MOST_REASONS)
    found = Chosen(np.full(shape, -1), np.full(shape, np.nan), np.full(shape, np.nan))
    counted = np.zeros(len(rows), dtype=np.int64)
    places = np.arange(len(rows))
    while len(places):
        strongest, points = _strongest(lost, places)
        adverse = points <= -LEAST_POINTS
        gains = _gains(bundle, scored, X, rows, places, strongest, adverse)
        kept = gains > LEAST_GAIN
        rank = counted[places] + np.cumsum(kept, axis=0) - 1
        kept &= rank < MOST_REASONS
        at = places[np.nonzero(kept)[1]]
        found.sources[at, rank[kept]] = strongest[kept]
        found.points[at, rank[kept]] = points[kept]
        found.gains[at, rank[kept]] = gains[kept]
        counted[places] += kept.sum(axis=0)
        places = places[adverse[-1] & (counted[places] < MOST_REASONS)]
    return found


def _lost(contributions: FloatArray, approved: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
    """Return what each source of some rows costs against approved customers, (rows, sources)."""
    everyone = np.array_equal(rows, np.arange(contributions.shape[1]))
    lost = np.empty((len(rows), len(contributions)))
    for start in range(0, len(rows), ROWS_IN_CACHE):  # a few at a time, which caches can hold
        few = slice(start, start + ROWS_IN_CACHE)
        part = contributions[:, few] if everyone else contributions[:, rows[few]]
        np.subtract(part.T, approved, out=lost[few])
    return lost


def _strongest(lost: FloatArray, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the sources that cost most at some places, and the points, each of shape (4, places).

    ``lost`` has them no more then. There may be fewer, in whose stead come infinite points.
    """
    ranks = range(min(MOST_REASONS, lost.shape[1]))
    sources = np.zeros((len(ranks), len(places)), dtype=np.int64)
    points = np.empty((len(ranks), len(places)))
    some = lost if len(places) == len(lost) else lost[places]
    each = np.arange(len(places))
    for rank in ranks:
        sources[rank] = some.argmin(axis=1)  # the first of equals, as in a stable sort
        points[rank] = some[each, sources[rank]]
        some[each, sources[rank]] = lost[places, sources[rank]] = np.inf
    return sources, points


def _gains(
    bundle: Bundle,
    scored: Scored,
    X: FloatArray,
    rows: NDArray[np.int64],
    places: NDArray[np.int64],
    sources: NDArray[np.int64],
    asked: NDArray[np.bool_],
) -> FloatArray:
    """Return the points that scores rise by with typical values of sources, NaN if not ``asked``.

    ``sources`` and ``asked`` have shape (ranks, places); place i is ``rows[i]`` of those scored.
    """
    factor, model = points_of_log_odds(bundle), bundle.interacting
    if model is None:
        typical = factor * bundle.typical_parts
        gains = typical[sources] - scored.contributions[sources, rows[places]]
        return np.where(asked, gains, np.nan)
    gains = np.full(sources.shape, np.nan)
    for j, here, each in _by_source(sources, asked):
        columns = bundle.design.groups[j]
        changed = model.change(X, places[each], columns, bundle.typical_row[columns])
        gains[here, each] = factor * changed
    return gains


def _by_source(
    sources: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield each of the sources that are chosen, and at which rows and columns it stands."""
    rows, columns = chosen.nonzero()
    found = sources[rows, columns]
    order = found.astype(np.uint16).argsort(kind="stable")  # by counting, so small
    rows, columns, found = rows[order], columns[order], found[order]
    begins = np.flatnonzero(np.diff(found, prepend=-1))
    for begin, end in pairwise([*begins.tolist(), len(found)]):
        yield int(found[begin]), rows[begin:end], columns[begin:end]


def top_reasons(
    bundle: Bundle, scored: Scored, table: pd.DataFrame, rows: NDArray[np.int64] | None = None
) -> list[list[Reason]]:
    """Return the reasons of `choose_reasons`, each in words."""
    chosen = np.arange(len(scored.points)) if rows is None else rows
    found = choose_reasons(bundle, scored, bundle.design.matrix(table.iloc[chosen]), chosen)

    def words(k: int) -> list[Reason]:
        return _in_words(bundle, scored, found, k, lambda name: np.asarray(table[name])[chosen[k]])

    return [words(k) for k in range(len(chosen))]


def reasons_of_one(
    bundle: Bundle, scored: Scored, X: FloatArray, values: Mapping[str, Any]
) -> list[Reason]:
    """Return the reasons of the only row scored, which ``top_reasons`` would give."""
    found = choose_reasons(bundle, scored, X, np.zeros(1, dtype=np.int64))
    return _in_words(bundle, scored, found, 0, values.__getitem__)


def _in_words(
    bundle: Bundle, scored: Scored, found: Chosen, k: int, value_of: Callable[[str], Any]
) -> list[Reason]:
    """Put the reasons of the row at place ``k`` into words."""
    reference = bundle.facts["reference"]
    result = []
    for j, points, gain in zip(found.sources[k], found.points[k], found.gains[k], strict=True):
        if j < 0:
            break
        source = scored.sources[j]
        words, value = bundle.words[source], value_of(source)
        result.append(
            Reason(
                source,
                words.show(value),
                float(points),
                words.sentence(value),
                words.show(reference["approved_values"][source]),
                float(gain),
                grade(reference["stability"].get(source)),
            )
        )
    return result


def grade(found: Mapping[str, float] | None) -> str:
    """Name a share of resampled models that give a reason too; "" without enough to say.

    >>> grade({"share": 0.9, "n": 200}), grade({"share": 0.9, "n": 3}), grade(None)
    ('high', '', '')
    """
    if found is None or found["n"] < FEWEST_FOR_STABILITY:
        return ""
    return next(name for least, name in STABILITY if found["share"] >= least)


def reason_sentences(
    bundle: Bundle,
    scored: Scored,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    X: FloatArray | None = None,
) -> NDArray[np.object_]:
    """Return the sentences of ``top_reasons`` for many rows, shape (rows, 4); "" = no more.

    Source by source instead of row by row, each distinct value put into words once. ``X`` is the
    design matrix of these rows, where there is one already.
    """
    X = bundle.design.matrix(table.iloc[rows]) if X is None else X
    chosen = choose_reasons(bundle, scored, X, rows).sources
    found = np.full(chosen.shape, "", dtype=object)
    for j, at, rank in _by_source(chosen, chosen >= 0):
        source = scored.sources[j]
        words = bundle.words[source]
        codes, values = pd.factorize(np.asarray(table[source])[rows[at]])
        texts = [*words.sentences(values), words.unknown]  # its code is -1
        found[at, rank] = np.array(texts, dtype=object)[codes]
    return found
