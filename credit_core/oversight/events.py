"""The record: one append-only table of events, each carrying the hash of the one before."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock

from credit_core.data.store import write_atomic
from credit_core.settings import Settings

GENESIS = "0" * 64
_metadata = sa.MetaData()
_events = sa.Table(
    "events",
    _metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)


@dataclass(frozen=True)
class Event:
    """One line of the record; ``details`` never holds a customer's name, only a keyed hash."""

    sequence: int
    at: str
    kind: str
    actor: str
    details: dict[str, Any]
    previous: str
    hash: str


def record(settings: Settings, kind: str, details: dict[str, Any]) -> Event:
    """Append an event and return it; writers queue, so the chain never forks."""
    with _store(settings) as (engine, lock), lock, engine.begin() as connection:
        last = connection.execute(
            sa.select(_events.c.sequence, _events.c.hash)
            .order_by(_events.c.sequence.desc())
            .limit(1)
        ).first()
        sequence, previous = (last.sequence + 1, last.hash) if last else (1, GENESIS)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(details, sort_keys=True, ensure_ascii=False, allow_nan=False)
        digest = _digest(sequence, at, kind, settings.actor, text, previous)
        connection.execute(
            _events.insert().values(
                sequence=sequence,
                at=at,
                kind=kind,
                actor=settings.actor,
                details=text,
                previous=previous,
                hash=digest,
            )
        )
        return Event(sequence, at, kind, settings.actor, json.loads(text), previous, digest)


def list_events(
    settings: Settings, limit: int | None = 100, kind: str | None = None
) -> list[Event]:
    """Return the latest events, newest first; all of them where ``limit`` is None."""
    query = sa.select(_events).order_by(_events.c.sequence.desc()).limit(limit)
    if kind is not None:
        query = query.where(_events.c.kind == kind)
    with _store(settings) as (engine, _), engine.connect() as connection:
        return [_event(row) for row in connection.execute(query)]


def find_event(settings: Settings, sequence: int) -> Event | None:
    """Return one event by its number; None where there is none."""
    query = sa.select(_events).where(_events.c.sequence == sequence)
    with _store(settings) as (engine, _), engine.connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else _event(row)


def count(settings: Settings, kind: str | None = None) -> int:
    """Return how many events the record holds, of one kind where it is given."""
    query = sa.select(sa.func.count()).select_from(_events)
    if kind is not None:
        query = query.where(_events.c.kind == kind)
    with _store(settings) as (engine, _), engine.connect() as connection:
        found: int = connection.execute(query).scalar_one()
    return found


def verify(settings: Settings) -> str | None:
    """Return None where the chain is whole, else a sentence that names the first broken row."""
    expected, previous = 1, GENESIS
    query = sa.select(_events).order_by(_events.c.sequence)
    with _store(settings) as (engine, _), engine.connect() as connection:
        for row in connection.execute(query):
            if row.sequence != expected:
                return f"Event {expected} is missing: the next one present is {row.sequence}."
            digest = _digest(row.sequence, row.at, row.kind, row.actor, row.details, row.previous)
            if row.previous != previous:
                return f"Event {row.sequence} does not follow event {row.sequence - 1}."
            if row.hash != digest:
                return f"Event {row.sequence} was changed after it was written."
            expected, previous = expected + 1, row.hash
    return None


def customer_key(settings: Settings, customer_id: str) -> str:
    """Return the keyed hash under which a customer appears in the record."""
    path = settings.home / "customer.key"
    if not path.exists():
        with FileLock(str(path) + ".lock"):
            if not path.exists():
                write_atomic(path, secrets.token_hex(32).encode())
                path.chmod(0o600)
    key = bytes.fromhex(path.read_text(encoding="ascii"))
    return hmac.new(key, customer_id.encode("utf-8"), hashlib.sha256).hexdigest()[:32]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8")).hexdigest()


def digest_of(event: Event) -> str:
    """Return the hash that an event must carry, from its content."""
    text = json.dumps(event.details, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return _digest(event.sequence, event.at, event.kind, event.actor, text, event.previous)


def _event(row: Any) -> Event:
    return Event(
        row.sequence, row.at, row.kind, row.actor, json.loads(row.details), row.previous, row.hash
    )


@contextmanager
def _store(settings: Settings) -> Iterator[tuple[sa.Engine, FileLock]]:
    """Yield the events database and the lock its writers queue at."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(settings.events_url, poolclass=sa.NullPool)
    lock = FileLock(str(settings.home / "events.lock"))
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _durable)
    path = Path(engine.url.database or "")
    fresh = engine.dialect.name != "sqlite" or not path.exists()
    try:
        if fresh:
            with lock:
                _metadata.create_all(engine)
                if engine.dialect.name == "sqlite":
                    path.chmod(0o600)
        yield engine, lock
    finally:
        engine.dispose()


def _durable(connection: Any, _record: Any) -> None:
    # WAL can be corrupted by two checkpointing connections before SQLite 3.51.3.
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=DELETE")
    cursor.execute("PRAGMA synchronous=EXTRA")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
