"""One customer's money, month by month."""

from __future__ import annotations

import pandas as pd

from credit_core.data.ledger import open_ledger
from credit_core.data.store import Dataset
from credit_core.settings import Settings


def monthly_history(dataset: Dataset, settings: Settings, customer_id: str) -> pd.DataFrame:
    """Return a customer's months from the first transaction to the last, none left out.

    Returns
    -------
    DataFrame
        Columns month (its first day), money_in and money_out (both >= 0, in the ledger's own
        currency), transactions, and balance: the last one recorded in the month, missing in a
        month without one. Empty where the customer has no transaction.
    """
    with open_ledger(dataset, settings) as ledger:
        balance = (
            "arg_max(balance, timestamp) FILTER (WHERE balance IS NOT NULL)"
            if "balance" in ledger.columns
            else "NULL"
        )
        return ledger.frame(
            f"""
            WITH own AS (
                SELECT date_trunc('month', timestamp) AS month,
                       coalesce(sum(-amount) FILTER (WHERE amount < 0), 0) AS money_in,
                       coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS money_out,
                       count(*) AS transactions, {balance} AS balance
                FROM {ledger.relation} WHERE customer_id = $customer GROUP BY 1
            ), months AS (
                SELECT unnest(generate_series(min(month), max(month), INTERVAL 1 MONTH)) AS month
                FROM own
            )
            SELECT CAST(month AS TIMESTAMP) AS month,
                   CAST(coalesce(money_in, 0) AS DOUBLE) AS money_in,
                   CAST(coalesce(money_out, 0) AS DOUBLE) AS money_out,
                   coalesce(transactions, 0) AS transactions,
                   CAST(balance AS DOUBLE) AS balance
            FROM months LEFT JOIN own USING (month) ORDER BY month
            """,
            {"customer": customer_id},
        )
