"""A customer erased is nowhere to be found, and the record is whole."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from app import jobs
from credit_core import workflows
from credit_core.data.remarks import of_ledger
from credit_core.data.store import open_dataset
from credit_core.errors import InputError
from credit_core.oversight import events, idempotency
from credit_core.workflows.erasure import erase, held
from credit_core.workflows.monitoring import receive_outcomes, received_outcomes

CUSTOMER = "C000010"


@pytest.fixture
def own(store, tmp_path: Path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


def test_nothing_is_left_of_an_erased_customer(own, written) -> None:
    settings, dataset = own.settings, open_dataset(own.settings, own.dataset.fingerprint)
    found = workflows.explain(dataset, settings, CUSTOMER)
    made = workflows.decide(found, found.decision, settings, note=f"{CUSTOMER} rang")
    came = written(f"customer_id,outcome\n{CUSTOMER},1\nC000011,0\nC000012,0\n")
    receive_outcomes(came, dataset, settings)
    idempotency.claim(settings, "k" * 64, "r" * 64)
    idempotency.complete(settings, "k" * 64, f'{{"customer_id": "{CUSTOMER}"}}')
    results = jobs._root(settings) / "abc-1"
    results.mkdir(parents=True)
    pd.DataFrame({"customer_id": [CUSTOMER, "B"]}).to_parquet(results / "scores.parquet")
    (results / "scores.csv").write_text(f"customer_id\n{CUSTOMER}\n")

    before = held(settings, CUSTOMER)
    assert before.datasets[dataset.fingerprint][0] > 0
    assert (before.kept, before.outcomes, len(before.results), before.answers) == (2, 1, 1, 1)
    assert before.decisions == 1
    assert erase(settings, CUSTOMER) == before

    assert held(settings, CUSTOMER).nothing
    left = [
        path
        for path in settings.home.rglob("*")
        if path.is_file() and CUSTOMER.encode() in path.read_bytes()
    ]
    assert left == []
    now = open_dataset(settings, dataset.fingerprint)
    assert CUSTOMER not in set(pd.read_parquet(now.customers_path)["customer_id"])
    assert now.rows == dataset.rows - before.datasets[dataset.fingerprint][0]
    assert "erased" in now.notes[-1]
    gone = before.datasets[dataset.fingerprint][0]
    assert f"left out: 1 of its customers, {gone:,} transactions" in " ".join(of_ledger(now))
    with pytest.raises(InputError, match="There is no customer"):
        workflows.explain(now, settings, CUSTOMER)
    other = workflows.explain(now, settings, "C000011")
    assert other.score == workflows.explain(own.dataset, own.settings, "C000011").score
    assert len(received_outcomes(settings, now)) == 2
    assert events.verify(settings) is None
    assert events.list_events(settings, limit=1)[0].kind == "erased"
    with pytest.raises(InputError, match="not kept any more"):
        workflows.replay(settings, made.sequence)
    # Bringing the same file in again gives the dataset as it is now, without the customer.
    with pytest.raises(InputError, match="Nothing is stored"):
        erase(settings, CUSTOMER)


def test_a_dataset_of_the_customer_alone_goes_whole(settings, written) -> None:
    path = written("customer_id,date,amount\nsolo,2024-01-01,5\nsolo,2024-01-02,7\n", "solo.csv")
    dataset = workflows.ingest(path, settings)
    erase(settings, "solo")
    assert not dataset.folder.exists()


def test_rejected_cells_that_quote_the_customer_are_blanked(settings, written) -> None:
    path = written(
        "customer_id,date,amount\nann,2024-01-01,5\nbob,2024-01-02,7\nann,2024-01-03,ann!\n"
    )
    dataset = workflows.ingest(path, settings)
    assert "ann!" in dataset.rejects_path.read_text()
    erase(settings, "ann")
    assert "ann" not in dataset.rejects_path.read_text()
    assert "(erased)" in dataset.rejects_path.read_text()
