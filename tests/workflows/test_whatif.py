"""What if: the same score for the same transactions, and paths that hold when walked."""

from __future__ import annotations

import pandas as pd
import pytest

from credit_core import workflows
from credit_core.data.store import Dataset
from credit_core.errors import InputError
from credit_core.labels.observed import load_applications
from credit_core.settings import Settings
from credit_core.workflows import whatif


@pytest.fixture(scope="module")
def some(store):
    """Explanations of customers that are not approved, with history and attributes."""
    version = store.version("logistic")
    scored = workflows.score(store.dataset, store.settings, store.bundle("logistic"))
    rows = [i for i, decision in enumerate(scored.decisions) if decision != "approve"][:8]
    applications = load_applications(store.dataset)
    found = []
    for row in rows:
        one = workflows.explanation(scored, row, version)
        history = whatif.transactions_of(store.dataset, store.settings, one.customer_id)
        found.append((one, history, whatif.attributes_of(one, applications)))
    return found


def test_unchanged_transactions_give_the_same_score_to_the_bit(some, store) -> None:
    for found, history, attributes in some:
        same = whatif.rescore(found, store.settings, history, attributes=attributes)
        assert same.after.score == found.score
        assert same.changes == ()


def test_changes_add_up_to_the_difference(some, store) -> None:
    found, history, attributes = some[0]
    extra = history.tail(3).assign(amount=5000.0, timestamp=found.as_of - pd.Timedelta(days=2))
    edited = pd.concat([history, extra], ignore_index=True)
    result = whatif.rescore(found, store.settings, edited, attributes=attributes)
    assert result.after.score != found.score
    moved = sum(change.points for change in result.changes)
    assert moved == pytest.approx(result.after.score - found.score, abs=0.05 * 70)
    assert {"money_out", "transactions", "recency_days"} <= {c.source for c in result.changes}


def test_an_edit_scores_as_the_edited_file_would(some, store, tmp_path, simulated) -> None:
    found, history, attributes = some[0]
    edited = history.iloc[:-2].assign(amount=lambda f: f["amount"].where(f["amount"] < 0, 9.99))
    result = whatif.rescore(found, store.settings, edited, attributes=attributes)
    path = tmp_path / "edited.csv"
    edited.to_csv(path, index=False)
    settings = Settings(home=tmp_path / "home", models=store.settings.models, threads=2)
    settings.home.mkdir()
    dataset: Dataset = workflows.ingest(path, settings, applications=simulated / "applications.csv")
    alone = workflows.score(dataset, settings, found.bundle, customers=[found.customer_id])
    assert alone.scored.points[-1] == result.after.score


def test_paths_lead_where_they_say(some, store) -> None:
    walked = 0
    for found, history, attributes in some:
        paths = whatif.paths_to_approval(found, store.settings, history, 6, attributes)
        assert len({len(path.chosen) for path in paths}) <= 1, "only the fewest changes"
        for path in paths:
            then = whatif.imagine(
                found, store.settings, history, path.chosen, path.months, attributes
            )
            assert then.after.decision == "approve"
            assert then.after.score == path.score
            walked += 1
    assert walked, "some customer of eight has a path"


def test_going_on_as_before_is_told_apart_from_the_change(some, store) -> None:
    found, history, attributes = some[0]
    as_it_is = whatif.imagine(found, store.settings, history, {}, 3, attributes)
    assert as_it_is.as_before == as_it_is.after.score
    changed = whatif.imagine(found, store.settings, history, {"purchases": 5}, 3, attributes)
    assert changed.as_before == as_it_is.after.score
    assert changed.after.score != changed.as_before
    assert changed.after.customer_id == found.customer_id
    assert whatif.rescore(found, store.settings, history, attributes=attributes).as_before is None


def test_nothing_left_is_refused(some, store) -> None:
    found, history, attributes = some[0]
    with pytest.raises(InputError, match="keep at least one"):
        whatif.rescore(found, store.settings, history.iloc[:0], attributes=attributes)
