"""Banks' own words for money out and money in, and what is said where a file leaves it open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from credit_core.data.intake import ingest
from credit_core.data.mapping import Mapping
from credit_core.errors import InputError
from credit_core.settings import Settings

Write = Callable[..., Path]


def rows(line: Callable[[int], str], count: int = 30) -> str:
    return "".join(line(i) + "\n" for i in range(count))


def amounts(path: Path, settings: Settings, mapping: Mapping | None = None) -> pd.Series:
    dataset = ingest(path, settings, mapping=mapping)
    return pd.read_parquet(dataset.transactions_path)["amount"].astype(float)


@pytest.mark.parametrize(
    ("out", "into"),
    [("Cargo", "Abono"), ("Dare", "Avere"), ("Débit", "Crédit"), ("Soll", "Haben"), ("Af", "Bij")],
)
def test_two_columns_in_a_banks_own_words(
    written: Write, settings: Settings, out: str, into: str
) -> None:
    body = rows(
        lambda i: f"K{i % 5};2024-01-{i % 28 + 1:02};" + (";50,25" if i % 3 == 0 else "10,50;")
    )
    found = amounts(written(f"Cliente;Fecha;{out};{into}\n{body}"), settings)
    assert sorted(found.unique()) == [-50.25, 10.5]
    assert (found < 0).sum() == 10


@pytest.mark.parametrize(
    ("out", "into"), [("Af", "Bij"), ("PURCHASE", "REFUND"), ("TRANSFER_OUT", "CASH_IN")]
)
def test_a_column_of_directions_in_a_banks_own_words(
    written: Write, settings: Settings, out: str, into: str
) -> None:
    body = rows(lambda i: f"K{i % 5},2024-01-{i % 28 + 1:02},7.50,{into if i % 3 == 0 else out}")
    found = amounts(written(f"client,date,amount,type\n{body}"), settings)
    assert ((found < 0).sum(), (found > 0).sum()) == (10, 20)


def test_mostly_negative_amounts_are_payments(written: Write, settings: Settings) -> None:
    body = rows(
        lambda i: f"K{i % 5},2024-01-{i % 28 + 1:02},{'900.00' if i % 5 == 0 else '-12.50'}"
    )
    dataset = ingest(written(f"client,date,amount\n{body}"), settings)
    assert dataset.mapping is not None
    assert dataset.mapping["amount_sign"] == "in_positive"
    said = next(one for one in dataset.evidence if one["column"] == "amount_sign")
    assert said["confidence"] == "medium"


@pytest.mark.parametrize(
    ("out", "into", "sign"),
    [
        ("Withdrawn", "Paid In", "-"),  # a wallet's statement
        ("Money spent (EUR)", "Salary and other", ""),
        ("Column B", "Column A", "-"),  # the sign alone tells
        ("Retiros", "Ingresos", ""),
    ],
)
def test_amounts_in_two_columns_in_turn_are_found_by_their_values(
    written: Write, settings: Settings, out: str, into: str, sign: str
) -> None:
    body = rows(
        lambda i: (
            f"K{i % 5},2024-01-{i % 28 + 1:02},"
            + ("50.25,," if i % 3 == 0 else f"0.00,{sign}10.50,")
            + f"{100 + i}.00"
        )
    )
    found = amounts(written(f"client,date,{into},{out},Balance\n{body}"), settings)
    assert sorted(found.unique()) == [-50.25, 10.5]
    assert (found < 0).sum() == 10


def test_two_columns_in_turn_that_nothing_tells_apart_are_asked_about(
    written: Write, settings: Settings
) -> None:
    body = rows(lambda i: f"K{i % 5},2024-01-{i % 28 + 1:02}," + ("5.25," if i % 3 else ",10.50"))
    with pytest.raises(InputError, match=r"'A' and 'B' hold amounts in turn"):
        ingest(written(f"client,date,A,B\n{body}"), settings)


def test_amounts_that_say_no_direction_say_so(written: Write, settings: Settings) -> None:
    body = rows(lambda i: f"K{i % 5},2024-01-{i % 28 + 1:02},7.50")
    dataset = ingest(written(f"client,date,amount\n{body}"), settings)
    said = next(one for one in dataset.evidence if one["column"] == "amount_sign")
    assert said["confidence"] == "low"
    assert "all are read as money out" in said["why"]


@pytest.mark.parametrize("header", ["currency", "Waluta", "ccy_code"])
def test_a_currency_that_few_rows_have_can_be_chosen(
    written: Write, settings: Settings, header: str
) -> None:
    body = rows(lambda i: f"K{i % 5},2024-01-{i % 28 + 1:02},7.50,{'EUR' if i % 3 == 0 else 'PLN'}")
    path = written(f"client,date,amount,{header}\n{body}")
    with pytest.raises(InputError, match="2 currencies"):
        ingest(path, settings)
    columns = {"customer_id": "client", "timestamp": "date", "amount": "amount"}
    chosen = Mapping(columns={**columns, "currency": header}, currency="EUR")
    dataset = ingest(path, settings, mapping=chosen)
    assert (dataset.rows, dataset.rejected) == (10, 20)
