"""Applicants on a topic: the API's answers, one event however often a message comes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("faststream", reason="faststream is not installed")

from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker

from app import stream
from app.serving import Serving
from app.stream import NAME, Topics, answer_applicants
from credit_core.data.ledger import open_ledger
from credit_core.errors import CandorError
from credit_core.labels.observed import load_applications
from credit_core.oversight import events, idempotency
from credit_core.oversight.registry import find_version
from credit_core.settings import Settings
from credit_core.workflows.scoring import explain

TOPICS = Topics("applicants", "scores", "candor")
Message = tuple[bytes, dict[str, str]]


@pytest.fixture
def own(store, tmp_path: Path) -> Settings:
    """The shared models under a home of the test's own."""
    (tmp_path / "own").mkdir()
    return store.settings.model_copy(update={"home": tmp_path / "own"})


@pytest.fixture(scope="module")
def applicants(store) -> list[dict[str, Any]]:
    """Two applicants as the default champion wants them."""
    bundle = store.bundle("logistic")
    rows = load_applications(store.dataset).drop_duplicates("customer_id").head(2)
    with open_ledger(store.dataset, store.settings) as ledger:
        names = ("timestamp", "amount", "balance", "category", "channel", "is_fraud")
        moved = ledger.frame(f"SELECT customer_id, {', '.join(names)} FROM transactions")
    found = []
    for row in rows.to_dict("records"):
        mine = moved[moved["customer_id"] == row["customer_id"]].drop(columns="customer_id")
        mine["timestamp"] = mine["timestamp"].map(lambda moment: moment.isoformat())
        mine[["amount", "balance"]] = mine[["amount", "balance"]].astype("float64")
        plain = mine.astype("object").where(mine.notna(), None)
        known = {a.name: row[a.name] for a in bundle.attributes}
        found.append(
            {
                "customer_id": row["customer_id"],
                "as_of": row["as_of"].isoformat(),
                "transactions": plain.to_dict("records"),
                "attributes": {k: None if v != v else v for k, v in known.items()},
            }
        )
    return found


def exchanged(settings: Settings, sent: list[Message]) -> dict[str, list[dict[str, Any]]]:
    """Send messages to a broker in memory; return what arrived, by topic."""
    arrived: dict[str, list[dict[str, Any]]] = {TOPICS.scores: [], TOPICS.refused: []}

    async def run() -> None:
        serving = Serving(settings)
        broker = KafkaBroker()
        answer_applicants(broker, settings, serving, TOPICS)

        @broker.subscriber(TOPICS.scores)
        @broker.subscriber(TOPICS.refused)
        async def read(message: KafkaMessage) -> None:
            arrived[message.raw_message.topic].append(json.loads(message.body))
            assert message.raw_message.key == b"k"

        async with TestKafkaBroker(broker):
            for body, headers in sent:
                await broker.publish(body, TOPICS.applicants, key=b"k", headers=headers)
        serving.close()

    asyncio.run(run())
    return arrived


def test_an_applicant_is_answered_as_everywhere_and_recorded_once(store, own, applicants) -> None:
    first, second = (json.dumps(one).encode() for one in applicants)
    sent = [(first, {NAME: "a"}), (second, {NAME: "b"}), (first, {NAME: "a"})]
    arrived = exchanged(own, sent)
    one, two, again = arrived[TOPICS.scores]
    assert again == one
    assert arrived[TOPICS.refused] == []
    recorded = events.list_events(own, 10, "scored")
    assert sorted(event.sequence for event in recorded) == sorted([one["event"], two["event"]])
    assert {event.actor for event in recorded} == {"topic applicants"}
    assert applicants[0]["customer_id"] not in json.dumps([e.details for e in recorded])
    for answer, given in ((one, applicants[0]), (two, applicants[1])):
        expected = explain(store.dataset, store.settings, given["customer_id"]).facts()
        for name in ("score", "risk", "base", "contributions", "reasons", "decision", "risk_is"):
            assert answer[name] == json.loads(json.dumps(expected[name])), name


def test_a_message_without_a_name_is_named_by_its_place(own, applicants) -> None:
    """In memory every message has the same place, as a message has that comes again."""
    body = json.dumps(applicants[0]).encode()
    first, again = exchanged(own, [(body, {}), (body, {})])[TOPICS.scores]
    assert first == again
    assert len(events.list_events(own, 10, "scored")) == 1
    other = json.dumps(applicants[1]).encode()
    (refused,) = exchanged(own, [(other, {})])[TOPICS.refused]
    assert "used for another request" in refused["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"customer_id": "x", "surprise": 1}', "surprise"),
        (b'{"customer_id": "x", "transactions": [{"timestamp": "2024-01-01", "amount": NaN}]}', ""),
        (b'{"customer_id": "secret-name", "attributes": {}}', "as_of"),
        (b"[" * 100_000, "JSON"),
        (b" " * 8_000_001, "larger"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_its_place(own, body: bytes, said: str) -> None:
    arrived = exchanged(own, [(body, {NAME: "n"})])
    assert arrived[TOPICS.scores] == []
    (refused,) = arrived[TOPICS.refused]
    assert said in refused["error"]
    assert "secret-name" not in json.dumps(refused)
    assert (refused["topic"], refused["partition"], refused["offset"]) == ("applicants", 0, 0)
    assert events.list_events(own, 10, "scored") == []


def test_what_is_no_fault_of_the_message_leaves_it_unanswered(
    own, applicants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the record is raised, so that the broker hands the message out again."""
    monkeypatch.setattr(stream, "_AGAIN", 0.0)
    body, real = json.dumps(applicants[0]).encode(), events.record

    def broken(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(events, "record", broken)
    with pytest.raises(OSError, match="no space"):
        exchanged(own, [(body, {NAME: "a"})])
    monkeypatch.setattr(events, "record", real)
    (answer,) = exchanged(own, [(body, {NAME: "a"})])[TOPICS.scores]
    assert answer["event"] == events.list_events(own, 10, "scored")[0].sequence


def test_one_that_is_being_answered_is_waited_for(
    own, applicants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_AGAIN", 0.0)
    real, tries = idempotency.claim, []

    def busy(*given: Any) -> Any:
        tries.append(given)
        if len(tries) < 3:
            raise idempotency.BusyError("The same request is being answered now.")
        return real(*given)

    monkeypatch.setattr(idempotency, "claim", busy)
    body = json.dumps(applicants[0]).encode()
    (answer,) = exchanged(own, [(body, {NAME: "a"})])[TOPICS.scores]
    assert answer["customer_id"] == applicants[0]["customer_id"]
    assert len(tries) == 3


def test_without_a_champion_or_a_broker_a_sentence_says_so(fresh: Settings, own: Settings) -> None:
    with pytest.raises(CandorError, match="No model has been promoted"):
        asyncio.run(stream.consume(fresh, ["localhost:1"], TOPICS))
    assert find_version(own, "champion")
    with pytest.raises(CandorError, match="No broker answers at localhost:1"):
        asyncio.run(stream.consume(own, ["localhost:1"], TOPICS))
