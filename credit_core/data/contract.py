"""The canonical columns of a transaction, and the names people give them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "timestamp", "money", "integer", "flag"]


@dataclass(frozen=True)
class Column:
    """One canonical column: what it holds, and the headers it is known under."""

    name: str
    kind: Kind
    meaning: str
    synonyms: tuple[str, ...]
    required: bool = False


COLUMNS: tuple[Column, ...] = (
    Column(
        "customer_id",
        "text",
        "who the money belongs to",
        (
            "customer",
            "client_id",
            "client",
            "account_id",
            "account",
            "user_id",
            "cust_id",
            "customer_number",
            "customer_no",
            "account_number",
            "account_no",
            "iban",
            "id_customer",
            "member_id",
            "party_id",
            "kunde",
            "kundennummer",
            "kundennr",
            "cliente",
            "id_cliente",
            "client_no",
            "codice_cliente",
            "konto",
            "kontonummer",
            "auftragskonto",
            "compte",
            "numero_compte",
            "conto",
            "cuenta",
        ),
        required=True,
    ),
    Column(
        "timestamp",
        "timestamp",
        "when it happened, UTC",
        (
            "date",
            "transaction_date",
            "transaction_start_time",
            "transaction_time",
            "datetime",
            "date_time",
            "time",
            "invoice_date",
            "booking_date",
            "value_date",
            "posted_at",
            "posting_date",
            "created_at",
            "trans_date",
            "tx_date",
            "purchase_date",
            "order_date",
            "datum",
            "buchungstag",
            "fecha",
            "data",
            "data_operazione",
            "date_operation",
        ),
        required=True,
    ),
    Column(
        "amount",
        "money",
        "money moved; above 0 is money out (spending), below 0 money in",
        (
            "amt",
            "dollar_value",
            "transaction_amount",
            "tx_amount",
            "value",
            "sum",
            "total",
            "total_amount",
            "price",
            "spend",
            "sales",
            "amount_eur",
            "amount_usd",
            "amount_gbp",
            "betrag",
            "umsatz",
            "montant",
            "importe",
            "importo",
            "valor",
            "bedrag",
            "kwota",
        ),
        required=True,
    ),
    Column(
        "transaction_id",
        "text",
        "the movement's own number",
        (
            "transaction",
            "trans_id",
            "tx_id",
            "txn_id",
            "reference",
            "transaction_number",
            "invoice",
            "invoice_no",
            "order_id",
        ),
    ),
    Column(
        "category",
        "text",
        "what the money was for",
        (
            "product_category",
            "k_symbol",
            "merchant_category",
            "mcc",
            "transaction_category",
            "purpose",
            "spending_category",
            "kategorie",
            "categorie",
            "categoria",
        ),
    ),
    Column(
        "channel",
        "text",
        "how it was made",
        ("channel_id", "transaction_channel", "operation", "payment_method", "method"),
    ),
    Column(
        "provider",
        "text",
        "who provided the service",
        ("provider_id", "merchant", "merchant_id", "bank", "counterparty", "vendor"),
    ),
    Column(
        "product",
        "text",
        "the product bought or used",
        ("product_id", "stock_code", "sku", "item", "description"),
    ),
    Column(
        "currency",
        "text",
        "currency of the amount",
        (
            "currency_code",
            "ccy",
            "ccy_code",
            "curr",
            "iso_currency",
            "waluta",
            "divisa",
            "waehrung",
            "währung",
            "devise",
            "moneda",
            "valuta",
        ),
    ),
    Column("country", "text", "country of the movement", ("country_code",)),
    Column(
        "balance",
        "money",
        "account balance after the transaction",
        (
            "balance_after",
            "running_balance",
            "saldo",
            "kontostand",
            "solde",
            "account_balance",
            "closing_balance",
        ),
    ),
    Column("pricing_strategy", "integer", "fee scheme of the movement", ("pricing",)),
    Column(
        "is_fraud", "flag", "1 = known to be fraudulent", ("fraud_result", "fraud", "fraud_flag")
    ),
)
BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
KNOWN_NAMES = frozenset(name for column in COLUMNS for name in (column.name, *column.synonyms))
REQUIRED: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.required)

SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "money": "DECIMAL(18,4)",  # exact sums: the order of rows must never change a feature
    "integer": "INTEGER",
    "flag": "BOOLEAN",
}
UNITS = 10_000
"""Smallest units of money in one."""
MAX_MONEY = 1_000_000_000_000
"""Largest absolute amount accepted; beyond it a value is a mistake, not money."""


def normalise_header(header: str) -> str:
    """Fold a header to lower-case words joined by underscores.

    >>> normalise_header(" TransactionStartTime "), normalise_header("Dollar Value")
    ('transaction_start_time', 'dollar_value')
    """
    text = unicodedata.normalize("NFC", header).strip()
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^\w]+", "_", text.lower()).strip("_")


def listed(header: Sequence[str]) -> str:
    """Return a header's names as a sentence can hold them, long ones and long lists cut.

    >>> listed(["who", "when\\n", "x" * 50])
    "'who', 'when\\\\n', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    """
    names = [repr(cell if len(cell) <= 40 else cell[:39] + "…") for cell in header]
    while len(", ".join(names)) > 280:
        names = [*names[: len(names) - 2], "…"]
    return ", ".join(names)
