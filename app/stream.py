"""Scores for applicants that arrive on a topic of a Kafka-compatible broker.

At least once: a message is acknowledged after its answer is written, so it may be answered again,
with the same answer; the decision stands in the record once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from pydantic import ValidationError

from app.answers import Decision, answer_once, as_json, facts_of, record_score
from app.api_models import ScoreRequest
from app.serving import BusyError, Serving
from credit_core.decisions.scoring import needed_columns
from credit_core.errors import CandorError, InputError
from credit_core.oversight import idempotency
from credit_core.settings import Settings
from credit_core.workflows.single import FieldError

log = logging.getLogger("candor.stream")
NAME = "idempotency-key"
"""The header in which a sender may name a decision."""
_AGAIN = 1.0
_LONGEST_NAME = 200
_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Topics:
    """Where applicants come from and answers go; what cannot be answered goes to ``refused``."""

    applicants: str
    scores: str
    group: str

    @property
    def refused(self) -> str:
        return f"{self.scores}-refused"


class RefusedError(InputError):
    """A message that will never have an answer; ``fields`` names what is wrong, as the API does."""

    def __init__(self, sentence: str, fields: list[dict[str, str]]) -> None:
        super().__init__(sentence)
        self.fields = fields


def answer_applicants(
    broker: KafkaBroker, settings: Settings, serving: Serving, topics: Topics
) -> None:
    """Make the broker's applicants be scored, when it is started."""

    @broker.subscriber(
        topics.applicants,
        group_id=topics.group,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=_as_it_came,
    )
    async def applicant(body: bytes, message: KafkaMessage) -> None:
        begun, place = time.perf_counter(), _place(message)
        raw: Any = message.raw_message
        try:
            target, content = await _answered(settings, serving, topics, body, message)
            await broker.publish(
                content.encode(),
                target,
                key=raw.key,
                correlation_id=message.correlation_id,
                headers={"content-type": "application/json"},
            )
        except Exception as error:
            # Without a champion, a record or a broker the message is not at fault: it comes back.
            log.error(json.dumps({**place, "unexpected": type(error).__name__}))
            await asyncio.sleep(_AGAIN)
            raise
        took = round(1000 * (time.perf_counter() - begun), 2)
        log.info(json.dumps({**place, "to": target, "ms": took}))


async def _as_it_came(message: Any) -> bytes:
    return message.body or b""


def _place(message: KafkaMessage) -> dict[str, Any]:
    raw: Any = message.raw_message
    return {"topic": raw.topic, "partition": raw.partition, "offset": raw.offset}


async def _answered(
    settings: Settings, serving: Serving, topics: Topics, body: bytes, message: KafkaMessage
) -> tuple[str, str]:
    """Return a topic and what goes there: the answer, or why there will never be one."""
    await serving.run(serving.champion)
    try:
        return topics.scores, await _scored(settings, serving, topics, body, message)
    except InputError as error:
        fields = error.fields if isinstance(error, RefusedError) else []
        told = {"error": str(error), "fields": fields, **_place(message)}
        return topics.refused, as_json(told)


async def _scored(
    settings: Settings, serving: Serving, topics: Topics, body: bytes, message: KafkaMessage
) -> str:
    """Return the answer to a message; one that is being answered elsewhere is waited for."""
    payload = _request(body, settings.api_max_bytes)
    place = _place(message)
    # Where the sender gave no name, the place is one: it is the same when the message comes again.
    name = message.headers.get(NAME) or f"{place['partition']}/{place['offset']}"
    if len(name) > _LONGEST_NAME:
        raise RefusedError(f"{NAME}: it is longer than {_LONGEST_NAME} characters.", [])

    def work() -> str:
        scorer = serving.champion()
        given = payload.applicant(sorted(needed_columns(scorer.bundle)))

        def answer(decision: Decision) -> str:
            found = scorer.explain(given)
            event = record_score(settings, found, decision, f"topic {topics.applicants}")
            return as_json({**facts_of(found, given), "event": event})

        return answer_once(settings, f"topic {topics.applicants}", name, payload, answer)[0]

    while True:
        try:
            return await serving.run(work)
        except (BusyError, idempotency.BusyError):
            await asyncio.sleep(_AGAIN)
        except FieldError as error:
            problem = [{"field": error.field, "problem": error.problem}]
            raise RefusedError(str(error), problem) from error


def _request(body: bytes, most: int) -> ScoreRequest:
    if len(body) > most:
        raise RefusedError(f"The message is larger than {most:,} bytes.", [])
    try:
        return ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        # Never the value itself, which may be personal or endless.
        fields = [
            {
                "field": ".".join(str(part)[:60] for part in found["loc"]),
                "problem": found["msg"].removeprefix("Value error, "),
            }
            for found in error.errors(include_input=False, include_url=False)[:_MOST_PROBLEMS]
        ]
        first = fields[0]
        where = f"{first['field']}: " if first["field"] else ""
        raise RefusedError(f"{where}{first['problem']}", fields) from error


async def consume(settings: Settings, brokers: list[str], topics: Topics) -> None:
    """Answer applicants until the process is asked to stop.

    Raises
    ------
    CandorError
        Where there is no champion, or no broker answers.
    """
    from aiokafka.errors import KafkaError
    from faststream import FastStream

    serving = Serving(settings)
    try:
        await serving.run(serving.champion)
        broker = KafkaBroker(brokers, acks="all", enable_idempotence=True, logger=None)
        answer_applicants(broker, settings, serving, topics)
        await FastStream(broker, logger=None).run()
    except KafkaError as error:
        raise CandorError(
            f"No broker answers at {', '.join(brokers)} ({type(error).__name__}); check the "
            "addresses and that it runs."
        ) from error
    finally:
        serving.close()
