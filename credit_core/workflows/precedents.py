"""Past customers whose scores were made like this one, and how they turned out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.decisions.contributions import Scored
from credit_core.decisions.scoring import score_snapshots
from credit_core.labels.observed import dated, known_outcomes, load_applications
from credit_core.labels.proxy import proxy_labels
from credit_core.modelling.bundle import Bundle
from credit_core.modelling.metrics import share_interval
from credit_core.settings import Settings
from credit_core.workflows.scoring import Explanation, opened

MOST_PAST = 50_000
NEIGHBOURS = 50


@dataclass(frozen=True)
class Past:
    """Snapshots whose label is known: ``frame`` (customer_id, as_of, label) and their scores."""

    frame: pd.DataFrame
    scored: Scored


@dataclass(frozen=True)
class Similar:
    """The past snapshots nearest to one score, the nearest first.

    ``table`` has customer_id, as_of, score, distance (points) and label (1 = bad); ``low`` and
    ``high`` are the 95% Jeffreys interval of the share of bads, ``rate``; ``expected`` is the mean
    risk that the model gives these same people.
    """

    table: pd.DataFrame
    bads: int
    rate: float
    low: float
    high: float
    expected: float


def past_customers(dataset: Dataset, settings: Settings, bundle: Bundle) -> Past | None:
    """Return the dataset's snapshots whose label is known, scored; None where there are none.

    For a model of outcomes they are the applications with a recorded outcome; for a proxy the
    cohorts of its own label design, of each customer the latest. At most ``MOST_PAST``, evenly
    taken.
    """
    with opened(dataset, settings) as ledger:
        if bundle.question == "default":
            known = known_outcomes(dataset, ledger)
        elif ledger is None:
            known = None
        else:
            kind = bundle.facts["label"]["kind"]
            days = {
                name: bundle.facts["label"][name] for name in ("observation_days", "outcome_days")
            }
            config = ModelConfig.model_validate(bundle.facts["config"]).replacing(windows=days)
            known = proxy_labels(ledger, kind, config).frame.drop_duplicates(
                "customer_id", keep="last"
            )
        if known is None or known.empty:
            return None
        known = known.iloc[:: max(1, -(-len(known) // MOST_PAST))].reset_index(drop=True)
        applications = None
        if bundle.attributes:
            applications = dated(load_applications(dataset), ledger)
        scored = score_snapshots(bundle, ledger, known[["customer_id", "as_of"]], applications)
    return Past(known[["customer_id", "as_of", "label"]], scored.scored)


def similar(past: Past, found: Explanation) -> Similar | None:
    """Return the earlier customers nearest in contributions; None where there are too few.

    Nearness is the Euclidean distance between contributions, in points: alike are those whose
    scores are made of the same parts, whatever the raw values. The customer is left out, and so
    is who was scored on that day or later, or was still followed then for a proxy's label.
    """
    by_source = {part.source: part.points for part in found.contributions}
    own = np.array([by_source[source] for source in past.scored.sources])
    other = past.frame["customer_id"] != found.customer_id
    if found.as_of is not None:
        followed = timedelta(days=found.bundle.facts["label"]["outcome_days"] or 0)
        earlier = past.frame["as_of"] + followed
        other &= earlier <= found.as_of if followed else earlier < found.as_of
    others = np.flatnonzero(other.to_numpy())
    if len(others) < 2 * NEIGHBOURS:
        return None
    distance = _distance(past.scored.contributions[:, others], own)
    order = np.argsort(distance, kind="stable")[:NEIGHBOURS]
    rows = others[order]
    table = past.frame.iloc[rows].reset_index(drop=True)
    table = table.assign(score=past.scored.points[rows], distance=distance[order])
    bads = int(table["label"].sum())
    low, high = share_interval(np.array([bads]), np.array([NEIGHBOURS]))
    expected = float(past.scored.risk[rows].mean())
    return Similar(table, bads, bads / NEIGHBOURS, float(low[0]), float(high[0]), expected)


def _distance(contributions: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.zeros(contributions.shape[1])
    for part, mine in zip(contributions, own, strict=True):
        squares += (part - mine) ** 2
    return np.sqrt(squares)
