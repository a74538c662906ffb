"""A new applicant, pasted or uploaded, scores as the same person in a ledger does."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from credit_core import workflows
from credit_core.errors import InputError
from credit_core.labels.observed import load_applications
from credit_core.oversight.registry import load_version
from credit_core.workflows.newcomer import MOST_ROWS, bring_in_applicant
from credit_core.workflows.whatif import transactions_of


@pytest.fixture
def store(store, tmp_path: Path):
    """The shared store with a home of the test's own: new applicants are stored in it."""
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


@pytest.fixture
def known(store):
    """A customer with an application: its row, and the transactions on file."""
    applications = load_applications(store.dataset)
    row = applications.iloc[7]
    history = transactions_of(store.dataset, store.settings, row["customer_id"])
    return row, history


def answers(store, row: pd.Series) -> dict[str, float | str | None]:
    names = [attribute.name for attribute in store.bundle("xgboost").attributes]
    return {name: None if pd.isna(row[name]) else row[name] for name in names}


@pytest.mark.parametrize("whose", [True, False])
def test_the_score_is_that_of_the_ledger_to_the_bit(
    store, known, tmp_path: Path, whose: bool
) -> None:
    row, history = known
    statement = tmp_path / "statement.csv"
    (history if whose else history.drop(columns="customer_id")).to_csv(statement, index=False)
    version = store.version("xgboost")
    dataset = bring_in_applicant(
        store.settings, load_version(version), row["customer_id"], statement, answers(store, row),
        row["as_of"].date(),
    )  # fmt: skip
    assert (dataset.customers, dataset.rows) == (1, len(history))
    found = workflows.explain(dataset, store.settings, row["customer_id"], model=version.reference)
    there = workflows.explain(
        store.dataset, store.settings, row["customer_id"], model=version.reference
    )
    assert found.as_of == there.as_of
    assert found.score == there.score
    assert found.reasons == there.reasons


def test_what_cannot_be_scored_is_refused_in_a_sentence(store, known, written) -> None:
    row, _ = known
    bundle = store.bundle("xgboost")

    def refused(match: str, customer: str, statement: Path | None) -> None:
        with pytest.raises(InputError, match=match):
            bring_in_applicant(store.settings, bundle, customer, statement, answers(store, row))

    two = written("customer_id,date,amount\nA,2024-01-01,5\nB,2024-01-02,5\n")
    refused("2 customers in its column 'customer_id'", "A", two)
    refused("Give the applicant an id", "  ", two)
    refused("paste or upload", "A", None)
    refused("no column was recognised", "A", written("x,y\nhello,you\n", "words.csv"))
    bare = written("date,amount\n2024-01-01,5\n2024-01-02,7\n", "bare.csv")
    refused("bare.csv: the model reads .*balance", "A", bare)
    rows = "\n".join(f"2024-01-{1 + i % 28:02},{i}.5" for i in range(MOST_ROWS + 1))
    refused("too many for one applicant", "A", written(f"date,amount\n{rows}\n", "long.csv"))
    assert not list(store.settings.home.glob(".incoming-*")), "nothing is left behind"
