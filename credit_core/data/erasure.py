"""Take one customer's rows out of stored files; what is left stays readable."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from credit_core.data.duck import connect, text_literal
from credit_core.data.store import Dataset, save_manifest, write_atomic
from credit_core.settings import Settings


def rows_of(dataset: Dataset, customer_id: str, settings: Settings) -> tuple[int, int]:
    """Return how many transactions and applications of a customer a dataset holds."""
    transactions = 0
    if dataset.has_transactions:
        with connect(settings, [dataset.folder]) as connection:
            path = text_literal(str(dataset.transactions_path.resolve()))
            found = connection.execute(
                f"SELECT count(*) FROM read_parquet({path}) WHERE customer_id = $customer",
                {"customer": customer_id},
            ).fetchone()
        transactions = int(found[0]) if found else 0
    applications = 0
    if dataset.applications is not None:
        given = pd.read_parquet(dataset.applications_path, columns=["customer_id"])
        applications = int((given["customer_id"] == customer_id).sum())
    return transactions, applications


def erase_rows(dataset: Dataset, customer_id: str, settings: Settings) -> bool:
    """Rewrite a dataset without a customer; return False where nothing was left and it went.

    Its fingerprint stays, as a name: it is the hash of the content before, and the notes say so.
    """
    transactions, applications = rows_of(dataset, customer_id, settings)
    filed = dataset.applications
    if transactions == dataset.rows and (filed is None or applications == filed.rows):
        shutil.rmtree(dataset.folder)
        return False
    if transactions:
        for path in (dataset.transactions_path, dataset.customers_path):
            if path.exists():  # a dataset stored earlier has no file of customers
                _rewrite(path, customer_id, settings, dataset.folder)
    if applications and filed is not None:
        frame = pd.read_parquet(dataset.applications_path)
        frame = frame[frame["customer_id"] != customer_id]
        write_atomic(dataset.applications_path, frame.to_parquet(index=False))
        filed = replace(filed, rows=filed.rows - applications)
    _erase_rejects(dataset.rejects_path, customer_id)
    _erase_rejects(dataset.applications_rejects_path, customer_id)
    left = replace(
        dataset,
        rows=dataset.rows - transactions,
        customers=dataset.customers - bool(transactions),
        applications=filed,
        values={},
        erased_customers=dataset.erased_customers + 1,
        erased_rows=dataset.erased_rows + transactions,
        notes=(
            *dataset.notes,
            f"One customer's rows were erased on {datetime.now(UTC):%Y-%m-%d}; the fingerprint is "
            "that of the content before.",
        ),
    )
    save_manifest(left, dataset.folder)
    return True


def _rewrite(path: Path, customer_id: str, settings: Settings, folder: Path) -> None:
    scratch = path.with_name(f".{path.name}.erasing")
    try:
        with connect(settings, [folder]) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_parquet({text_literal(str(path.resolve()))}) "
                f"WHERE customer_id <> {text_literal(customer_id)}) "
                f"TO {text_literal(str(scratch.resolve()))} (FORMAT parquet)"
            )
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _erase_rejects(path: Path, customer_id: str) -> None:
    """Leave out rejected cells that quote the customer's id; line and reason stay counted."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    if not any(customer_id in cell for row in rows for cell in row[2:3]):
        return
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    for row in rows:
        quoted = len(row) > 2 and customer_id in row[2]
        writer.writerow([*row[:2], "(erased)", *row[3:]] if quoted else row)
    write_atomic(path, target.getvalue().encode("utf-8"))
