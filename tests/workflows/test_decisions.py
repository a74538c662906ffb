"""Recorded decisions can be recomputed to the bit, also under newer models and policies."""

from __future__ import annotations

import json
import multiprocessing as mp
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from credit_core import workflows
from credit_core.errors import InputError
from credit_core.labels.observed import load_applications
from credit_core.oversight import events
from credit_core.settings import Settings
from credit_core.workflows.decisions import list_decisions, override_outcomes


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


def test_a_second_person_confirms_what_policy_makes_wait(own, customer: str) -> None:
    version = own.version("logistic")
    workflows.set_policy(
        own.settings, version, approve_from=560.0, decline_below=500.0,
        thin_file_transactions=0, four_eyes="overrides", reason="two people",
    )  # fmt: skip
    found = workflows.explain(own.dataset, own.settings, customer, model=version.reference)
    other = "approve" if found.decision != "approve" else "decline"
    plain = workflows.decide(found, found.decision, own.settings)
    waits = workflows.decide(found, other, own.settings, reason_code="documents")
    colleague = own.settings.model_copy(update={"actor": "a colleague"})
    with pytest.raises(InputError, match="another person has to confirm"):
        workflows.confirm(own.settings, waits.sequence, True)
    with pytest.raises(InputError, match="does not wait"):
        workflows.confirm(colleague, plain.sequence, True)
    status = list_decisions(own.settings).set_index("event")["status"]
    assert (status[plain.sequence], status[waits.sequence]) == ("final", "waiting")
    workflows.confirm(colleague, waits.sequence, False, "papers missing")
    with pytest.raises(InputError, match="already"):
        workflows.confirm(colleague, waits.sequence, True)
    assert list_decisions(own.settings).set_index("event")["status"][waits.sequence] == "rejected"
    assert events.verify(own.settings) is None
    with pytest.raises(InputError, match="'some' is unknown"):
        workflows.set_policy(
            own.settings, version, approve_from=560.0, decline_below=500.0,
            thin_file_transactions=0, four_eyes="some", reason="x",
        )  # fmt: skip


def test_outcomes_of_overridden_cases_are_those_on_file(own) -> None:
    scored = workflows.score(own.dataset, own.settings, own.bundle("logistic"))
    version = own.version("logistic")
    applications = load_applications(own.dataset).set_index("customer_id")["outcome"]
    declined = [i for i, name in enumerate(scored.decisions) if name == "decline"][:12]
    bads = 0
    for row in declined:
        found = workflows.explanation(scored, row, version)
        workflows.decide(found, "approve", own.settings, reason_code="documents")
        bads += int(applications[found.customer_id])
    (only,) = override_outcomes(own.settings, own.dataset).to_dict("records")
    assert (only["recommended"], only["decision"]) == ("decline", "approve")
    assert (only["n"], only["bads"]) == (12, bads)
    assert only["low"] < only["rate"] < only["high"]


_ENDLESS = """
import sys
from pathlib import Path
from credit_core.oversight import events
from credit_core.settings import Settings
settings = Settings(home=Path(sys.argv[1]), models=Path(sys.argv[1]) / "models")
while True:
    print(events.record(settings, "decided", {"text": "x" * 20_000}).sequence, flush=True)
"""


def test_a_kill_amid_writing_loses_no_event_and_leaves_no_half_row(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, models=tmp_path / "models")
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", _ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(25)]
        writer.kill()  # SIGKILL, most likely amid a transaction
        told += [int(line) for line in writer.stdout if line.strip()]
        writer.wait(30)
        writer.stdout.close()
        assert events.verify(settings) is None
        assert events.count(settings) in (told[-1], told[-1] + 1), "what was told is there"
    assert events.record(settings, "decided", {}).sequence == events.count(settings)
