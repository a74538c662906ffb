"""Recency, frequency, monetary value; their quintiles and the trade's segment names."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from credit_core.data.ledger import Ledger

RFM = ("recency_days", "frequency", "monetary")


def rfm_table(
    ledger: Ledger, snapshots: pd.DataFrame, *, start_days: int, end_days: int
) -> pd.DataFrame:
    """Return R, F and M of each snapshot in ``[as_of + start_days, as_of + end_days)``.

    Parameters
    ----------
    snapshots : DataFrame
        Columns ``customer_id`` and ``as_of``; one row a snapshot, any order.

    Returns
    -------
    DataFrame
        One row a snapshot, in the given order: ``recency_days`` (from the last transaction in
        the window to its end; the window's length where there is none), ``frequency``
        (transactions) and ``monetary`` (money out, the ledger's currency).
    """
    numbered = snapshots[["customer_id", "as_of"]].reset_index(drop=True)
    numbered["snapshot"] = np.arange(len(numbered), dtype=np.int64)
    with ledger.given("rfm_snapshots", numbered):
        return ledger.frame(
            f"""
            WITH windowed AS (
                SELECT snapshot, t.timestamp, t.amount,
                       as_of + to_days(CAST($end AS INTEGER)) AS closes
                FROM rfm_snapshots s JOIN {ledger.relation} t ON t.customer_id = s.customer_id
                WHERE t.timestamp >= as_of + to_days(CAST($start AS INTEGER))
                  AND t.timestamp < as_of + to_days(CAST($end AS INTEGER))
            ), grouped AS (
                SELECT snapshot, count(*) AS f, sum(greatest(amount, 0)) AS m,
                       date_diff('second', max(timestamp), any_value(closes)) / 86400.0 AS r
                FROM windowed GROUP BY snapshot
            )
            SELECT CAST(coalesce(r, $length) AS DOUBLE) AS recency_days,
                   CAST(coalesce(f, 0) AS DOUBLE) AS frequency,
                   CAST(coalesce(m, 0) AS DOUBLE) AS monetary
            FROM rfm_snapshots LEFT JOIN grouped USING (snapshot) ORDER BY snapshot
            """,
            {"start": start_days, "end": end_days, "length": end_days - start_days},
        )


def customers_seen(ledger: Ledger, as_of: datetime) -> pd.DataFrame:
    """Return the snapshots of a cohort: everyone with a transaction before ``as_of``.

    Columns ``customer_id``, ``as_of``; ordered by customer.
    """
    query = f"""SELECT customer_id, CAST($as_of AS TIMESTAMP) AS as_of FROM {ledger.customers}
        WHERE first < $as_of ORDER BY customer_id"""
    # By way of Arrow, in which the table keeps its texts: no Python object is made of each.
    return ledger.connection.sql(query, params={"as_of": as_of}).to_arrow_table().to_pandas()


def quintile_scores(table: pd.DataFrame) -> pd.DataFrame:
    """Return R, F and M scores from 1 to 5; 5 is the most engaged fifth.

    Ties share a score: a value's score is the fifth its average rank falls in.
    """
    ranks = {
        "r_score": table["recency_days"].rank(ascending=False, pct=True),
        "f_score": table["frequency"].rank(pct=True),
        "m_score": table["monetary"].rank(pct=True),
    }
    return pd.DataFrame(
        {name: np.ceil(rank * 5).clip(1, 5).astype("int64") for name, rank in ranks.items()}
    )


SEGMENTS: tuple[tuple[str, int, int, int, int], ...] = (
    # name, lowest and highest recency score, lowest and highest frequency-monetary score
    ("Champions", 5, 5, 4, 5),
    ("Loyal", 3, 4, 4, 5),
    ("Potential loyalists", 4, 5, 2, 3),
    ("New", 5, 5, 1, 1),
    ("Promising", 4, 4, 1, 1),
    ("Needs attention", 3, 3, 3, 3),
    ("About to sleep", 3, 3, 1, 2),
    ("Cannot lose", 1, 2, 5, 5),
    ("At risk", 1, 2, 3, 4),
    ("Hibernating", 2, 2, 1, 2),
    ("Lost", 1, 1, 1, 2),
)
"""Every pair of scores belongs to exactly one segment; docs/labels.md says what each means."""


def name_segments(scores: pd.DataFrame) -> pd.Series:
    """Return the named segment of each row of `quintile_scores`.

    The frequency-monetary score is the mean of the F and M scores, half rounded up.
    """
    recency = scores["r_score"].to_numpy()
    value = (scores["f_score"].to_numpy() + scores["m_score"].to_numpy() + 1) // 2
    grid = np.empty((6, 6), dtype=object)
    for name, r_low, r_high, v_low, v_high in SEGMENTS:
        grid[r_low : r_high + 1, v_low : v_high + 1] = name
    return pd.Series(grid[recency, value], index=scores.index, dtype="str")
