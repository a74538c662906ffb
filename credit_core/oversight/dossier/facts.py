"""What a dossier is made of, and which evidence was found while it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from credit_core.config import GovernanceConfig
from credit_core.modelling.bundle import Bundle
from credit_core.oversight.events import Event
from credit_core.oversight.policies import PolicyVersion
from credit_core.oversight.registry import ModelVersion


@dataclass(frozen=True)
class Curves:
    """Tables of one sample of the model's evaluation, as the screens show them.

    ``roc`` is that of every sample with goods and bads; ``bands`` and ``calibration`` are those
    of ``judged``, the sample nearest to use.
    """

    judged: str
    roc: Mapping[str, pd.DataFrame]
    bands: pd.DataFrame
    calibration: pd.DataFrame


@dataclass(frozen=True)
class Facts:
    """All that a dossier is made of.

    ``analysis`` is the bundle's analysis.json; ``events`` those about this model, the oldest
    first; ``dataset`` the summary of the data it was trained on, None where they are gone;
    ``fairness`` the latest fairness report.
    """

    version: ModelVersion
    bundle: Bundle
    analysis: Mapping[str, Any]
    curves: Curves
    policies: Sequence[PolicyVersion]
    events: Sequence[Event]
    governance: GovernanceConfig
    dataset: Mapping[str, Any] | None
    fairness: Mapping[str, Any] | None = None

    def of(self, *kinds: str) -> list[Event]:
        """Return the events of some kinds, the oldest first."""
        return [event for event in self.events if event.kind in kinds]


class Evidence:
    """Which evidence was found, and in which section; filled while sections are made."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def has(self, where: str, *names: str) -> None:
        """Note that a section holds evidence; the first section that does is kept."""
        for name in names:
            self.found.setdefault(name, where)


def interval_text(one: Mapping[str, Any], name: str, decimals: int = 3) -> str:
    """Return a measure with its interval: ``0.841 (0.799 to 0.884)``."""
    value, low, high = (one[key] for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"
