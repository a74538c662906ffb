"""Labelled snapshots: who is predicted, from when, what came of it, and in which sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

DEVELOPMENT, HOLDOUT, OUT_OF_TIME = "development", "holdout", "out_of_time"

DEFINITIONS = {
    "disengaged": (
        "1 = falls, in the outcome window, into the least engaged of the RFM clusters fitted on "
        "the development cohorts. A proxy: it is not a default."
    ),
    "inactive": ("1 = makes no transaction in the outcome window. A proxy: it is not a default."),
    "observed": "1 = bad, as recorded in the applications file.",
    "same_window": (
        "1 = falls into the least engaged RFM cluster of the observation window, the one the "
        "features come from. Circular: shown for comparison, never promoted."
    ),
}
QUESTIONS = {
    "disengaged": "disengagement",
    "inactive": "disengagement",
    "same_window": "disengagement",
    "observed": "default",
}


@dataclass(frozen=True)
class LabelledSnapshots:
    """Snapshots with their label and sample.

    ``frame`` has one row a snapshot: ``customer_id``, ``as_of``, ``label`` (0 or 1) and
    ``sample`` (development, holdout or out_of_time), ordered by as_of and customer.
    ``rule`` holds what is needed to apply the label again; ``report`` what a reader should know.
    """

    kind: str
    frame: pd.DataFrame
    observation_days: int
    outcome_days: int | None
    windows: dict[str, Any]
    rule: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def question(self) -> str:
        return QUESTIONS[self.kind]

    @property
    def definition(self) -> str:
        return DEFINITIONS[self.kind]

    @property
    def is_proxy(self) -> bool:
        return self.kind != "observed"

    def facts(self) -> dict[str, Any]:
        """Return the label as JSON-ready facts, with counts by sample."""
        counts = self.frame.groupby("sample", sort=True)["label"].agg(["size", "sum"])
        return {
            "kind": self.kind,
            "question": self.question,
            "definition": self.definition,
            "snapshots": len(self.frame),
            "bads": int(self.frame["label"].sum()),
            "bad_rate": float(self.frame["label"].mean()),
            "samples": {
                str(name): {"snapshots": int(row["size"]), "bads": int(row["sum"])}
                for name, row in counts.iterrows()
            },
            "observation_days": self.observation_days,
            "outcome_days": self.outcome_days,
            "windows": self.windows,
            "rule": self.rule,
            "report": self.report,
        }


def hold_out_customers(customers: pd.Series, share: float, seed: int) -> pd.Series:
    """Return True for the customers kept out of all fitting, the same for every snapshot of one.

    The choice depends on the set of customers and the seed only, never on row order.
    """
    distinct = np.sort(customers.unique().astype("str"))
    held = max(1, round(len(distinct) * share))
    chosen = np.random.default_rng(seed).permutation(len(distinct))[:held]
    return customers.isin(set(distinct[chosen]))
