"""Recorded decisions can be recomputed to the bit, also under newer models and policies."""

from __future__ import annotations

import json
import multiprocessing as mp
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from credit_core import workflows
from credit_core.errors import InputError
from credit_core.oversight import events
from credit_core.settings import Settings


@pytest.fixture
def own(store, tmp_path: Path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


@pytest.fixture
def customer(store) -> str:
    return str(workflows.score_dataset(store.dataset, store.settings).frame["customer_id"].iloc[3])


@pytest.mark.parametrize("family", ["logistic", "xgboost", "lightgbm", "scorecard"])
def test_a_replay_is_identical_under_a_newer_policy(own, customer: str, family: str) -> None:
    version = own.version(family)
    found = workflows.explain(own.dataset, own.settings, customer, model=version.reference)
    made = workflows.decide(found, found.decision, own.settings, note="seen")
    workflows.set_policy(
        own.settings, version, approve_from=900.0, decline_below=899.0,
        thin_file_transactions=0, reason="stricter",
    )  # fmt: skip
    again = workflows.replay(own.settings, made.sequence)
    assert again.identical
    assert (again.score_now, again.recommended_now) == (found.score, found.decision)
    now = workflows.explain(own.dataset, own.settings, customer, model=version.reference)
    assert now.decision == "decline"


def test_what_was_erased_or_changed_is_said(own, customer: str) -> None:
    found = workflows.explain(own.dataset, own.settings, customer)
    made = workflows.decide(found, found.decision, own.settings)
    folder = own.settings.home / "notes" / made.details["customer"]
    (path,) = folder.glob("*.json")
    kept = json.loads(path.read_text())
    assert {"transactions", "money_out"} <= set(kept)
    path.write_text(path.read_text().replace("{", "{ ", 1))
    with pytest.raises(InputError, match="changed after it was recorded"):
        workflows.replay(own.settings, made.sequence)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="not kept any more"):
        workflows.replay(own.settings, made.sequence)
    assert events.verify(own.settings) is None, "erasing leaves the record whole"
    with pytest.raises(InputError, match="is no decision"):
        workflows.replay(own.settings, 1)


def test_overrides_are_counted_by_officer_and_reason(own, customer: str) -> None:
    found = workflows.explain(own.dataset, own.settings, customer)
    other = "approve" if found.decision != "approve" else "decline"
    workflows.decide(found, found.decision, own.settings)
    workflows.decide(found, other, own.settings, reason_code="documents")
    table = workflows.override_rates(own.settings).set_index(["by", "name"])
    officer = table.loc["officer"].iloc[0]
    assert (officer["decisions"], officer["overrides"], officer["rate"]) == (2, 1, 0.5)
    assert table.loc[("reason", "documents"), "overrides"] == 1
    assert workflows.override_rates(Settings(home=own.settings.home.parent / "empty")).empty


def _write(home: str, count: int) -> None:
    settings = Settings(home=Path(home), models=Path(home) / "models")
    for i in range(count):
        events.record(settings, "decided", {"i": i})


def test_eight_writers_keep_one_chain(tmp_path: Path) -> None:
    context = mp.get_context("spawn")
    writers = [context.Process(target=_write, args=(str(tmp_path), 5)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    settings = Settings(home=tmp_path, models=tmp_path / "models")
    assert events.count(settings) == 40
    assert events.verify(settings) is None


def test_the_first_broken_event_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, models=tmp_path / "models")
    _write(str(tmp_path), 4)
    (database,) = tmp_path.glob("*.db")
    with sqlite3.connect(database) as connection:
        connection.execute("""UPDATE events SET details = '{"i": 9}' WHERE sequence = 2""")
    assert "Event 2 was changed" in str(events.verify(settings))
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM events WHERE sequence = 2")
    assert "Event 2 is missing" in str(events.verify(settings))
