"""Public layouts, and columns under names nobody listed, come in without a mapping."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from credit_core.data.intake import ingest
from credit_core.data.store import Dataset
from credit_core.settings import Settings

Write = Callable[..., Path]


def table(header: str, rows: list[tuple], delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL):
    """Return rows under a header as delimited text."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")
    writer.writerows([header.split(","), *rows])
    return stream.getvalue()


def rows_of(dataset: Dataset, *columns: str) -> list[tuple]:
    """Return these columns of every stored row, in the file's order."""
    return duckdb.read_parquet(str(dataset.transactions_path)).select(*columns).fetchall()


def said(dataset: Dataset, column: str) -> tuple[str, str]:
    """Return the header and the confidence with which a column was proposed."""
    (found,) = [e for e in dataset.evidence if e["column"] == column]
    return found["header"], found["confidence"]


XENTE = (
    "TransactionId,BatchId,AccountId,SubscriptionId,CustomerId,CurrencyCode,CountryCode,ProviderId,"
    "ProductId,ProductCategory,ChannelId,Amount,Value,TransactionStartTime,PricingStrategy,"
    "FraudResult"
)


def test_xente(settings: Settings, written: Write) -> None:
    rows = [
        (
            f"TransactionId_{76871 + i}", f"BatchId_{36123 + i // 2}", f"AccountId_{3957 + i % 3}",
            f"SubscriptionId_{887 + i % 2}", f"CustomerId_{4406 + i % 4}", "UGX", 256,
            f"ProviderId_{6 - i % 3}", f"ProductId_{10 + i % 3}",
            ("airtime", "financial_services")[i % 2], f"ChannelId_{3 - i % 2}",
            (1000.0, -20.0, 500.0, 20000.0)[i % 4], (1000, 20, 500, 20000)[i % 4],
            f"2018-11-15T02:{18 + i}:49Z", i % 3, int(i == 5),
        )
        for i in range(12)
    ]  # fmt: skip
    dataset = ingest(written(table(XENTE, rows)), settings)
    assert (dataset.rows, dataset.rejected, dataset.customers) == (12, 0, 4)
    assert dataset.mapping["columns"] == {
        "customer_id": "CustomerId", "timestamp": "TransactionStartTime", "amount": "Amount",
        "transaction_id": "TransactionId", "category": "ProductCategory", "channel": "ChannelId",
        "provider": "ProviderId", "product": "ProductId", "currency": "CurrencyCode",
        "country": "CountryCode", "pricing_strategy": "PricingStrategy", "is_fraud": "FraudResult",
    }  # fmt: skip
    assert set(dataset.unused) == {"BatchId", "AccountId", "SubscriptionId", "Value"}
    assert said(dataset, "customer_id") == ("CustomerId", "high")
    assert said(dataset, "amount_sign") == ("Amount", "low"), "no sign is proved; it is assumed"
    stored = rows_of(dataset, "customer_id", "amount", "pricing_strategy", "is_fraud", "timestamp")
    assert [row[1] for row in stored] == [Decimal(row[11]) for row in map(tuple, rows)]
    assert [row[2] for row in stored] == [i % 3 for i in range(12)]
    assert [row[3] for row in stored] == [i == 5 for i in range(12)]
    assert str(stored[0][4]) == "2018-11-15 02:18:49"


BERKA = "trans_id,account_id,date,type,operation,amount,balance,k_symbol,bank,account"


def test_berka(settings: Settings, written: Write) -> None:
    """Texts stand in quotation marks, numbers bare, what is not known not at all."""
    rows = [
        ('695247;2378;930101;"PRIJEM";"VKLAD";700.00;700.00;;;', "2378", "-700"),
        ('771035;2632;930102;"PRIJEM";"PREVOD Z UCTU";1100.00;1100.00;"DUCHOD";"ST";62457513',
         "2632", "-1100"),
        ('452728;1539;930103;"VYDAJ";"VYBER";600.00;17200.50;" ";;', "1539", "600"),
        ('725751;2484;930103;"VYBER";"VYBER";1100.00;600.00;"SIPO";"YZ";123', "2484", "1100"),
        ('497211;1695;981231;"VYDAJ";"PREVOD NA UCET";200.40;-400.00;"UROK";;', "1695", "200.4"),
    ]  # fmt: skip
    header = ";".join(f'"{name}"' for name in BERKA.split(","))
    text = "\r\n".join([header, *(line for line, _, _ in rows)]) + "\r\n"
    dataset = ingest(written(text, "trans.asc"), settings)
    assert (dataset.rows, dataset.rejected) == (5, 0)
    assert dataset.mapping["columns"] == {
        "customer_id": "account_id", "timestamp": "date", "amount": "amount",
        "transaction_id": "trans_id", "category": "k_symbol", "channel": "operation",
        "provider": "bank", "balance": "balance",
    }  # fmt: skip
    assert dataset.mapping["date_format"] == "yymmdd"
    assert dataset.mapping["direction"] == "type"
    assert dataset.mapping["direction_in"] == ["PRIJEM"]
    assert dataset.mapping["direction_out"] == ["VYBER", "VYDAJ"]
    stored = rows_of(dataset, "customer_id", "amount", "category", "balance")
    assert [row[:2] for row in stored] == [(who, Decimal(much)) for _, who, much in rows]
    assert [row[2] for row in stored] == [None, "DUCHOD", None, "SIPO", "UROK"]
    assert stored[-1][3] == Decimal(-400)
    assert (str(dataset.first), str(dataset.last)) == ("1993-01-01 00:00:00", "1998-12-31 00:00:00")


def test_cdnow(settings: Settings, written: Write) -> None:
    text = (
        "customer_id,date,number_of_cds,dollar_value\n"
        "00001,19970101,1,11.77\n00002,19970112,1,12.00\n00002,19970112,5,77.00\n"
    )
    dataset = ingest(written(text), settings)
    assert dataset.mapping["columns"] == {
        "customer_id": "customer_id", "timestamp": "date", "amount": "dollar_value"
    }  # fmt: skip
    assert dataset.mapping["date_format"] == "yyyymmdd"
    stored = rows_of(dataset, "customer_id", "amount")
    assert stored == [
        ("00001", Decimal("11.77")), ("00002", Decimal(12)), ("00002", Decimal(77)),
    ]  # fmt: skip


@pytest.mark.real_data
def test_cdnow_whole(settings: Settings, real_data: Path) -> None:
    dataset = ingest(real_data / "cdnow.csv.gz", settings)
    assert (dataset.rows, dataset.rejected, dataset.customers) == (69_659, 0, 23_570)
    ((total,),) = duckdb.sql(
        "SELECT sum(amount) FROM read_parquet($path)",
        params={"path": str(dataset.transactions_path)},
    ).fetchall()
    assert total == Decimal("2500315.63")


SALES = [
    ("536365", "85123A", "WHITE HANGING HEART", 6, "12/1/2010 8:26", "2.55", "17850"),
    ("536365", "71053", "WHITE METAL LANTERN", 6, "12/1/2010 8:26", "3.39", "17850"),
    ("536366", "22633", "HAND WARMER UNION JACK", 6, "12/1/2010 8:28", "1.85", "17850"),
    ("C536379", "D", "Discount", -1, "12/1/2010 9:41", "27.50", "14527"),
    ("536414", "22139", "", 56, "12/1/2010 11:52", "0", ""),
    ("536544", "21773", "DECORATIVE ROSE", 1, "12/13/2010 14:32", "2.51", ""),
    ("536370", "22728", 'ALARM CLOCK, "PINK"', 24, "12/13/2010 8:45", "3.75", "12583"),
    ("536370", "22727", "ALARM CLOCK RED", 24, "12/13/2010 8:45", "3.75", "12583"),
    ("536371", "22086", "PAPER CHAIN KIT 50'S ", 80, "12/13/2010 9:00", "2.55", "13748"),
]
SPENT = ["15.3", "20.34", "11.1", "-27.5", "90", "90", "204"]


@pytest.mark.parametrize(
    ("header", "when", "who", "form"),
    [
        (
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            lambda moment: moment,
            lambda number: number,
            "mdy",
        ),
        (
            "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
            lambda moment: f"2010-12-{int(moment.split('/')[1]):02d} 07:45:00",
            lambda number: number and f"{number}.0",
            "iso",
        ),
    ],
    ids=["Online Retail", "Online Retail II"],
)
def test_uci(
    header: str,
    when: Callable[[str], str],
    who: Callable[[str], str],
    form: str,
    settings: Settings,
    written: Write,
) -> None:
    """Cancellations are money back; sales to nobody are set aside, an order's number left out."""
    rows = [(*sale[:4], when(sale[4]), sale[5], who(sale[6]), "France") for sale in SALES]
    dataset = ingest(written(table(header, rows)), settings)
    names = header.split(",")
    assert dataset.rejects_by_reason == {"customer_id: the cell is empty": 2}
    assert dataset.mapping["columns"] == {
        "customer_id": names[6], "timestamp": "InvoiceDate", "product": "StockCode",
        "country": "Country",
    }  # fmt: skip
    assert (dataset.mapping["quantity"], dataset.mapping["unit_price"]) == ("Quantity", names[5])
    assert dataset.mapping["date_format"] == form
    assert "left out" in next(e["why"] for e in dataset.evidence if e["column"] == "transaction_id")
    assert rows_of(dataset, "customer_id", "amount") == [
        (who(sale[6]), Decimal(much))
        for sale, much in zip([s for s in SALES if s[6]], SPENT, strict=True)
    ]
    assert str(dataset.first)[:10] == "2010-12-01"


def signed(i: int) -> str:
    return "-" if i % 3 else ""


FOREIGN: list[tuple[str, str, list[tuple], dict[str, Any], Decimal]] = [
    (
        "German",
        "Auftraggeber,Wertstellung,Text,Summe in Euro",
        [(f"K{1000 + i % 3}", f"{5 + i:02d}.03.2024", "Miete", f"{signed(i)}1.100,5{i}")
         for i in range(10)],
        {"columns": ("Auftraggeber", "Wertstellung", "Summe in Euro"), "date_format": "dmy",
         "decimal": ","},
        Decimal("1100.50"),
    ),
    (
        "French",
        "Titulaire,Jour,Libellé,Mouvement",
        [(f"CL{100 + i % 4}", f"{5 + i:02d}/03/2024", "Loyer", f"{signed(i)}1 100,5{i}")
         for i in range(10)],
        {"columns": ("Titulaire", "Jour", "Mouvement"), "date_format": "dmy", "decimal": ","},
        Decimal("1100.50"),
    ),
    (
        "Italian",
        "Causale,Quanto,Quando,Intestatario",
        [("Affitto", f"{signed(i)}1'100,5{i}", f"{5 + i}-3-2024", f"IT{100 + i % 4}")
         for i in range(10)],
        {"columns": ("Intestatario", "Quando", "Quanto"), "date_format": "dmy", "decimal": ","},
        Decimal("1100.50"),
    ),
    (
        "F1, F2, F3",
        "F1,F2,F3",
        [(f"U{100 + i % 4}", f"2024-03-{5 + i:02d}", f"{i * 1.25 + 7:.2f}") for i in range(10)],
        {"columns": ("F1", "F2", "F3"), "date_format": "iso", "decimal": "."},
        Decimal(7),
    ),
    (
        "X1 to X4 by turns",
        "X4,X3,X2,X1",
        [(f"{i * 1.25 + 7:.2f}", 9000 + i % 4, "food", f"{5 + i:02d}-Mar-2024") for i in range(10)],
        {"columns": ("X3", "X1", "X4"), "date_format": "named", "decimal": "."},
        Decimal(7),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "rows", "mapping", "first"),
    [case[1:] for case in FOREIGN],
    ids=[c[0] for c in FOREIGN],
)
def test_names_in_no_list_are_found_by_the_shapes_of_values(
    header: str,
    rows: list[tuple],
    mapping: dict[str, Any],
    first: Decimal,
    settings: Settings,
    written: Write,
) -> None:
    dataset = ingest(written(table(header, rows, ";")), settings)
    assert (dataset.rows, dataset.rejected) == (10, 0)
    who, when, much = mapping["columns"]
    columns = dataset.mapping["columns"]
    assert (columns["customer_id"], columns["timestamp"], columns["amount"]) == (who, when, much)
    assert dataset.mapping | {k: mapping[k] for k in ("date_format", "decimal")} == dataset.mapping
    assert {said(dataset, column)[1] for column in columns} == {"low"}, "shapes alone prove little"
    stored = rows_of(dataset, "amount", "timestamp")
    assert (stored[0][0], str(stored[0][1])[:10]) == (first, "2024-03-05")
