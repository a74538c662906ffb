"""The record: one chain whoever writes, and every change to it is named."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from credit_core.oversight import events
from credit_core.settings import Settings


@pytest.fixture
def chain(settings: Settings) -> Settings:
    for i in range(8):
        events.record(settings, "tested", {"i": i, "text": "Ä'\"\n", "nested": {"a": [1, None]}})
    return settings


def damage(settings: Settings, *statements: str) -> None:
    with sqlite3.connect(settings.home / "events.db") as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_chain_as_written_is_whole(chain: Settings) -> None:
    assert events.verify(chain) is None
    written = events.list_events(chain)
    assert [event.sequence for event in written] == list(range(8, 0, -1))
    assert written[-1].previous == events.GENESIS
    for later, earlier in pairwise(written):
        assert later.previous == earlier.hash
    assert written[0].details == {"i": 7, "text": "Ä'\"\n", "nested": {"a": [1, None]}}
    assert {event.actor for event in written} == {chain.actor}


def test_an_empty_record_is_whole(settings: Settings) -> None:
    assert events.verify(settings) is None
    assert events.list_events(settings) == []


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE events SET details = replace(details, '3', '4') WHERE sequence = 4", 4),
        ("UPDATE events SET actor = 'someone else' WHERE sequence = 2", 2),
        ("UPDATE events SET kind = 'other' WHERE sequence = 8", 8),
        ("UPDATE events SET at = '2020-01-01T00:00:00.000+00:00' WHERE sequence = 1", 1),
        ("UPDATE events SET hash = previous WHERE sequence = 5", 5),
        ("UPDATE events SET previous = hash WHERE sequence = 6", 6),
        ("DELETE FROM events WHERE sequence = 3", 3),
        ("DELETE FROM events WHERE sequence = 1", 1),
    ],
)
def test_a_change_names_the_first_broken_row(statement: str, row: int, chain: Settings) -> None:
    damage(chain, statement)
    assert re.search(rf"^Event {row}\b", events.verify(chain) or "")


def test_rows_that_changed_places_are_named(chain: Settings) -> None:
    damage(
        chain,
        "UPDATE events SET sequence = 100 WHERE sequence = 3",
        "UPDATE events SET sequence = 3 WHERE sequence = 4",
        "UPDATE events SET sequence = 4 WHERE sequence = 100",
    )
    assert "Event 3" in (events.verify(chain) or "")


def test_a_removed_row_with_the_rest_moved_up_is_named(chain: Settings) -> None:
    damage(
        chain,
        "DELETE FROM events WHERE sequence = 5",
        "UPDATE events SET sequence = sequence - 1 WHERE sequence > 5",
    )
    assert "Event 5" in (events.verify(chain) or "")


def test_a_row_rewritten_with_a_right_hash_breaks_the_next(chain: Settings) -> None:
    row = events.list_events(chain)[4]
    text = json.dumps({"i": 99}, sort_keys=True)
    forged = events._digest(row.sequence, row.at, row.kind, row.actor, text, row.previous)
    damage(
        chain,
        f"UPDATE events SET details = '{text}', hash = '{forged}' WHERE sequence = {row.sequence}",
    )
    assert f"Event {row.sequence + 1} does not follow" in (events.verify(chain) or "")


APPENDER = """
import sys
from pathlib import Path
from credit_core.oversight import events
from credit_core.settings import Settings
settings = Settings(home=Path(sys.argv[1]), actor=sys.argv[2])
for i in range(int(sys.argv[3])):
    events.record(settings, "appended", {"i": i})
"""


def test_four_processes_keep_one_chain(settings: Settings) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(settings.home), name, "15"])
        for name in "abcd"
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0, 0]
    assert events.verify(settings) is None
    written = events.list_events(settings, limit=1000)
    assert len(written) == 60
    for name in "abcd":
        own = [event.details["i"] for event in written[::-1] if event.actor == name]
        assert own == list(range(15)), "each writer's events in its order"


details = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    max_size=4,
)  # fmt: skip


@given(details)
@effort(max_examples=15)
def test_any_details_come_back_as_they_were(settings: Settings, given: dict) -> None:
    written = events.record(settings, "tested", given)
    assert events.list_events(settings, 1)[0] == written
    assert written.details == given
    assert events.verify(settings) is None


def test_what_is_no_number_is_not_recorded(settings: Settings) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        events.record(settings, "tested", {"x": float("nan")})
    assert events.list_events(settings) == []


def test_events_can_be_asked_for_by_kind(chain: Settings) -> None:
    events.record(chain, "other", {})
    assert [event.kind for event in events.list_events(chain, kind="other")] == ["other"]
    assert len(events.list_events(chain, limit=3)) == 3


def test_a_customers_key_is_stable_and_keyed(settings: Settings, tmp_path: Path) -> None:
    key = events.customer_key(settings, "C000001")
    assert events.customer_key(settings, "C000001") == key
    assert events.customer_key(settings, "C000002") != key
    assert re.fullmatch(r"[0-9a-f]{32}", key)
    assert "C000001" not in key
    elsewhere = Settings(home=tmp_path / "other", models=tmp_path / "m")
    elsewhere.home.mkdir()
    assert events.customer_key(elsewhere, "C000001") != key, "another home has another key"
    mode = (settings.home / "customer.key").stat().st_mode & 0o777
    assert mode == 0o600


def test_the_record_is_for_its_owner_only(chain: Settings) -> None:
    assert (chain.home / "events.db").stat().st_mode & 0o077 == 0


def test_a_decision_is_recorded_without_the_customers_name(
    store, settings: Settings, written: Callable[..., Path]
) -> None:
    from credit_core import workflows
    from credit_core.errors import InputError

    customer = "C000007"
    found = workflows.explain(store.dataset, store.settings, customer)
    other = "decline" if found.decision != "decline" else "approve"
    with pytest.raises(InputError, match="reason code"):
        workflows.decide(found, other, settings)
    with pytest.raises(InputError, match="no decision"):
        workflows.decide(found, "perhaps", settings)
    event = workflows.decide(found, other, settings, reason_code="policy", note=f"{customer} asked")
    assert event.details["override"] is True
    assert event.details["recommended"] == found.decision
    assert event.details["score"] == found.score
    assert event.details["sha256"] == found.version.sha256
    assert customer.encode() not in (settings.home / "events.db").read_bytes()
    assert event.details["customer"] == events.customer_key(settings, customer)
