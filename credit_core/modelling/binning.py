"""Bins of one characteristic and their weight of evidence (WoE).

WoE = ln(share of goods / share of bads), higher = safer; IV = sum over bins of (share of goods -
share of bads) x WoE (Siddiqi 2006, chapter 6). Bins of a number are monotone: pooled adjacent
violators in the direction that keeps more information.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from credit_core.config import ScorecardConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_FINE = 40
"""Bins of equal size that a number is cut into before they are pooled."""
_FINE_ROWS = 50_000
_FEWEST = 5
"""Goods, and bads, a bin needs for a WoE of its own."""


@dataclass(frozen=True)
class Bins:
    """Bins of a number, or of a category's levels, and what was seen in them.

    ``edges`` (for a number) rise; bin i holds ``edges[i - 1] <= x < edges[i]``. ``levels`` (for a
    category) give the bin of each level. ``goods`` and ``bads`` have one entry a bin, the last of
    them for what is missing, or is a level too rare for a bin of its own.
    """

    edges: FloatArray
    levels: IntArray | None
    goods: IntArray
    bads: IntArray

    def codes(self, x: FloatArray) -> IntArray:
        """Return the bin of each value, shape kept; levels come as their position, NaN = none."""
        last = len(self.goods) - 1
        missing = np.isnan(x)
        if self.levels is not None:
            return np.where(missing, last, self.levels[np.where(missing, 0, x).astype(np.int64)])
        return np.where(missing, last, np.searchsorted(self.edges, x, side="right"))

    @property
    def woe(self) -> FloatArray:
        return weight_of_evidence(self.goods, self.bads)

    @property
    def iv(self) -> float:
        return information_value(self.goods, self.bads)


def weight_of_evidence(goods: IntArray, bads: IntArray) -> FloatArray:
    """Return the WoE of each bin; 0 (neutral) where too few were seen to tell.

    Examples
    --------
    >>> weight_of_evidence(np.array([80, 20]), np.array([10, 10])).round(4).tolist()
    [0.47, -0.9163]
    """
    enough = (goods >= _FEWEST) & (bads >= _FEWEST)
    with np.errstate(divide="ignore", invalid="ignore"):
        woe = np.log((goods / goods.sum()) / (bads / bads.sum()))
    return np.where(enough, woe, 0.0)


def information_value(goods: IntArray, bads: IntArray) -> float:
    """Return the IV of bins; below 0.02 = says nothing, above 0.5 = look for a leak."""
    shares = goods / goods.sum() - bads / bads.sum()
    return float(np.sum(shares * weight_of_evidence(goods, bads)))


def bin_number(x: FloatArray, label: IntArray, config: ScorecardConfig) -> Bins:
    """Cut a number, shape (n,), into monotone bins; missing values get the last one."""
    known = ~np.isnan(x)
    values, bad = x[known], label[known]
    missing = _counts(np.zeros(int((~known).sum()), dtype=np.int64), label[~known], 1)
    if len(values) == 0:
        return Bins(np.empty(0), None, *np.hstack([np.zeros((2, 1), dtype=np.int64), missing]))
    # Fine edges know no label, so a regular part of the values is enough.
    step = max(1, len(values) // _FINE_ROWS)
    quantiles = np.quantile(values[::step], np.linspace(0, 1, _FINE + 1)[1:-1])
    edges = np.unique(quantiles)
    edges = edges[edges > values.min()]
    fine = _counts(np.searchsorted(edges, values, side="right"), bad, len(edges) + 1)
    least = max(_FEWEST, config.min_bin_share * len(x))
    rising, falling = (_pooled(fine, sign, least, config.max_bins) for sign in (1, -1))
    starts = max(rising, falling, key=lambda starts: _value(fine, starts))
    merged = np.add.reduceat(fine, starts, axis=1)
    return Bins(
        edges[np.array(starts[1:], dtype=np.int64) - 1], None, *np.hstack([merged, missing])
    )


def bin_category(x: FloatArray, levels: int, label: IntArray, config: ScorecardConfig) -> Bins:
    """Give each level of a category, by position, its bin; rare and unknown ones share the last."""
    position = np.where(np.isnan(x), levels, x).astype(np.int64)
    counted = _counts(position, label, levels + 1)
    least = max(_FEWEST, config.min_bin_share * len(x))
    own = (counted.sum(axis=0) >= least) & (counted.min(axis=0) >= _FEWEST)
    own[levels] = False
    bin_of = np.where(own, np.cumsum(own) - 1, own.sum())
    merged = np.zeros((2, int(own.sum()) + 1), dtype=np.int64)
    for row, counts in zip(merged, counted, strict=True):
        np.add.at(row, bin_of, counts)
    return Bins(np.empty(0), bin_of[:levels], *merged)


def _counts(codes: IntArray, label: IntArray, bins: int) -> IntArray:
    """Return goods and bads of each bin, shape (2, bins)."""
    everyone = np.bincount(codes, minlength=bins)
    bads = np.bincount(codes[label == 1], minlength=bins)
    return np.array([everyone - bads, bads], dtype=np.int64)


def _value(fine: IntArray, starts: list[int]) -> float:
    return information_value(*np.add.reduceat(fine, starts, axis=1))


def _pooled(fine: IntArray, sign: int, least: float, most: int) -> list[int]:
    """Return where pooled bins start, their bad rates rising (sign 1) or falling (-1).

    Neighbours against the direction, and bins too small, are joined; then, while there are more
    than ``most``, the two neighbours with the most similar bad rates.
    """
    blocks: list[list[int]] = []  # start, goods, bads
    for i, (goods, bads) in enumerate(fine.T.tolist()):
        blocks.append([i, goods, bads])
        while len(blocks) > 1 and sign * (_rate(blocks[-1]) - _rate(blocks[-2])) <= 0:
            _join(blocks, len(blocks) - 2)
    while len(blocks) > 1:
        small = [i for i, block in enumerate(blocks) if _too_small(block, least)]
        if not small and len(blocks) <= most:
            break
        # A join of neighbours keeps the order of the bad rates.
        candidates = {j for i in small for j in (i - 1, i) if 0 <= j < len(blocks) - 1}
        pairs = sorted(candidates) if small else range(len(blocks) - 1)
        _join(blocks, min(pairs, key=lambda j: abs(_rate(blocks[j + 1]) - _rate(blocks[j]))))
    return [block[0] for block in blocks]


def _rate(block: list[int]) -> float:
    return block[2] / max(block[1] + block[2], 1)


def _too_small(block: list[int], least: float) -> bool:
    return block[1] + block[2] < least or min(block[1], block[2]) < _FEWEST


def _join(blocks: list[list[int]], i: int) -> None:
    after = blocks.pop(i + 1)
    blocks[i][1] += after[1]
    blocks[i][2] += after[2]
