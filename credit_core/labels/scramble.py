"""The scrambled ledger of the canary: every transaction given to a random customer.

Shuffling the label does not catch a circular design; rebuilding features *and* label from a
ledger without any customer in it does. Customers are drawn evenly, not permuted: a permutation
keeps each customer's total, and totals alone tie the past to the future.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from credit_core.data.ledger import Ledger


def scrambled(
    ledger: Ledger, customers: pd.Series, opens: datetime, closes: datetime, seed: int, keep: float
) -> Ledger:
    """Return the transactions in ``[opens, closes)``, each given to one of ``customers``.

    ``keep`` is the share of transactions kept: without thinning, everyone in a busy ledger would
    be equally busy and a label such as ``inactive`` would have one value only.
    """
    window = {"opens": opens, "closes": closes}
    inside = f"FROM {ledger.relation} WHERE timestamp >= $opens AND timestamp < $closes"
    rows = int(ledger.one(f"SELECT count(*) {inside}", window)[0])
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(customers), rows)
    drawn[generator.random(rows) >= keep] = -1
    people = pd.DataFrame({"person": np.arange(len(customers)), "new_id": customers.to_numpy()})
    draws = pd.DataFrame({"n": np.arange(rows), "person": drawn})
    # A total order of the rows first, so that the draw does not depend on the file's order.
    order = ", ".join(sorted(ledger.columns))
    with ledger.given("canary_people", people), ledger.given("canary_drawn", draws):
        ledger.run(
            f"""
            CREATE OR REPLACE TEMP TABLE canary_transactions AS
            SELECT new_id AS customer_id, ordered.* EXCLUDE (customer_id, n)
            FROM (SELECT *, row_number() OVER (ORDER BY {order}) - 1 AS n {inside}) AS ordered
            JOIN canary_drawn USING (n) JOIN canary_people USING (person)
            """,
            window,
        )
    return replace(ledger, relation="canary_transactions")
