"""The API: the same answers as everywhere else, and every odd request turned away by name."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pandas as pd
import pytest
import schemathesis
from fastapi.testclient import TestClient
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app import keys
from app.api import build
from credit_core import workflows
from credit_core.data.ledger import open_ledger
from credit_core.decisions.scoring import needed_columns
from credit_core.errors import InputError
from credit_core.labels.observed import load_applications
from credit_core.modelling.bundle import Bundle
from credit_core.oversight import events
from credit_core.oversight.registry import load_version, promote
from credit_core.settings import Settings
from credit_core.workflows.single import Applicant, SingleScorer, explain_many

FAMILIES = ("logistic", "xgboost", "lightgbm")


@pytest.fixture
def own(store, tmp_path: Path) -> Settings:
    """The shared models under a home of the test's own."""
    (tmp_path / "own").mkdir()
    return store.settings.model_copy(update={"home": tmp_path / "own"})


@pytest.fixture
def client(own: Settings) -> Iterator[TestClient]:
    with opened(own) as found:
        yield found


def opened(settings: Settings) -> TestClient:
    key = keys.create(settings, "test")
    headers = {"Authorization": f"Bearer {key}"}
    return TestClient(build(settings), headers=headers, raise_server_exceptions=False)


@pytest.fixture(scope="session")
def moved(store) -> dict[str, list[dict[str, Any]]]:
    """Every customer's transactions as JSON has them."""
    with open_ledger(store.dataset, store.settings) as ledger:
        frame = ledger.frame("SELECT * FROM transactions ORDER BY ALL")
    kept = ["timestamp", "amount", "balance", "category", "channel", "is_fraud"]
    kept = [name for name in kept if name in frame.columns]
    frame["timestamp"] = frame["timestamp"].map(lambda moment: moment.isoformat())
    frame[["amount", "balance"]] = frame[["amount", "balance"]].astype("float64")
    plain = frame[kept].astype("object").where(frame[kept].notna(), None)
    rows = plain.to_dict("records")
    found: dict[str, list[dict[str, Any]]] = {}
    for customer, row in zip(frame["customer_id"], rows, strict=True):
        found.setdefault(str(customer), []).append(row)
    return found


def attributes_of(store, bundle: Bundle, customer: str, as_of: pd.Timestamp) -> dict[str, Any]:
    if not bundle.attributes:
        return {}
    rows = load_applications(store.dataset)
    row = rows[(rows["customer_id"] == customer) & (rows["as_of"] == as_of)].iloc[-1]
    return {
        a.name: None
        if pd.isna(row[a.name])
        else (float(row[a.name]) if a.kind == "number" else str(row[a.name]))
        for a in bundle.attributes
    }


def payload(store, moved, bundle: Bundle, customer: str, as_of: pd.Timestamp) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "transactions": moved.get(customer, []),
        "attributes": attributes_of(store, bundle, customer, as_of),
        "as_of": as_of.isoformat(),
        "history_from": store.dataset.first.date().isoformat(),
    }


@pytest.fixture
def valid(store, moved) -> dict[str, Any]:
    bundle = load_version(store.observed.champion)
    scored = workflows.score(store.dataset, store.settings, bundle)
    row = scored.snapshots.iloc[5]
    return payload(store, moved, bundle, row["customer_id"], row["as_of"])


@pytest.mark.parametrize("family", [*FAMILIES, "proxy"])
def test_one_customer_alone_is_scored_as_in_the_file_to_the_bit(store, moved, family) -> None:
    version = store.proxy.versions[0] if family == "proxy" else store.version(family)
    bundle = load_version(version)
    whole = workflows.score(store.dataset, store.settings, bundle)
    scorer = SingleScorer(bundle, version)
    columns = ["timestamp", "amount", *sorted(needed_columns(bundle))]
    begins = datetime.combine(store.dataset.first.date(), datetime.min.time())
    given = []
    rows = range(0, len(whole.snapshots), 15)
    for i in rows:
        customer, as_of = whole.snapshots.iloc[i]
        told = moved.get(customer, [])
        kept = {name: [row[name] for row in told] for name in columns}
        kept["timestamp"] = [datetime.fromisoformat(text) for text in kept["timestamp"]]
        attributes = attributes_of(store, bundle, customer, as_of)
        given.append(Applicant(customer, kept, attributes, as_of.to_pydatetime(), begins))
    together = explain_many(store.settings, bundle, version, given)
    for i, one, beside in zip(rows, given, together, strict=True):
        wanted = workflows.explanation(whole, i, version)
        assert scorer.explain(one) == wanted
        assert beside == wanted
    assert len(given) == 40


def test_api_command_line_and_page_give_one_answer(client, store, valid) -> None:
    version = store.observed.champion
    found = client.post("/v1/score", json=valid)
    assert found.status_code == 200, found.text
    answer = found.json()
    facts = workflows.explain(store.dataset, store.settings, valid["customer_id"]).facts()
    assert {name: answer[name] for name in facts} == json.loads(json.dumps(facts))
    frame = workflows.score_dataset(store.dataset, store.settings).frame
    row = frame[frame["customer_id"] == valid["customer_id"]].iloc[-1]
    assert (answer["score"], answer["risk"]) == (row["score"], row["risk"])
    assert answer["decision"] == row["decision"]
    assert answer["model_version"] == version.version
    parts = sum(part["points"] for part in answer["contributions"])
    assert answer["base"] + parts == pytest.approx(answer["score"], abs=1e-6)
    assert answer["transactions_given"] == len(valid["transactions"])
    window = timedelta(days=load_version(version).observation_days)
    as_of = datetime.fromisoformat(valid["as_of"])
    times = [datetime.fromisoformat(row["timestamp"]) for row in valid["transactions"]]
    assert answer["transactions_counted"] == sum(as_of - window <= t < as_of for t in times)
    batch = client.post("/v1/score/batch", json={"customers": [valid]})
    assert batch.json()["scores"] == [answer]


def test_a_customer_without_any_transaction_is_scored_and_referred(client, valid) -> None:
    silent = {**valid, "transactions": []}
    one = client.post("/v1/score", json=silent).json()
    assert one["thin_file"] is True
    assert one["decision"] == "refer"
    batch = client.post("/v1/score/batch", json={"customers": [silent]}).json()
    assert batch["scores"] == [one]
    del silent["as_of"]
    refused = client.post("/v1/score", json=silent)
    assert refused.status_code == 422
    assert refused.json()["fields"][0]["field"] == "as_of"


def test_keys_are_hashed_checked_and_revoked(own: Settings, valid) -> None:
    key = keys.create(own, "bank")
    kept = (own.home / "api-keys.json").read_text()
    assert key.split("_")[2] not in kept
    assert (own.home / "api-keys.json").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="already"):
        keys.create(own, "bank")
    with TestClient(build(own)) as client:

        def status(given: str | None) -> int:
            headers = {} if given is None else {"Authorization": given}
            return client.post("/v1/score", json=valid, headers=headers).status_code

        assert status(f"Bearer {key}") == 200
        other = key[:-1] + ("0" if key[-1] != "0" else "1")
        wrong = (None, key, f"Basic {key}", "Bearer ", f"Bearer {other}", f"Bearer {key[7:]}")
        assert [status(given) for given in wrong] == [401] * len(wrong)
        assert client.get("/metrics").status_code == 401
        assert client.get("/healthz").status_code == 200
        keys.revoke(own, "bank")
        assert status(f"Bearer {key}") == 401
    with pytest.raises(InputError, match="no valid key"):
        keys.revoke(own, "bank")


def _row(**changes: object) -> dict[str, object]:
    return {"timestamp": "2024-03-01", "amount": 1.5, **changes}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"transactions": [_row(amount="12")]}, "transactions.0.amount"),
        ({"transactions": [_row(amount=True)]}, "transactions.0.amount"),
        ({"transactions": [_row(amount=1e13)]}, "transactions.0.amount"),
        ({"transactions": [_row(amount=float("nan"))]}, "transactions.0.amount"),
        ({"transactions": [_row(amount=float("inf"))]}, "transactions.0.amount"),
        ({"transactions": [_row(), _row(timestamp=1709251200)]}, "transactions.1.timestamp"),
        ({"transactions": [_row(timestamp="yesterday")]}, "transactions.0.timestamp"),
        ({"transactions": [_row(timestamp="1969-12-31")]}, "transactions.0.timestamp"),
        ({"transactions": [_row(timestamp="0001-01-01T00:00:00+14:00")]}, "timestamp"),
        ({"transactions": [_row(timestamp="2999-01-01")]}, "transactions.0.timestamp"),
        ({"transactions": [_row(sum=1)]}, "transactions.0.sum"),
        ({"transactions": [_row(is_fraud=2)]}, "transactions.0.is_fraud"),
        ({"transactions": [_row(category="x" * 5000)]}, "transactions.0.category"),
        ({"transactions": {}}, "transactions"),
        ({"transactions": [None]}, "transactions.0"),
        ({"transactions": [_row(transaction_id="a")] * 2}, "transaction_id"),
        ({"transactions": [_row()] * 10_001}, "transactions"),
        ({"transactions": [_row()]}, "balance"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": 7}, "customer_id"),
        ({"customer_id": "\ud800"}, "customer_id"),
        ({"unknown": 1}, "unknown"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"weight": 1.0}}, "attributes.weight"),
        ({"as_of": "2999-01-01"}, "as_of"),
        ({"history_from": 5}, "history_from"),
    ],
)
def test_what_cannot_be_used_is_named_and_never_quoted(client, valid, change, field) -> None:
    secret = {"customer_id": "Jane-Doe-77"}
    body = json.dumps({**valid, **secret, **change})
    found = client.post("/v1/score", content=body, headers={"Content-Type": "application/json"})
    assert found.status_code == 422, found.text
    told = found.json()
    assert field in told["error"]
    assert told["fields"]
    assert "Jane-Doe-77" not in found.text
    assert len(found.text) < 5000
    assert told["request_id"] == found.headers["x-request-id"]


def test_a_text_that_fits_no_pattern_is_told_in_words(client, valid) -> None:
    told = client.post("/v1/score", json={**valid, "customer_id": " 7"}).json()["error"]
    assert told == "customer_id: it may not begin or end with a space, nor hold a line break"
    named = {"Idempotency-Key": "a b"}
    told = client.post("/v1/score", json=valid, headers=named).json()["error"]
    assert told.lower() == "idempotency-key: write it in printable ascii, without spaces"


def test_attributes_of_another_kind_are_named(client, valid) -> None:
    name = next(iter(valid["attributes"]))
    found = client.post("/v1/score", json={**valid, "attributes": {name: True}})
    assert {one["field"] for one in found.json()["fields"]} == {f"attributes.{name}"}
    for name, value in valid["attributes"].items():
        wrong = 1.0 if isinstance(value, str) else "many"
        found = client.post(
            "/v1/score", json={**valid, "attributes": {**valid["attributes"], name: wrong}}
        )
        assert found.json()["fields"][0]["field"] == f"attributes.{name}"
        short = {k: v for k, v in valid["attributes"].items() if k != name}
        found = client.post("/v1/score", json={**valid, "attributes": short})
        assert (found.status_code, name in found.json()["error"]) == (422, True)


def test_bodies_that_are_no_request_leave_the_server_up(client, valid) -> None:
    def sent(content: Any) -> int:
        return client.post(
            "/v1/score", content=content, headers={"Content-Type": "application/json"}
        ).status_code

    for kind in ("text/plain", "", "multipart/form-data"):
        told = client.post("/v1/score", content=b"{}", headers={"Content-Type": kind})
        assert (told.status_code, "application/json" in told.json()["error"]) == (415, True)
    assert sent(b"") == 422
    assert sent(b"{") == 400
    assert sent(b"\xff\xfe\x00") == 400
    assert sent(b'{"a":' * 100_000) == 400
    assert sent(b"[" * 100_000 + b"]" * 100_000) == 400
    assert sent(b'{"customer_id": 1e400}') == 422
    assert sent(b" " * 50_000_000) == 413
    many = [_row(balance=1.0)] * 100_000
    assert sent(json.dumps({**valid, "transactions": many}).encode()) in (413, 422)

    def endless() -> Iterator[bytes]:
        for _ in range(60):
            yield b" " * 1_000_000

    assert sent(endless()) == 413
    assert client.post("/v1/score/batch", json={"customers": []}).status_code == 422
    twice = client.post("/v1/score/batch", json={"customers": [valid, valid]})
    assert "more than once" in twice.json()["error"]
    bad = {**valid, "attributes": {}, "customer_id": "b"}
    named = client.post("/v1/score/batch", json={"customers": [valid, bad]})
    assert named.json()["fields"][0]["field"].startswith("customers.1.attributes.")
    assert client.get("/v1/score").status_code == 405
    assert client.post("/v1/score", json=valid).status_code == 200


def test_a_key_has_a_rate(own: Settings) -> None:
    slow = own.model_copy(update={"api_per_minute": 3})
    with opened(slow) as client:
        found = [client.get("/v1/models/champion") for _ in range(4)]
        assert [answer.status_code for answer in found] == [200, 200, 200, 429]
        assert 1 <= int(found[-1].headers["retry-after"]) <= 21
        other = {"Authorization": f"Bearer {keys.create(slow, 'other')}"}
        assert client.get("/v1/models/champion", headers=other).status_code == 200


def test_ready_only_with_a_champion(settings: Settings, valid) -> None:
    with opened(settings) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "promoted" in ready.json()["detail"]
        assert client.post("/v1/score", json=valid).status_code == 503
        assert client.get("/v1/models/champion").status_code == 503


def test_a_promotion_is_served_without_a_restart(own, store, tmp_path, valid) -> None:
    shutil.copytree(store.settings.models, tmp_path / "models")
    moved_store = own.model_copy(update={"models": tmp_path / "models"})
    client = opened(moved_store)
    with client:
        api: Any = client.app
        before = client.post("/v1/score", json=valid).json()
        other = next(v for v in store.observed.versions if v.version != before["model_version"])
        promote(moved_store, other)
        api.state.serving._looked = float("-inf")  # the next look is due within a second
        after = client.post("/v1/score", json=valid).json()
        assert after["model_version"] == other.version
        assert client.get("/v1/models/champion").json()["version"] == other.version
        assert after["score"] != before["score"]


def test_a_decision_sent_twice_is_recorded_once(client, own, valid) -> None:
    named = {"Idempotency-Key": "loan-17"}
    assert client.post("/v1/score", json=valid).json()["event"] is None
    first = client.post("/v1/score", json=valid, headers=named)
    again = client.post("/v1/score", json=valid, headers=named)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    other = client.post("/v1/score", json={**valid, "customer_id": "x"}, headers=named)
    assert other.status_code == 409
    recorded = events.list_events(own, kind="scored")
    assert [event.sequence for event in recorded] == [first.json()["event"]]
    assert recorded[0].actor == "api key test"
    assert valid["customer_id"] not in json.dumps(recorded[0].details)
    assert recorded[0].details["score"] == first.json()["score"]
    assert events.verify(own) is None


def test_sixteen_clients_at_once_get_their_own_answers(client, valid, store, moved) -> None:
    names = sorted(moved)[:16]
    wanted = {}
    for name in names:
        body = {**valid, "customer_id": name, "transactions": moved[name]}
        wanted[name] = (body, client.post("/v1/score", json=body).json())

    def ask(name: str) -> bool:
        body, answer = wanted[name]
        return client.post("/v1/score", json=body).json() == answer

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, names * 6))
    assert len({answer["score"] for _, answer in wanted.values()}) > 10


def test_logs_and_metrics_tell_of_requests_and_not_of_people(client, valid, caplog) -> None:
    caplog.set_level(logging.INFO, "candor.api")
    marked = {**valid, "customer_id": "Jane-Doe-77"}
    asked = client.post("/v1/score", json=marked, headers={"X-Request-ID": "abc-1"})
    client.get("/v1/Jane-Doe-77?name=Jane-Doe-77")
    lines = [json.loads(record.message) for record in caplog.records]
    assert lines[0]["request_id"] == "abc-1" == asked.headers["x-request-id"]
    assert (lines[0]["route"], lines[0]["status"]) == ("/v1/score", 200)
    assert lines[0]["model"].startswith("default:")
    page = client.get("/metrics").text
    assert "Jane" not in caplog.text + page
    assert 'candor_requests_total{method="POST",route="/v1/score",status="200"} 1.0' in page
    assert 'candor_score_points_count{model="default:' in page
    assert "candor_model_loaded{" in page
    bad = client.get("/healthz", headers={"X-Request-ID": "a b\x7f" * 3})
    assert bad.headers["x-request-id"] != "a b\x7f" * 3


def test_moments_with_an_offset_are_utc(client, valid) -> None:
    as_of = datetime.fromisoformat(valid["as_of"]).replace(tzinfo=UTC)
    shifted = as_of + timedelta(hours=2)
    other = {**valid, "as_of": shifted.isoformat().replace("+00:00", "+02:00")}
    assert (
        client.post("/v1/score", json=other).json() == client.post("/v1/score", json=valid).json()
    )


def test_the_api_keeps_what_its_own_description_says(own: Settings) -> None:
    """Requests made from the description, valid and not: no 500, and answers as described."""
    headers = {"Authorization": f"Bearer {keys.create(own, 'schema')}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", build(own))
    paths = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        paths.add(operation.path)

        @hypothesis.settings(max_examples=15, database=None)
        @hypothesis.given(case=operation.as_strategy())
        def holds(case: Any) -> None:
            # What a model reads no schema can say: valid forms may lack its attributes.
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        holds()
    assert {"/v1/score", "/v1/score/batch", "/v1/models/champion", "/readyz"} <= paths
