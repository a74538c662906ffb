"""From snapshots to scores, decisions and reasons; the same way for one customer or many."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_core.ahead import one_ahead
from credit_core.data.contract import BY_NAME
from credit_core.data.ledger import Ledger
from credit_core.decisions.contributions import Scored, score_matrix
from credit_core.decisions.peers import strange_attributes, strange_categories
from credit_core.decisions.policy import APPROVE, Policy
from credit_core.decisions.reasons import MOST_REASONS, Reason, reason_sentences, top_reasons
from credit_core.errors import InputError
from credit_core.features.build import features_in_parts
from credit_core.labels.wording import CIRCULAR
from credit_core.modelling.bundle import Bundle

_MANY = 50
"""Customers in whose data every category that is counted should occur."""
_ENOUGH_HISTORY = 2 / 3
"""Share of the observation window that data must span to be scored without a warning."""
SCORE_COLUMNS = (
    "customer_id",
    "as_of",
    "score",
    "risk",
    "band",
    "decision",
    "reason_1",
    "reason_2",
    "reason_3",
    "reason_4",
    "model",
    "model_version",
)


@dataclass(frozen=True)
class ScoredSnapshots:
    """Snapshots scored by one model, row for row.

    ``snapshots`` has customer_id and as_of; ``table`` the features and attributes; ``begins`` is
    the ledger's first day, None where there is no ledger. ``X`` is the design matrix where it was
    kept: reasons need it again.
    """

    bundle: Bundle
    snapshots: pd.DataFrame
    table: pd.DataFrame
    scored: Scored
    begins: datetime | None
    X: NDArray[np.float64] | None = None

    @cached_property
    def policy(self) -> Policy:
        return Policy.from_facts(self.bundle.facts["policy"])

    @cached_property
    def bands(self) -> list[str]:
        return self.policy.band_of(self.scored.points).tolist()

    @cached_property
    def decisions(self) -> list[str]:
        return self.decisions_by(self.policy).tolist()

    def decisions_by(self, policy: Policy) -> NDArray[np.str_]:
        """Return what a policy, in force or not, decides on each snapshot."""
        counted = (
            self.table["transactions"].to_numpy() if "transactions" in self.table.columns else None
        )
        return policy.decide(self.scored.points, counted)

    @cached_property
    def reasons(self) -> list[list[Reason]]:
        return top_reasons(self.bundle, self.scored, self.table)

    def rows_of(self, customer_id: str) -> list[int]:
        """Return the rows of a customer's snapshots, in order; empty where there is none."""
        found = np.flatnonzero(self.snapshots["customer_id"].to_numpy() == customer_id)
        return [int(row) for row in found]

    def reasons_of(self, row: int) -> list[Reason]:
        """Return one row's reasons, the same as ``reasons[row]`` without making all the others."""
        return top_reasons(self.bundle, self.scored, self.table, np.array([row]))[0]

    def warnings_of(self, row: int) -> tuple[str, ...]:
        """Return what speaks against trusting one row's score, as sentences."""
        return cautions(self.bundle, self.begins, self.snapshots["as_of"].to_numpy()[[row]])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """customer_id, as_of, score, risk, band and decision, one row a snapshot."""
        return pd.DataFrame(
            {
                "customer_id": self.snapshots["customer_id"].to_numpy(),
                "as_of": self.snapshots["as_of"].to_numpy(),
                "score": self.scored.points,
                "risk": self.scored.risk,
                "band": self.bands,
                "decision": self.decisions,
            }
        )

    @property
    def is_thin(self) -> np.ndarray:
        """Which snapshots are referred for having too few transactions."""
        if "transactions" not in self.table.columns:
            return np.zeros(len(self.table), dtype=bool)
        few: np.ndarray = self.table["transactions"].to_numpy() < self.policy.thin_file_transactions
        return few

    @property
    def thin(self) -> int:
        """How many they are."""
        return int(self.is_thin.sum())

    def frame(self, model: str, version: str, *, all_reasons: bool = True) -> pd.DataFrame:
        """Return the scores file: the columns of ``SCORE_COLUMNS``, one row a snapshot.

        Without ``all_reasons`` those who are approved have none.
        """
        told = np.flatnonzero(all_reasons | (np.array(self.decisions) != APPROVE))
        sentences = np.full((len(self.snapshots), MOST_REASONS), "", dtype=object)
        X = self.X if self.X is None or len(told) == len(self.X) else self.X[told]
        sentences[told] = reason_sentences(self.bundle, self.scored, self.table, told, X)
        thin = np.flatnonzero(self.is_thin)  # referred for that, whatever the score
        sentences[thin, 1:] = sentences[thin, :-1]
        if len(thin):
            counted = self.table["transactions"].to_numpy()[thin]
            sentences[thin, 0] = [
                self.policy.too_few(number, self.bundle.observation_days) for number in counted
            ]
        reasons = {
            f"reason_{i + 1}": pd.array(sentences[:, i], dtype="str") for i in range(MOST_REASONS)
        }
        found = self.summary.assign(**reasons, model=model, model_version=version)
        return found[list(SCORE_COLUMNS)]


def score_snapshots(
    bundle: Bundle,
    ledger: Ledger | None,
    snapshots: pd.DataFrame,
    applications: pd.DataFrame | None = None,
) -> ScoredSnapshots:
    """Score snapshots (customer_id, as_of) from a ledger and/or their application attributes.

    ``applications`` has customer_id, as_of and attributes; rows are matched on both.

    Raises
    ------
    InputError
        Where the model needs transactions, a column or attributes that were not given.
    """
    whole = [slice(0, len(snapshots))]
    (scored,) = score_parts(bundle, ledger, snapshots, applications, whole)
    return scored


def in_parts(rows: int, size: int) -> list[slice]:
    """Cut so many rows into parts of a size.

    >>> in_parts(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def score_parts(
    bundle: Bundle,
    ledger: Ledger | None,
    snapshots: pd.DataFrame,
    applications: pd.DataFrame | None,
    parts: Sequence[slice],
) -> Generator[ScoredSnapshots, None, None]:
    """Score parts of snapshots one after the other, as they are asked for.

    The next part's features are computed while one is being used. Their transactions are read once
    for all parts where that is faster: half a kilobyte is kept of each snapshot then.
    """
    begins = ledger.first if ledger is not None else None
    tables = iter(_features(bundle, ledger, snapshots, parts))

    def scored(some: pd.DataFrame, table: pd.DataFrame) -> ScoredSnapshots:
        if bundle.attributes:
            table = pd.concat([table, attribute_table(bundle, some, applications)], axis=1)
        X = bundle.design.matrix(table)
        kept = X if len(parts) > 1 else None  # of a whole file it would be too much
        return ScoredSnapshots(bundle, some, table, score_matrix(bundle, X), begins, kept)

    with closing(one_ahead(tables)) if len(parts) > 1 else nullcontext(tables) as ahead:
        for part in parts:
            yield scored(snapshots.iloc[part].reset_index(drop=True), next(ahead))


def cautions(
    bundle: Bundle, begins: datetime | None, as_of: NDArray[np.datetime64]
) -> tuple[str, ...]:
    """Return what speaks against relying on scores at these dates, as sentences."""
    return (*_circular(bundle), *short_history(bundle, begins, as_of))


def cautions_of(
    bundle: Bundle,
    ledger: Ledger | None,
    applications: pd.DataFrame | None,
    as_of: NDArray[np.datetime64],
) -> tuple[str, ...]:
    """Return what speaks against relying on the scores of a whole file at these dates."""
    said = cautions(bundle, ledger.first if ledger else None, as_of)
    if applications is not None:
        said += strange_attributes(bundle, applications)
    known = bundle.catalogue.categories if bundle.catalogue.shares else ()
    if ledger is None or not known or "category" not in ledger.columns:
        return said
    query = f"SELECT DISTINCT category FROM {ledger.relation} WHERE list_contains($known, category)"
    rows = ledger.connection.execute(query, {"known": list(known)}).fetchall()
    if not rows:
        return (*said, strange_categories(bundle))
    absent = [one for one in known if (one,) not in rows]
    if absent and len(as_of) >= _MANY:
        said += (
            f"{len(absent)} of the {len(known)} categories that the model counts occur nowhere in "
            f"these data ({', '.join(absent[:4])}): are they spelt otherwise there?",
        )
    return said


def _circular(bundle: Bundle) -> tuple[str, ...]:
    return (CIRCULAR,) if bundle.facts["checks"]["circular"] else ()


def short_history(
    bundle: Bundle, begins: datetime | None, as_of: NDArray[np.datetime64]
) -> tuple[str, ...]:
    """Return a warning where the data reach back much less than the model looks.

    A model that learnt from a year of counts and sums takes a customer seen for a month for one
    who hardly uses the account. ``begins`` is the ledger's first day, None where there is no
    ledger; ``as_of`` the dates scored at.
    """
    if begins is None or not bundle.catalogue.features:
        return ()
    enough = np.timedelta64(math.ceil(_ENOUGH_HISTORY * bundle.observation_days), "D")
    reach = as_of - np.datetime64(begins, "us")
    short = reach < enough
    if not short.any():
        return ()
    days = reach[short] // np.timedelta64(1, "D")
    whom = "The" if short.all() else f"For {short.sum():,} of {len(short):,} customers the"
    least = "as little as " if days.min() < days.max() else ""
    reached = "1 day" if days.min() == 1 else f"{days.min():,} days"
    return (
        f"{whom} data reach back {least}{reached} before the date scored at (they begin on "
        f"{begins:%Y-%m-%d}); the model looks back {bundle.observation_days} days. Counts and sums "
        "are then lower than those it learnt from: do not rely on such a score.",
    )


def _features(
    bundle: Bundle, ledger: Ledger | None, snapshots: pd.DataFrame, parts: Sequence[slice]
) -> Iterable[pd.DataFrame]:
    if not bundle.reads_transactions:
        return [pd.DataFrame(index=range(part.stop - part.start)) for part in parts]
    if ledger is None:
        raise InputError("This model reads transactions; give a transactions file as well.")
    refuse_missing(bundle, ledger.columns)
    return features_in_parts(ledger, snapshots, bundle.catalogue, parts)


def refuse_missing(bundle: Bundle, columns: frozenset[str]) -> None:
    """Refuse transactions that lack a column which the model reads."""
    missing = sorted(needed_columns(bundle) - columns)
    if missing:
        raise InputError(
            f"The model was trained with the column {missing[0]} "
            f"({BY_NAME[missing[0]].meaning}), which this file does not have. Map a column to it, "
            "or score with a model trained without it."
        )


def needed_columns(bundle: Bundle) -> frozenset[str]:
    """Return the optional transaction columns that the model's features read."""
    return frozenset(
        column
        for feature in bundle.catalogue.features
        for column in feature.needs
        if column in BY_NAME
    )


def attribute_table(
    bundle: Bundle, snapshots: pd.DataFrame, applications: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the model's attributes of each snapshot, in its order; missing where not given."""
    names = [attribute.name for attribute in bundle.attributes]
    if applications is None:
        raise InputError(
            f"The model also reads application attributes ({', '.join(names[:4])}, ...); "
            "bring in an applications file that has them."
        )
    absent = [name for name in names if name not in applications.columns]
    if absent:
        raise InputError(
            f"The applications lack the attribute {absent[0]!r} that the model was trained with."
        )
    given = applications[["customer_id", "as_of", *names]].drop_duplicates(["customer_id", "as_of"])
    matched = snapshots[["customer_id", "as_of"]].merge(
        given, how="left", on=["customer_id", "as_of"]
    )
    for attribute in bundle.attributes:
        if attribute.kind == "number":
            matched[attribute.name] = pd.to_numeric(matched[attribute.name], errors="coerce")
    return matched[names].set_axis(np.arange(len(matched)), axis=0)
