"""Score one customer from their transactions themselves, fast enough to answer while asked.

The expressions, the model and the arithmetic are those of a whole file, so the answer is the same
to the last bit; only the engine and the frames around them are spared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from credit_core.data.contract import BY_NAME
from credit_core.data.ledger import ledger_of, midnight_after
from credit_core.decisions.contributions import score_matrix
from credit_core.decisions.reasons import reasons_of_one
from credit_core.decisions.scoring import cautions, needed_columns, score_snapshots
from credit_core.errors import InputError
from credit_core.features.single import SingleFeatures
from credit_core.modelling.bundle import Bundle
from credit_core.oversight.registry import ModelVersion
from credit_core.settings import Settings
from credit_core.workflows.scoring import Explanation, explained


@dataclass(frozen=True)
class Applicant:
    """One customer as given: transactions as canonical columns of lists, their times in UTC.

    ``as_of`` None means the midnight after the last transaction; ``begins`` is the first day that
    the data cover, None the day of the first transaction.
    """

    customer_id: str
    transactions: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    attributes: Mapping[str, float | str | None] = field(default_factory=dict)
    as_of: datetime | None = None
    begins: datetime | None = None

    @property
    def times(self) -> Sequence[datetime]:
        """When each transaction happened, UTC."""
        return self.transactions.get("timestamp", ())


class FieldError(InputError):
    """A named field of a request cannot be used; ``str(error)`` is the sentence."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.field, self.problem = name, message


@contextmanager
def of_customer(place: int) -> Iterator[None]:
    """Say in a FieldError which of several customers it is about."""
    try:
        yield
    except FieldError as error:
        raise FieldError(f"customers.{place}.{error.field}", error.problem) from error


class SingleScorer:
    """A model ready to score one customer at a time; for any number of threads."""

    def __init__(self, bundle: Bundle, version: ModelVersion) -> None:
        self.bundle, self.version = bundle, version
        self._features = SingleFeatures(bundle.catalogue) if bundle.reads_transactions else None

    def explain(self, given: Applicant) -> Explanation:
        """Score a customer and say why.

        Raises
        ------
        FieldError
            Where something the model reads was not given, or given as another kind.
        """
        check(self.bundle, given)
        moment = moment_of(given)
        values: dict[str, Any] = {}
        at = np.array([moment], dtype="datetime64[us]")
        if self._features is not None and moment is not None:
            values.update(self._features.values(given.transactions, moment))
        for attribute in self.bundle.attributes:
            value = given.attributes[attribute.name]
            missing = np.nan if attribute.kind == "number" else None
            values[attribute.name] = missing if value is None else value
        X = self.bundle.design.row(values)
        scored = score_matrix(self.bundle, X)
        return explained(
            self.bundle,
            self.version,
            customer_id=given.customer_id,
            as_of=moment,
            values=values,
            scored=scored,
            row=0,
            reasons=reasons_of_one(self.bundle, scored, X, values),
            warnings=cautions(self.bundle, begin_of(given), at),
        )


def explain_many(
    settings: Settings, bundle: Bundle, version: ModelVersion, given: Sequence[Applicant]
) -> list[Explanation]:
    """Score several customers in one go; each answer is what ``SingleScorer`` gives.

    Raises
    ------
    FieldError
        As for one; the field begins with ``customers.N``.
    """
    for i, one in enumerate(given):
        with of_customer(i):
            check(bundle, one)
    moments = [moment_of(one) for one in given]
    snapshots = pd.DataFrame(
        {
            "customer_id": [one.customer_id for one in given],
            "as_of": pd.Series(moments, dtype="datetime64[us]"),
        }
    )
    names = [attribute.name for attribute in bundle.attributes]
    told = {name: [one.attributes.get(name) for one in given] for name in names}
    columns = ["timestamp", "amount", *sorted(needed_columns(bundle))]
    moved = pd.DataFrame(
        {
            name: [value for one in given for value in one.transactions.get(name, ())]
            for name in columns
        }
    )
    whose = [one.customer_id for one in given for _ in one.times]
    moved.insert(0, "customer_id", whose)
    moved["timestamp"] = moved["timestamp"].astype("datetime64[us]")
    if not whose:  # a ledger cannot be empty; a movement at the end of time counts for nobody
        moved = pd.DataFrame({name: [None] for name in moved.columns})
        moved["timestamp"] = pd.Timestamp("2200-01-01")
    applications = pd.concat([snapshots, pd.DataFrame(told, index=snapshots.index)], axis=1)
    with ledger_of(moved, settings) if bundle.reads_transactions else nullcontext() as ledger:
        scored = score_snapshots(bundle, ledger, snapshots, applications)
    return [
        explained(
            bundle,
            version,
            customer_id=one.customer_id,
            as_of=moments[i],
            values=dict(scored.table.iloc[i]),
            scored=scored.scored,
            row=i,
            reasons=scored.reasons_of(i),
            warnings=cautions(bundle, begin_of(one), snapshots["as_of"].to_numpy()[[i]]),
        )
        for i, one in enumerate(given)
    ]


def moment_of(given: Applicant) -> datetime | None:
    """Return the moment to score at; None without transactions or a date."""
    if given.as_of is not None or not given.times:
        return given.as_of
    return midnight_after(max(given.times))


def begin_of(given: Applicant) -> datetime | None:
    """Return the first day that a customer's data cover."""
    if given.begins is not None or not given.times:
        return given.begins
    first = min(given.times)
    return datetime(first.year, first.month, first.day)


def counted(given: Applicant, bundle: Bundle) -> int:
    """Return how many of the transactions lie in the observation window."""
    moment = moment_of(given)
    if moment is None:
        return 0
    start = moment - timedelta(days=bundle.observation_days)
    return sum(start <= time < moment for time in given.times)


def check(bundle: Bundle, given: Applicant) -> None:
    """Raise a FieldError where a request lacks what the model reads."""
    if bundle.reads_transactions:
        if not given.times and given.as_of is None:
            raise FieldError("as_of", "say the date to score at, for there is no transaction.")
        if given.begins is not None and given.begins > (moment := moment_of(given) or given.begins):
            raise FieldError("history_from", f"it lies after the date scored at, {moment}.")
        for name in sorted(needed_columns(bundle) if given.times else ()):
            if all(value is None for value in given.transactions[name]):
                raise FieldError(
                    f"transactions.0.{name}",
                    f"the model reads this column ({BY_NAME[name].meaning}), and no transaction "
                    "has it.",
                )
    known = {attribute.name: attribute for attribute in bundle.attributes}
    for name in given.attributes:
        if name not in known:
            raise FieldError(f"attributes.{name[:60]}", "the model reads no such attribute.")
    for name, attribute in known.items():
        if name not in given.attributes:
            raise FieldError(f"attributes.{name}", "the model reads it; give it, or null.")
        value = given.attributes[name]
        if value is not None and isinstance(value, str) == (attribute.kind == "number"):
            wanted = "a number" if attribute.kind == "number" else "a text"
            raise FieldError(f"attributes.{name}", f"this must be {wanted} or null.")
