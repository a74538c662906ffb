"""Cut-offs and bands: from a score to approve, refer or decline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_core.config import PolicyConfig

FloatArray = NDArray[np.float64]
APPROVE, REFER, DECLINE = "approve", "refer", "decline"
BANDS = ("E", "D", "C", "B", "A")
"""From the riskiest fifth of the development sample to the safest."""
FOUR_EYES = ("none", "overrides", "all")


@dataclass(frozen=True)
class Band:
    """A range of scores, ``low`` included and ``high`` not, and what happened in it.

    The outermost bands are open: None stands for no limit. ``n`` and ``bads`` are those of the
    development sample, scored by models that had not seen them.
    """

    name: str
    low: float | None
    high: float | None
    n: int
    bads: int

    @property
    def span(self) -> str:
        """The scores of the band, in words."""
        if self.low is None:
            return "any score" if self.high is None else f"below {self.high:.0f} points"
        if self.high is None:
            return f"from {self.low:.0f} points"
        return f"{self.low:.0f} to {self.high:.0f} points"

    @property
    def bad_rate(self) -> float | None:
        return self.bads / self.n if self.n else None


@dataclass(frozen=True)
class Policy:
    """Scores from ``approve_from`` are approved, below ``decline_below`` declined, others referred.

    An applicant with fewer than ``thin_file_transactions`` transactions is referred whatever the
    score, where the model reads transactions at all. ``four_eyes`` says which decisions a second
    person has to confirm: none, overrides or all.
    """

    approve_from: float
    decline_below: float
    thin_file_transactions: int
    bands: tuple[Band, ...]
    four_eyes: str = "none"

    def needs_second(self, overrides: bool) -> bool:
        """Return True where a second person has to confirm such a decision."""
        return self.four_eyes == "all" or (self.four_eyes == "overrides" and overrides)

    def band_of(self, points: FloatArray) -> NDArray[np.str_]:
        edges = np.array([band.high for band in self.bands if band.high is not None])
        names = np.array([band.name for band in self.bands])
        return names[np.searchsorted(edges, points, side="right")]

    def decide(self, points: FloatArray, transactions: FloatArray | None) -> NDArray[np.str_]:
        """Return the decision on each score; ``transactions`` None = the model reads none."""
        decision = np.where(
            points >= self.approve_from,
            APPROVE,
            np.where(points < self.decline_below, DECLINE, REFER),
        )
        if transactions is not None:
            decision = np.where(transactions < self.thin_file_transactions, REFER, decision)
        return decision

    def too_few(self, counted: float, observed_days: int) -> str:
        """Return why a thin file is referred, in a sentence without its full stop."""
        return (
            f"Too few transactions to decide by: {counted:.0f} in {observed_days} days, at least "
            f"{self.thin_file_transactions} are needed"
        )

    def facts(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_facts(facts: dict[str, Any]) -> Policy:
        bands = tuple(Band(**band) for band in facts["bands"])
        return Policy(**{**facts, "bands": bands})


def build_policy(points: FloatArray, label: NDArray[np.int64], config: PolicyConfig) -> Policy:
    """Set cut-offs and bands on the development sample's scores, shape (n,)."""
    if config.approve_from is not None and config.decline_below is not None:
        approve, decline = config.approve_from, config.decline_below
    else:
        decline, approve = np.quantile(
            points, [config.decline_share, config.decline_share + config.refer_share]
        )
    edges = np.unique(np.quantile(points, [0.2, 0.4, 0.6, 0.8]))
    names = BANDS[: len(edges) + 1] if len(edges) < 4 else BANDS
    position = np.searchsorted(edges, points, side="right")
    limits = [None, *[float(edge) for edge in edges], None]
    bands = tuple(
        Band(
            name,
            limits[i],
            limits[i + 1],
            int((position == i).sum()),
            int(label[position == i].sum()),
        )
        for i, name in enumerate(names)
    )
    return Policy(
        float(approve), float(decline), config.thin_file_transactions, bands, config.four_eyes
    )
