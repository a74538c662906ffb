"""Answers kept under a caller's key, so that a request sent twice is one decision.

A row is claimed before the work and completed after it; two requests with one key never both do
the work. Answers are kept for a day.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from credit_core.errors import CandorError, InputError
from credit_core.settings import Settings

_KEPT = 86_400.0
_ABANDONED = 60.0
"""Seconds after which a claim whose process died may be taken over."""
_metadata = sa.MetaData()
_answers = sa.Table(
    "answers",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("answer", sa.Text),
)


class BusyError(CandorError):
    """The same request is being answered now."""


@lru_cache(maxsize=8)
def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        path = Path(engine.url.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        sa.event.listen(
            engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=10000")
        )
    with suppress(sa.exc.OperationalError, sa.exc.IntegrityError, sa.exc.ProgrammingError):
        _metadata.create_all(engine)  # another worker may make it at the same moment
    if engine.dialect.name == "sqlite":
        path.chmod(0o600)
    return engine


@contextmanager
def _store(settings: Settings) -> Iterator[sa.Connection]:
    url = settings.database_url or f"sqlite:///{(settings.home / 'answers.db').resolve()}"
    with _engine(url).begin() as connection:
        yield connection


class Claim(NamedTuple):
    """A key's earlier answer, None where there is none; whether a dead process had claimed it."""

    answer: str | None
    taken_over: bool


def claim(settings: Settings, key: str, request: str) -> Claim:
    """Claim a key for a request (both SHA-256), or return the answer given before.

    Raises
    ------
    InputError
        Where the key was used for another request.
    BusyError
        Where the same request is being answered now.
    """
    now = time.time()
    with _store(settings) as connection:
        connection.execute(_answers.delete().where(_answers.c.at < now - _KEPT))
        stale = sa.and_(_answers.c.answer.is_(None), _answers.c.at < now - _ABANDONED)
        gone = connection.execute(_answers.delete().where(_answers.c.key == key, stale))
        taken_over = gone.rowcount > 0
    try:
        with _store(settings) as connection:
            connection.execute(_answers.insert().values(key=key, request=request, at=now))
        return Claim(None, taken_over)
    except sa.exc.IntegrityError:
        pass
    with _store(settings) as connection:
        found = connection.execute(_answers.select().where(_answers.c.key == key)).first()
    if found is not None and found.request != request:
        raise InputError(
            "This Idempotency-Key was used for another request; give every decision its own."
        )
    if found is None or found.answer is None:
        raise BusyError("The same request is being answered now; ask again in a second.")
    return Claim(str(found.answer), False)


def complete(settings: Settings, key: str, answer: str) -> None:
    """Keep the answer of a claimed key."""
    with _store(settings) as connection:
        connection.execute(_answers.update().where(_answers.c.key == key).values(answer=answer))


def release(settings: Settings, key: str) -> None:
    """Give up a claim, so that the request can be sent again."""
    with _store(settings) as connection:
        waiting = (_answers.c.key == key, _answers.c.answer.is_(None))
        connection.execute(_answers.delete().where(*waiting))


def count_about(settings: Settings, customer_id: str) -> int:
    """Return how many kept answers are about a customer."""
    return len(_about(settings, customer_id))


def forget_about(settings: Settings, customer_id: str) -> None:
    """Delete the kept answers about a customer."""
    with _store(settings) as connection:
        for key in _about(settings, customer_id):
            connection.execute(_answers.delete().where(_answers.c.key == key))


def _about(settings: Settings, customer_id: str) -> list[str]:
    quoted = json.dumps(customer_id, ensure_ascii=False)
    escaped = json.dumps(customer_id)
    with _store(settings) as connection:
        rows = connection.execute(_answers.select().where(_answers.c.answer.is_not(None)))
        return [str(row.key) for row in rows if quoted in row.answer or escaped in row.answer]
