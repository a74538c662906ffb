"""Policy: what cut-offs do to customers with known labels, and their versions on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.decisions.contributions import scale_of
from credit_core.decisions.effect import effect
from credit_core.decisions.policy import Policy
from credit_core.labels.samples import HOLDOUT, OUT_OF_TIME
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.metrics import share_interval
from credit_core.oversight.policies import policy_versions, set_policy
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import Settings

__all__ = ["Judged", "judged_scores", "policy_history", "set_policy"]


@dataclass(frozen=True)
class Judged:
    """Customers the model had not seen: their points and label (1 = bad), shape (n,).

    ``segments`` has a text column for each way of dividing them, row for row.
    """

    sample: str
    points: NDArray[np.float64]
    label: NDArray[np.int64]
    segments: pd.DataFrame

    def by_segment(self, by: str, approve_from: float, decline_below: float) -> pd.DataFrame:
        """Return what cut-offs do to each segment; columns of `Effect` beside ``segment``.

        ``approved``, ``referred`` and ``declined`` are shares here; ``bad_rate``, ``low`` and
        ``high`` are of the approved, missing where nobody is.
        """
        rows = []
        for name in sorted(self.segments[by].unique()):
            inside = (self.segments[by] == name).to_numpy()
            found = effect(self.points[inside], self.label[inside], approve_from, decline_below)
            rows.append(
                {
                    "segment": name,
                    "n": found.n,
                    **{
                        decision: getattr(found, decision) / found.n
                        for decision in ("approved", "referred", "declined")
                    },
                    "bads_approved": found.bads_approved,
                    "bad_rate": found.bad_rate if found.approved else None,
                    "low": found.low if found.approved else None,
                    "high": found.high if found.approved else None,
                }
            )
        return pd.DataFrame(rows)

    def bands(self, policy: Policy) -> list[dict[str, Any]]:
        """Return each band's range, and its observed shares in development and here."""
        here = policy.band_of(self.points)
        rows = []
        for band in reversed(policy.bands):
            inside = here == band.name
            n, bads = int(inside.sum()), int(self.label[inside].sum())
            low, high = share_interval(np.array([bads]), np.array([n])) if n else ([None], [None])
            rows.append(
                {
                    "band": band.name,
                    "from": band.low,
                    "below": band.high,
                    "development_n": band.n,
                    "development_rate": band.bad_rate,
                    "n": n,
                    "bad_rate": bads / n if n else None,
                    "low": low[0],
                    "high": high[0],
                }
            )
        return rows


def judged_scores(version: ModelVersion, bundle: Bundle) -> Judged:
    """Return the hold-out's scores; where there is none those out of time, else cross-validated."""
    frame = pd.read_parquet(version.path / "evaluation.parquet")
    present = set(frame["sample"])
    sample = next((name for name in (HOLDOUT, OUT_OF_TIME) if name in present), None)
    rows = frame if sample is None else frame[frame["sample"] == sample]
    risk = np.clip(rows["risk"].to_numpy(dtype=np.float64), 1e-12, 1 - 1e-12)
    scale = scale_of(bundle)
    return Judged(
        sample or "cross_validation",
        scale.points(np.log(risk / (1 - risk))),
        rows["label"].to_numpy(dtype=np.int64),
        pd.DataFrame(
            {
                name.removeprefix("segment "): rows[name].astype("str").to_numpy()
                for name in rows.columns
                if name.startswith("segment ")
            }
        ),
    )


def policy_history(
    settings: Settings, version: ModelVersion, bundle: Bundle
) -> list[dict[str, Any]]:
    """Return a model's policies, the one in force first, as rows of a table."""
    return [
        {
            "number": one.number,
            "approve_from": one.policy.approve_from,
            "decline_below": one.policy.decline_below,
            "thin_file_transactions": one.policy.thin_file_transactions,
            "four_eyes": one.policy.four_eyes,
            "at": one.at,
            "actor": one.actor,
            "reason": one.reason,
            "event": one.event,
        }
        for one in policy_versions(settings, version, bundle)
    ]
