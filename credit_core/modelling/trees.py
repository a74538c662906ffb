"""Exact SHAP values of boosted trees by look-up, for XGBoost and LightGBM alike.

A tree's SHAP values depend only on which of its few conditions hold for a row. So the values of
every pattern of truth are tabulated once for a small group of leaves, and each row becomes a bit
pattern and a look-up. The values are those of path-dependent TreeSHAP (Lundberg et al. 2020,
algorithm 1): a feature that is not in the coalition goes both ways by cover. The idea of
tabulating is in print (FastTreeSHAP v2, Yang 2021; Woodelf, Nadel and Wettenstein 2025).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import factorial
from os import cpu_count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_core.errors import IntegrityError
from credit_core.memory import ROWS_IN_CACHE
from credit_core.modelling.estimator import total

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_GROUP_DEPTH = 3
_CHUNK = 50_000
_MANY = 256
"""Rows from which on calling a compiled loop pays."""
_ONE = np.zeros(1, dtype=np.int64)
_MOST_KEPT = 256
"""Changes whose tables are kept."""
_BITS = 8


@dataclass(frozen=True)
class Tree:
    """One tree as arrays over its nodes; node 0 is the root.

    A row goes left where ``x <= threshold``, or where x is missing and ``missing_left``. Leaves
    have ``left == -1``. ``value`` is a leaf's margin; ``cover`` the weight of training rows.
    """

    feature: IntArray
    threshold: FloatArray
    missing_left: NDArray[np.bool_]
    left: IntArray
    right: IntArray
    value: FloatArray
    cover: FloatArray


@dataclass(frozen=True)
class _Step:
    """One condition on the way to a leaf: the node, and whether the leaf lies on its left."""

    node: int
    goes_left: bool


@dataclass(frozen=True)
class _Group:
    """Leaves that share most conditions, and the SHAP values of every pattern of these.

    ``tables`` has shape (features, patterns); bit i of a pattern says that condition i holds.
    """

    feature: IntArray
    threshold: FloatArray
    missing_left: NDArray[np.bool_]
    sources: IntArray
    tables: FloatArray


class _Asked:
    """A block of rows, and the pattern of each row in one group after the other.

    Bits are counted in the smallest integers that hold them: most of the time goes into memory.
    """

    def __init__(self, rows: FloatArray, asked: Iterable[int]) -> None:
        wanted = np.array(sorted(asked), dtype=np.int64)
        turned = np.empty((len(wanted), len(rows)))
        for start in range(0, len(rows), ROWS_IN_CACHE):  # a few at a time, which caches can hold
            few = rows[start : start + ROWS_IN_CACHE]
            turned[:, start : start + ROWS_IN_CACHE] = few.take(wanted, axis=1).T
        self._columns = dict(zip(wanted.tolist(), turned, strict=True))
        self._holds = np.empty(len(rows), dtype=bool)

    def pattern(self, group: _Group) -> IntArray:
        """Return which of a group's conditions hold, bit by bit, shape (rows,)."""
        bits = 1 << np.arange(len(group.feature))
        if len(bits) <= _BITS:
            bits = bits.astype(np.uint8)
        # Nor is a missing value greater: where it goes left, that is asked, and turned round.
        found = np.full(len(self._holds), bits[group.missing_left].sum(dtype=bits.dtype))
        for i, j in enumerate(group.feature.tolist()):
            compare = np.greater if group.missing_left[i] else np.less_equal
            compare(self._columns[j], group.threshold[i], out=self._holds)
            found ^= self._holds * bits[i]
        return found.astype(np.intp)


@dataclass(frozen=True)
class _Flat:
    """All groups end to end: conditions first, then the tables of their sources.

    ``starts`` is each group's first condition; ``target``, ``group`` and ``offset`` are, for each
    table, its source, its group and where its values begin, and ``first`` is each group's first
    table. ``margins`` are the groups' margins by pattern, each beginning at its ``places``.
    """

    feature: IntArray
    threshold: FloatArray
    missing_left: NDArray[np.bool_]
    weight: IntArray
    starts: IntArray
    target: IntArray
    group: IntArray
    first: IntArray
    offset: IntArray
    values: FloatArray
    places: IntArray
    margins: FloatArray

    def holds(self, values: FloatArray) -> NDArray[np.bool_]:
        """Return which conditions hold for the values they are about, shape (..., conditions)."""
        found: NDArray[np.bool_] = values <= self.threshold
        return found | (np.isnan(values) & self.missing_left)

    def patterns(self, holds: NDArray[np.bool_]) -> IntArray:
        """Return which of each group's conditions hold, bit by bit, shape (..., groups)."""
        found: IntArray = np.add.reduceat(holds * self.weight, self.starts, axis=-1)
        return found

    @cached_property
    def asked_in_turn(self) -> tuple[NDArray[Any], ...]:
        """What loops ask of rows and where they find its values, as `tree_kernels` takes it."""
        asked, place = np.unique(self.feature, return_inverse=True)
        conditions = asked, place, self.threshold, self.missing_left, self.starts
        return *conditions, self.target, self.first, self.offset, self.values


@dataclass(frozen=True)
class TreeTables:
    """Tabulated trees: the base margin and the groups of leaves."""

    base: float
    columns: int
    groups: tuple[_Group, ...]

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        """Return the base and SHAP values in log-odds, shape (columns, rows)."""
        rows = self._rows(X)
        if rows == 1 and self.groups:
            return self.base, self._one(X[0])
        parts, every = np.zeros((self.columns, rows)), np.arange(rows)
        workers, compiled = cpu_count() or 1, self._compiled(rows)
        # NumPy's steps are worth a second thread only where they are long.
        size = min(-(-rows // workers), _CHUNK) if compiled else _CHUNK
        blocks = [slice(start, start + size) for start in range(0, rows, size or 1)]
        if len(blocks) < 2:
            self._fill(parts, X, every, compiled)
            return self.base, parts
        # The interpreter is let go of meanwhile, so blocks run side by side.
        with ThreadPoolExecutor(min(len(blocks), workers)) as pool:
            for task in [
                pool.submit(self._fill, parts[:, some], X, every[some], compiled) for some in blocks
            ]:
                task.result()
        return self.base, parts

    def _rows(self, X: FloatArray) -> int:
        """Return the number of rows, which have a number for each column."""
        if X.ndim != 2 or X.shape[1] != self.columns:
            raise ValueError(f"X must have shape (rows, {self.columns}), not {X.shape}.")
        return len(X)

    def _compiled(self, rows: int) -> bool:
        """Return True where compiled loops are the faster way.

        Loading Numba takes longer than they save, so they are for where it is loaded already.
        """
        return rows >= _MANY and bool(self.groups) and "numba" in sys.modules

    def _fill(self, parts: FloatArray, X: FloatArray, rows: IntArray, compiled: bool) -> None:
        """Add the tables' values for some rows of ``X`` to ``parts``, shape (sources, rows)."""
        if compiled:
            from credit_core.modelling import tree_kernels

            tree_kernels.add_up(np.ascontiguousarray(X), rows, parts, *self._flat.asked_in_turn)
            return
        asked, values = _Asked(X[rows], _features(self.groups)), np.empty(len(rows))
        for group in self.groups:
            pattern = asked.pattern(group)
            for source, table in zip(group.sources, group.tables, strict=True):
                parts[source] += table.take(pattern, out=values, mode="clip")

    def change(
        self, X: FloatArray, rows: IntArray, columns: IntArray, values: FloatArray
    ) -> FloatArray:
        """Return how the margins of some rows change as their ``columns`` take these values."""
        if len(rows) and not (rows.min() >= 0 and rows.max() < self._rows(X)):
            raise ValueError(f"There is no row {rows.max()} of {len(X)}.")
        changed = np.zeros((1, len(rows)))
        if not self.groups:
            return changed[0]
        if len(rows) == 1:
            return self._one_change(X[rows[0]], columns, values)
        changes, compiled = self._changes(columns, values), self._compiled(len(rows))
        for start in range(0, len(rows) if changes.groups else 0, _CHUNK):
            some = slice(start, start + _CHUNK)
            changes._fill(changed[:, some], X, rows[some], compiled)
        return changed[0]

    def _changes(self, columns: IntArray, values: FloatArray) -> TreeTables:
        """Return what the margins change by, tabulated: a group that asks for none has no part.

        A batch asks for the same values part after part, so the last ones are kept.
        """
        key = columns.tobytes(), values.tobytes()
        if (found := self._kept.get(key)) is None:
            given, fixed = self._given(columns, values)
            groups = []
            for g in np.flatnonzero(given).tolist():
                margins, before = self._margins[g], np.arange(len(self._margins[g]))
                differ = margins[(before & ~given[g]) | fixed[g]] - margins
                groups.append(replace(self.groups[g], sources=_ONE, tables=differ[None]))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = TreeTables(0.0, self.columns, tuple(groups))
        return found

    @cached_property
    def _kept(self) -> dict[tuple[bytes, bytes], TreeTables]:
        return {}

    def _given(self, columns: IntArray, values: FloatArray) -> tuple[IntArray, IntArray]:
        """Return which conditions of each group these columns decide, and which hold, in bits."""
        flat, known, held = self._flat, np.zeros(self.columns, bool), np.zeros(self.columns)
        known[columns], held[columns] = True, values
        holds = known[flat.feature] & flat.holds(held[flat.feature])
        given, fixed = flat.patterns(np.stack([known[flat.feature], holds]))
        return given, fixed

    def _one_change(self, x: FloatArray, columns: IntArray, values: FloatArray) -> FloatArray:
        """Return one row's change, shape (1,): the same additions, all at once."""
        flat = self._flat
        both = np.stack([x, x])
        both[1, columns] = values
        before, after = flat.patterns(flat.holds(both[:, flat.feature]))
        differ = flat.margins[flat.places + after] - flat.margins[flat.places + before]
        return np.cumsum(differ)[-1:]  # one after the other, as in a batch

    def _one(self, x: FloatArray) -> FloatArray:
        """Return one row's SHAP values, shape (columns, 1): the same additions, all at once."""
        flat = self._flat
        pattern = flat.patterns(flat.holds(x[flat.feature]))
        parts = np.zeros((self.columns, 1))
        # In the order of the groups, so that the sums are the same to the last bit.
        np.add.at(parts[:, 0], flat.target, flat.values[flat.offset + pattern[flat.group]])
        return parts

    @cached_property
    def _margins(self) -> tuple[FloatArray, ...]:
        """Each group's margins by pattern."""
        return tuple(total(0.0, group.tables) for group in self.groups)

    @cached_property
    def _flat(self) -> _Flat:
        groups = self.groups
        sizes = np.array([len(group.feature) for group in groups], dtype=np.int64)
        patterns = np.array([group.tables.shape[1] for group in groups], dtype=np.int64)
        tables = np.array([len(group.sources) for group in groups], dtype=np.int64)
        lengths = np.concatenate([np.full(len(g.sources), g.tables.shape[1]) for g in groups])
        return _Flat(
            np.concatenate([group.feature for group in groups]),
            np.concatenate([group.threshold for group in groups]),
            np.concatenate([group.missing_left for group in groups]),
            np.concatenate([1 << np.arange(size, dtype=np.int64) for size in sizes]),
            np.cumsum(sizes) - sizes,
            np.concatenate([group.sources for group in groups]),
            np.repeat(np.arange(len(groups)), tables),
            np.cumsum(tables) - tables,
            np.cumsum(lengths) - lengths,
            np.concatenate([group.tables.ravel() for group in groups]),
            np.cumsum(patterns) - patterns,
            np.concatenate(self._margins),
        )


def _features(groups: Iterable[_Group]) -> set[int]:
    """Return the columns that groups ask for."""
    return {j for group in groups for j in group.feature.tolist()}


def tabulate(trees: Sequence[Tree], base: float, columns: int) -> TreeTables:
    """Tabulate the SHAP values of an ensemble whose margin is ``base`` + the sum of its trees.

    Raises
    ------
    IntegrityError
        Where a tree asks for a column that there is not: loops would read beyond the rows.
    """
    asked = np.concatenate([tree.feature for tree in trees]) if trees else np.zeros(1)
    if asked.min() < 0 or asked.max() >= columns:
        raise IntegrityError(
            f"The model asks for column {asked.max()} of {columns}; train it again."
        )
    groups: list[_Group] = []
    for tree in trees:
        for leaves in _leaf_groups(tree):
            base += sum(_expected(tree, leaf, path) for leaf, path in leaves)
            if any(path for _, path in leaves):
                groups.append(_tabulate_group(tree, leaves))
    return TreeTables(base, columns, tuple(groups))


Leaves = list[tuple[int, list[_Step]]]


def _leaf_groups(tree: Tree) -> Iterator[Leaves]:
    """Yield the tree's leaves in groups below one node, at most three levels deep each."""

    def depth(node: int) -> int:
        if tree.left[node] < 0:
            return 0
        return 1 + max(depth(int(tree.left[node])), depth(int(tree.right[node])))

    def leaves(node: int, path: list[_Step]) -> Iterator[tuple[int, list[_Step]]]:
        if tree.left[node] < 0:
            yield node, path
            return
        yield from leaves(int(tree.left[node]), [*path, _Step(node, True)])
        yield from leaves(int(tree.right[node]), [*path, _Step(node, False)])

    def groups(node: int, path: list[_Step]) -> Iterator[Leaves]:
        if depth(node) <= _GROUP_DEPTH:
            yield list(leaves(node, path))
            return
        yield from groups(int(tree.left[node]), [*path, _Step(node, True)])
        yield from groups(int(tree.right[node]), [*path, _Step(node, False)])

    yield from groups(0, [])


def _share(tree: Tree, step: _Step) -> float:
    """Return the share of a node's cover that goes the step's way."""
    child = tree.left[step.node] if step.goes_left else tree.right[step.node]
    return float(tree.cover[child] / tree.cover[step.node])


def _expected(tree: Tree, leaf: int, path: list[_Step]) -> float:
    share = 1.0
    for step in path:
        share *= _share(tree, step)
    return float(tree.value[leaf]) * share


def _tabulate_group(tree: Tree, leaves: Leaves) -> _Group:
    nodes = sorted({step.node for _, path in leaves for step in path})
    position = {node: i for i, node in enumerate(nodes)}
    sources = sorted({int(tree.feature[node]) for node in nodes})
    row = {source: i for i, source in enumerate(sources)}
    patterns = np.arange(1 << len(nodes))
    holds = [(patterns >> i & 1).astype(bool) for i in range(len(nodes))]
    tables = np.zeros((len(sources), len(patterns)))
    for leaf, path in leaves:
        present: dict[int, FloatArray] = {}
        absent: dict[int, float] = {}
        for step in path:
            source = int(tree.feature[step.node])
            met = holds[position[step.node]] == step.goes_left
            present[source] = present.get(source, np.ones(len(patterns))) * met
            absent[source] = absent.get(source, 1.0) * _share(tree, step)
        for source in present:
            others = [other for other in present if other != source]
            weight = _coalitions(others, present, absent)
            gain = present[source] - absent[source]
            tables[row[source]] += float(tree.value[leaf]) * weight * gain
    return _Group(
        tree.feature[nodes],
        tree.threshold[nodes],
        tree.missing_left[nodes],
        np.array(sources),
        tables,
    )


def _coalitions(
    others: list[int], present: dict[int, FloatArray], absent: dict[int, float]
) -> FloatArray:
    """Return the Shapley-weighted sum over coalitions of the other features, per pattern."""
    n = len(others) + 1
    result = np.zeros_like(next(iter(present.values())))
    for size in range(n):
        weight = factorial(size) * factorial(n - size - 1) / factorial(n)
        for chosen in combinations(others, size):
            term = np.full_like(result, weight)
            for other in others:
                term *= present[other] if other in chosen else absent[other]
            result += term
    return result
