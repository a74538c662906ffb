"""Observed outcomes: real results, one an application, each with its own date."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger, Span
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.labels.samples import (
    DEVELOPMENT,
    HOLDOUT,
    OUT_OF_TIME,
    LabelledSnapshots,
    hold_out_customers,
)

_OUT_OF_TIME_SHARE = 0.2
DEFAULT_OBSERVATION_DAYS = 180


def load_applications(dataset: Dataset) -> pd.DataFrame:
    """Return the stored applications; ``as_of`` may be NaT and ``outcome`` missing."""
    if dataset.applications is None:
        raise InputError(
            f"{dataset.name} has no applications; bring in an applications file with it."
        )
    return pd.read_parquet(dataset.applications_path)


def observed_labels(
    dataset: Dataset, ledger: Ledger | None, config: ModelConfig
) -> LabelledSnapshots:
    """Return the applications with a known outcome as labelled snapshots.

    An application without a date is taken at the end of the ledger. The latest fifth of the
    decision dates, where dates differ, is the out-of-time sample.
    """
    frame = load_applications(dataset)
    if not frame["outcome"].notna().any():
        raise InputError(
            f"{dataset.name}: the applications have no outcome column with 0 (good) and 1 (bad), "
            "so an observed label cannot be made."
        )
    given = len(frame)
    frame = frame[frame["outcome"].notna()][["customer_id", "as_of", "outcome"]]
    frame = dated(frame, ledger).sort_values(["as_of", "customer_id"], kind="stable")
    frame = frame.rename(columns={"outcome": "label"}).reset_index(drop=True)
    frame["label"] = frame["label"].astype("int64")
    if frame["label"].nunique() < 2:
        raise InputError(f"{dataset.name}: every outcome is the same, so nothing can be learnt.")
    held = hold_out_customers(
        frame["customer_id"], config.training.holdout_share, config.training.seed
    )
    frame["sample"] = DEVELOPMENT
    frame.loc[held, "sample"] = HOLDOUT
    start = _out_of_time_start(frame)
    if start is not None:
        frame.loc[frame["as_of"] >= start, "sample"] = OUT_OF_TIME
    observation = config.windows.observation_days or DEFAULT_OBSERVATION_DAYS
    report = match_report(frame, ledger, observation, config.policy.thin_file_transactions)
    report["without_outcome"] = given - len(frame)
    windows = {
        "observation_days": observation,
        "first_as_of": _day(frame["as_of"].min()),
        "last_as_of": _day(frame["as_of"].max()),
        "out_of_time": _day(start) if start is not None else None,
    }
    return LabelledSnapshots("observed", frame, observation, None, windows, {}, report)


def dated(frame: pd.DataFrame, ledger: Span | None) -> pd.DataFrame:
    """Fill missing ``as_of`` with the ledger's end; without a ledger they stay missing."""
    if ledger is None:
        return frame
    return frame.assign(as_of=frame["as_of"].fillna(pd.Timestamp(ledger.end)))


def _day(moment: Any) -> str | None:
    return None if pd.isna(moment) else pd.Timestamp(moment).date().isoformat()


def _out_of_time_start(frame: pd.DataFrame) -> datetime | None:
    """Return the date from which applications are out of time, None where dates do not differ."""
    dates = frame["as_of"].dropna()
    if len(dates) < len(frame) or dates.nunique() < 5:
        return None
    start = dates.sort_values().iloc[math.ceil((1 - _OUT_OF_TIME_SHARE) * (len(dates) - 1))]
    late = frame["as_of"] >= start
    if frame.loc[late, "label"].nunique() < 2 or frame.loc[~late, "label"].nunique() < 2:
        return None
    return start.to_pydatetime()


def known_outcomes(dataset: Dataset, ledger: Ledger | None) -> pd.DataFrame | None:
    """Return ``customer_id``, ``as_of`` and ``label`` (1 = bad), None where no outcome is known.

    Ordered by date and customer.
    """
    if dataset.applications is None or not dataset.applications.has_outcome:
        return None
    frame = load_applications(dataset)
    frame = dated(frame[frame["outcome"].notna()], ledger)
    frame = frame.rename(columns={"outcome": "label"})[["customer_id", "as_of", "label"]]
    frame = frame.sort_values(["as_of", "customer_id"], kind="stable").reset_index(drop=True)
    return frame.astype({"label": "int64"}) if len(frame) else None


def match_report(
    frame: pd.DataFrame, ledger: Ledger | None, observation_days: int, thin: int
) -> dict[str, Any]:
    """Count how applications meet the ledger.

    ``with_history``, ``thin_file`` (fewer than ``thin`` transactions in the observation window,
    but some history), ``without_history_before_as_of`` (the customer's first transaction comes
    later), ``before_the_ledger`` (decided before the ledger begins) and
    ``without_any_transaction`` (a customer the ledger does not know) add up to ``applications``.
    ``as_of_after_the_ledger`` counts those decided more than a day after its end.
    """
    if ledger is None:
        return {"applications": len(frame), "ledger": False}
    # One row an application: the same customer may apply twice on one day.
    with ledger.given("matching", frame[["customer_id", "as_of"]].reset_index(names="n")):
        unknown, before, silent, few = ledger.one(
            f"""
            WITH known AS (SELECT customer_id, first FROM {ledger.customers}),
            seen AS (
                SELECT n, as_of, any_value(first) AS first, count(t.timestamp) AS transactions
                FROM matching LEFT JOIN known USING (customer_id)
                LEFT JOIN {ledger.relation} t ON t.customer_id = matching.customer_id
                    AND t.timestamp < as_of
                    AND t.timestamp >= as_of - to_days(CAST($observation AS INTEGER))
                GROUP BY n, as_of
            )
            SELECT count(*) FILTER (WHERE first IS NULL),
                   count(*) FILTER (WHERE first >= as_of AND as_of <= $first),
                   count(*) FILTER (WHERE first >= as_of AND as_of > $first),
                   count(*) FILTER (WHERE first < as_of AND transactions < $thin)
            FROM seen
            """,
            {"observation": observation_days, "first": ledger.first, "thin": thin},
        )
    after = int((frame["as_of"] > pd.Timestamp(ledger.end) + timedelta(days=1)).sum())
    return {
        "applications": len(frame),
        "ledger": True,
        "with_history": len(frame) - int(unknown + before + silent + few),
        "thin_file": int(few),
        "without_history_before_as_of": int(silent),
        "before_the_ledger": int(before),
        "without_any_transaction": int(unknown),
        "as_of_after_the_ledger": after,
        "thin_below": thin,
        "observation_days": observation_days,
    }
