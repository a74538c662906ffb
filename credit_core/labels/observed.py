"""Observed outcomes: real results, one an application, each with its own date."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from credit_core.config import ModelConfig
from credit_core.data.ledger import Ledger
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
_DEFAULT_OBSERVATION_DAYS = 180


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
    report = _matching(frame, ledger)
    observation = config.windows.observation_days or _DEFAULT_OBSERVATION_DAYS
    windows = {
        "observation_days": observation,
        "first_as_of": _day(frame["as_of"].min()),
        "last_as_of": _day(frame["as_of"].max()),
        "out_of_time": _day(start) if start is not None else None,
    }
    return LabelledSnapshots("observed", frame, observation, None, windows, {}, report)


def dated(frame: pd.DataFrame, ledger: Ledger | None) -> pd.DataFrame:
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


def _matching(frame: pd.DataFrame, ledger: Ledger | None) -> dict[str, Any]:
    """Count how applications meet the ledger: unknown customers, no history before as_of."""
    if ledger is None:
        return {"applications": len(frame), "ledger": False}
    connection = ledger.connection
    connection.register("matching", frame[["customer_id", "as_of"]])
    unknown, silent = ledger.one(
        f"""
        WITH known AS (
            SELECT customer_id, min(timestamp) AS first FROM {ledger.relation} GROUP BY 1
        )
        SELECT count(*) FILTER (WHERE first IS NULL), count(*) FILTER (WHERE first >= as_of)
        FROM matching LEFT JOIN known USING (customer_id)
        """
    )
    connection.unregister("matching")
    after = int((frame["as_of"] > pd.Timestamp(ledger.end) + timedelta(days=1)).sum())
    return {
        "applications": len(frame),
        "ledger": True,
        "without_any_transaction": int(unknown),
        "without_history_before_as_of": int(silent),
        "as_of_after_the_ledger": after,
    }
