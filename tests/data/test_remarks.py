"""What looks odd about a ledger is said, and nothing is changed because of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credit_core.data.intake import ingest
from credit_core.data.mapping import Mapping
from credit_core.data.remarks import ODD_CUSTOMER, of_ledger
from credit_core.data.store import Dataset
from credit_core.settings import Settings


def stored(tmp_path: Path, settings: Settings, header: str, *rows: str) -> Dataset:
    path = tmp_path / "ledger.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    columns = dict(zip(("customer_id", "timestamp", "amount"), header.split(","), strict=False))
    return ingest(path, settings, mapping=Mapping(columns=columns))


def test_ids_that_are_no_customers_are_named_and_kept(tmp_path: Path, settings: Settings) -> None:
    ids = ["NA", "null", "null", "Grand total", "1.23457E+11", *(f"C{i}" for i in range(20))]
    rows = [f"{who},2024-01-{1 + i:02},10.5" for i, who in enumerate(ids)]
    found = stored(tmp_path, settings, "customer_id,timestamp,amount", *rows)
    assert found.rows == len(ids), "they are kept: an id is what the file says it is"
    (remark,) = of_ledger(found)
    assert remark.startswith("These customer ids look like something else ('null', 2 rows;")
    for who in ("NA", "Grand total", "1.23457E+11"):
        assert f"{who!r}, 1 row" in remark


@pytest.mark.parametrize("who", ["C1", "12345", "Nathan", "annul", "007", "A-1", "sumatra", "1e"])
def test_usual_ids_are_not_remarked_on(who: str) -> None:
    assert re.fullmatch(ODD_CUSTOMER, who) is None


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("customer_id,timestamp,amount,transaction_status", "failed or reversed"),
        ("customer_id,timestamp,amount_cents,shop", "a hundred times too large"),
        ("customer_id,timestamp,amount,shop", None),
    ],
)
def test_headers_that_change_what_amounts_mean(
    tmp_path: Path, settings: Settings, header: str, words: str | None
) -> None:
    rows = [f"C{i % 5},2024-01-{1 + i:02},{1000 + i},ok" for i in range(20)]
    said = of_ledger(stored(tmp_path, settings, header, *rows))
    assert [words in one for one in said] == ([True] if words else [])


def test_exact_copies_without_an_id_are_remarked_on(settings, written) -> None:
    rows = "customer_id,date,amount\n" + "a,2024-01-05,5.00\n" * 3 + "b,2024-01-05,5.00\n"
    (remark,) = of_ledger(ingest(written(rows), settings))
    assert remark.startswith("2 rows repeat another in every cell")
    numbered = "transaction_id,customer_id,date,amount\n1,a,2024-01-05,5.00\n2,a,2024-01-05,5.00\n"
    assert of_ledger(ingest(written(numbered), settings)) == ()
