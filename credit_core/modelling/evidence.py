"""All checks of a design together, as every training runs them and every bundle keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
from credit_core.labels.samples import LabelledSnapshots
from credit_core.modelling.checks import run_checks
from credit_core.modelling.concordance import concordance
from credit_core.modelling.gauge import honesty_gauge
from credit_core.modelling.sensitivity import sensitivity
from credit_core.modelling.training import TrainingData

_FOLLOWED_DAYS = 90
"""Outcome window of the proxy that observed outcomes are compared with."""


def examine(
    ledger: Ledger | None,
    labels: LabelledSnapshots,
    data: TrainingData,
    config: ModelConfig,
    *,
    references: dict[str, Any],
    outcomes: pd.DataFrame | None,
    tell: Callable[[float, str], None],
) -> dict[str, Any]:
    """Return the checks of a design as JSON-ready facts.

    ``canary``, ``leaks``, ``circular`` and ``refusal`` as `run_checks` gives them; ``gauge`` as
    `honesty_gauge`, ``sensitivity`` as `sensitivity`, and ``concordance`` with ``outcomes``
    (customer_id, as_of, label) as `concordance`, None where there are none.
    """
    names = [column.name for column in data.design.columns]
    tell(0.0, "Checking the design: canary and leaks")
    checks = run_checks(ledger, labels, data.catalogue, names, data.X, config)
    tell(0.35, "Checking the design: honesty gauge")
    checks["gauge"] = honesty_gauge(ledger, labels, data.X, config, references)
    tell(0.55, "Checking the design: sensitivity")
    checks["sensitivity"] = sensitivity(ledger, labels, data, config)
    tell(0.95, "Comparing the proxy with recorded outcomes")
    checks["concordance"] = None
    if ledger is not None and outcomes is not None:
        days = labels.outcome_days or _FOLLOWED_DAYS
        checks["concordance"] = concordance(ledger, outcomes, labels.observation_days, days, config)
    return checks
