"""Policy: what cut-offs do to customers with known labels, and their versions on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ScaleConfig
from credit_core.decisions.policy import Policy
from credit_core.decisions.scale import Scale
from credit_core.labels.samples import HOLDOUT, OUT_OF_TIME
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.metrics import share_interval
from credit_core.oversight.policies import policy_versions, set_policy
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import Settings

__all__ = ["Judged", "judged_scores", "policy_history", "set_policy"]


@dataclass(frozen=True)
class Judged:
    """Customers the model had not seen: their points and label (1 = bad), shape (n,)."""

    sample: str
    points: NDArray[np.float64]
    label: NDArray[np.int64]

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
    scale = Scale.of(ScaleConfig(**bundle.facts["scale"]))
    return Judged(
        sample or "cross_validation",
        scale.points(np.log(risk / (1 - risk))),
        rows["label"].to_numpy(dtype=np.int64),
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
            "at": one.at,
            "actor": one.actor,
            "reason": one.reason,
            "event": one.event,
        }
        for one in policy_versions(settings, version, bundle)
    ]
