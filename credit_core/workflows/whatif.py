"""What if: a customer's transactions or attributes edited, and the score that would follow."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from credit_core.data.ledger import ledger_of, open_ledger
from credit_core.data.store import Dataset
from credit_core.decisions import scenarios
from credit_core.decisions.peers import outside
from credit_core.decisions.policy import APPROVE
from credit_core.decisions.scoring import ScoredSnapshots, score_snapshots
from credit_core.errors import InputError
from credit_core.settings import Settings
from credit_core.workflows.scoring import Explanation, explanation

MOST_CHANGES = 3
MOST_PATHS = 3
LEAST_POINTS = 0.05


@dataclass(frozen=True)
class Change:
    """One factor before and after: its value in words and its points."""

    source: str
    description: str
    value_before: str
    value_after: str
    points_before: float
    points_after: float

    @property
    def points(self) -> float:
        return self.points_after - self.points_before


@dataclass(frozen=True)
class WhatIf:
    """A score as it is and as it would be; ``changes`` add up to the difference, largest first.

    ``outside`` names the factors whose new value no development customer had; ``as_before`` is the
    score after as many months without any change of conduct, None where no months pass.
    """

    before: Explanation
    after: Explanation
    changes: tuple[Change, ...]
    outside: tuple[str, ...]
    as_before: float | None = None


@dataclass(frozen=True)
class Path:
    """Changes of conduct that lead to approval, verified by rescoring."""

    sentences: tuple[str, ...]
    chosen: dict[str, float]
    months: int
    score: float


def transactions_of(dataset: Dataset, settings: Settings, customer_id: str) -> pd.DataFrame:
    """Return a customer's canonical transactions, oldest first; money as float64."""
    with open_ledger(dataset, settings) as ledger:
        frame = ledger.frame(
            f"SELECT * FROM {ledger.relation} WHERE customer_id = $customer ORDER BY timestamp",
            {"customer": customer_id},
        )
    return frame.assign(
        **{name: frame[name].astype("float64") for name in ("amount", "balance") if name in frame}
    )


def rescore(
    found: Explanation,
    settings: Settings,
    transactions: pd.DataFrame | None,
    *,
    as_of: datetime | None = None,
    attributes: dict[str, Any] | None = None,
) -> WhatIf:
    """Score a customer's edited transactions and attributes with the model that scored them.

    Parameters
    ----------
    transactions : DataFrame or None
        The customer's canonical transactions as they would be; None where the model reads none.
    as_of : datetime, optional
        When the score would be taken; the date of the score as it is, unless given.
    attributes : {name: value}, optional
        The application's attributes as they would be, where the model reads any.
    """
    moment = as_of or found.as_of
    when = pd.NaT if moment is None else pd.Timestamp(moment)
    frame = pd.DataFrame({"customer_id": [found.customer_id], "as_of": [when]})
    scored = _scored(found, settings, transactions, frame, attributes)
    after = explanation(scored, 0, found.version)
    beyond = outside(found.bundle, dict(scored.table.iloc[0]))
    return WhatIf(found, after, _changes(found, after), beyond)


def imagine(
    found: Explanation,
    settings: Settings,
    history: pd.DataFrame,
    chosen: dict[str, float],
    months: int = scenarios.HORIZON_MONTHS,
    attributes: dict[str, Any] | None = None,
) -> WhatIf:
    """Score the customer as they would stand after some months of the chosen scenarios."""
    lives = [{}, chosen] if chosen else [{}]
    scored = _lived(found, settings, history, lives, months, attributes)
    last = len(lives) - 1
    after = replace(explanation(scored, last, found.version), customer_id=found.customer_id)
    beyond = outside(found.bundle, dict(scored.table.iloc[last]))
    alone = float(scored.scored.points[0])
    return WhatIf(found, after, _changes(found, after), beyond, alone)


def _lived(
    found: Explanation,
    settings: Settings,
    history: pd.DataFrame,
    lives: list[dict[str, float]],
    months: int,
    attributes: dict[str, Any] | None,
) -> ScoredSnapshots:
    """Score the customer after some months of each of these lives, in one go."""
    begin = _dated(found)
    names = [f"{i}" for i in range(len(lives))]
    lived = pd.concat(
        [
            scenarios.imagine(history, begin, months, chosen).assign(customer_id=name)
            for name, chosen in zip(names, lives, strict=True)
        ],
        ignore_index=True,
    )
    end = pd.Timestamp(begin + months * scenarios.MONTH)
    frame = pd.DataFrame({"customer_id": names, "as_of": end})
    return _scored(found, settings, lived, frame, attributes)


def paths_to_approval(
    found: Explanation,
    settings: Settings,
    history: pd.DataFrame,
    months: int = scenarios.HORIZON_MONTHS,
    attributes: dict[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Return the fewest changes of conduct that lead to approval; none = no honest path.

    Every combination of up to three scenarios is lived through on the customer's own transactions
    and rescored; one counts only if policy then approves and no factor that it moved leaves the
    range seen in development.
    """
    tried = list(scenarios.combinations(scenarios.possible(history), MOST_CHANGES))
    scored = _lived(found, settings, history, tried, months, attributes)
    rows: list[dict[str, Any]] = scored.table.to_dict("records")  # type: ignore[assignment]
    unusual = set(outside(found.bundle, rows[0]))  # by merely going on as before
    approved = [
        i
        for i in range(len(tried))
        if scored.decisions[i] == APPROVE and unusual.issuperset(outside(found.bundle, rows[i]))
    ]
    fewest = min((len(tried[i]) for i in approved), default=None)
    found_paths = [
        Path(
            tuple(scenarios.BY_NAME[name].said(at, months) for name, at in tried[i].items()),
            tried[i],
            months,
            float(scored.scored.points[i]),
        )
        for i in approved
        if len(tried[i]) == fewest
    ]
    return tuple(found_paths[:MOST_PATHS])


def attributes_of(found: Explanation, applications: pd.DataFrame | None) -> dict[str, Any]:
    """Return the attributes that the model reads, as the customer's application gave them."""
    if applications is None or not found.bundle.attributes:
        return {}
    own = applications[applications["customer_id"] == found.customer_id]
    same = own[own["as_of"] == found.as_of] if found.as_of is not None else own
    row = (own if same.empty else same).iloc[-1]
    return {attribute.name: row[attribute.name] for attribute in found.bundle.attributes}


def _dated(found: Explanation) -> datetime:
    if found.as_of is None:
        raise InputError("This score has no date, so nothing can be lived on from it.")
    return found.as_of


def _scored(
    found: Explanation,
    settings: Settings,
    transactions: pd.DataFrame | None,
    snapshots: pd.DataFrame,
    attributes: dict[str, Any] | None,
) -> ScoredSnapshots:
    applications = None
    if found.bundle.attributes:
        given = pd.DataFrame([attributes or {}] * len(snapshots))
        applications = pd.concat([snapshots, given], axis=1)
    with ExitStack() as stack:
        ledger = None
        if found.bundle.reads_transactions:
            if transactions is None or transactions.empty:
                raise InputError("There is no transaction left to score; keep at least one.")
            ledger = stack.enter_context(ledger_of(transactions, settings))
        scored = score_snapshots(found.bundle, ledger, snapshots, applications)
    # Of one customer's rows alone it cannot be told where the whole ledger begins.
    return replace(scored, begins=None)


def _changes(before: Explanation, after: Explanation) -> tuple[Change, ...]:
    then = {part.source: part for part in after.contributions}
    changes = [
        Change(
            part.source,
            part.description,
            part.value,
            then[part.source].value,
            part.points,
            then[part.source].points,
        )
        for part in before.contributions
    ]
    moved = [change for change in changes if change.value_before != change.value_after]
    moved += [
        change
        for change in changes
        if change.value_before == change.value_after and abs(change.points) >= LEAST_POINTS
    ]
    return tuple(sorted(moved, key=lambda change: -abs(change.points)))
