"""The API: one customer's transactions in, an explained score out; FastAPI, OpenAPI at /docs."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from app import api_models as shapes
from app.answers import Decision, answer_once, as_json, facts_of, record_score
from app.api_docs import add_docs
from app.api_metrics import Metrics
from app.gate import Gate, problem
from app.json_body import JsonRoute
from app.serving import BusyError, Serving
from credit_core.decisions.scoring import needed_columns
from credit_core.errors import CandorError, InputError
from credit_core.labels.wording import RISK_NAME
from credit_core.oversight import idempotency
from credit_core.settings import Settings, get_settings
from credit_core.workflows.scoring import Explanation
from credit_core.workflows.single import FieldError, SingleScorer, explain_many

log = logging.getLogger("candor.api")
_MOST_PROBLEMS = 20
_AT_ONCE = 500
"""Transactions up to which a customer is scored in a few milliseconds."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": shapes.Problem, "description": "The body is not JSON."},
    401: {"model": shapes.Problem, "description": "No valid API key."},
    408: {"model": shapes.Problem, "description": "The body did not arrive in time."},
    409: {"model": shapes.Problem, "description": "The Idempotency-Key is in use."},
    413: {"model": shapes.Problem, "description": "The body is too large."},
    415: {"model": shapes.Problem, "description": "The body is not sent as JSON."},
    422: {"model": shapes.Problem, "description": "A field cannot be used; it is named."},
    429: {"model": shapes.Problem, "description": "Too many requests with this key."},
    503: {"model": shapes.Problem, "description": "No champion, or too much to do."},
}
_PRINTED = "^[!-~]+$"
_PATTERNS = {
    _PRINTED: "write it in printable ASCII, without spaces",
    shapes.IDENTITY: "it may not begin or end with a space, nor hold a line break",
}
"""What is wrong where a text does not fit a pattern."""
Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=_PRINTED,
        description="The caller's own name for this decision: it is recorded once, and the same "
        "request sent again gets the same answer for a day.",
    ),
]


def build(settings: Settings | None = None, started: Callable[[], None] = lambda: None) -> FastAPI:
    """Return the API over a store; ``started`` is called once it is ready to answer."""
    settings = settings or get_settings()
    serving, metrics = Serving(settings), Metrics()

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        await warm(serving)
        started()
        yield
        serving.close()

    api = FastAPI(
        title="Candor",
        version="1",
        summary="Explained credit scores, and how far they may be trusted.",
        description="Every answer carries its model, the label the model was trained on, the "
        "contributions in points and the reasons. A score from a proxy label is a disengagement "
        "risk, never a probability of default.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={},
    )
    api.router.route_class = JsonRoute
    api.state.serving = serving
    _routes(api, settings, serving, metrics)
    _handlers(api)
    add_docs(api)
    api.add_middleware(Gate, settings=settings, metrics=metrics)
    _keys_in_schema(api)
    return api


async def warm(serving: Serving) -> None:
    """Load the champion, where there is one."""
    try:
        await serving.run(serving.champion)
    except CandorError as error:
        log.warning(json.dumps({"warning": str(error)}))


def _routes(api: FastAPI, settings: Settings, serving: Serving, metrics: Metrics) -> None:
    def note(request: Request, found: Explanation) -> None:
        request.state.model = found.version.reference
        metrics.loaded(found.version.reference, found.version.sha256)
        metrics.scored(found.version.reference, found.score, found.decision)

    @api.post("/v1/score", response_model=shapes.ScoreResponse, responses=_ERRORS, tags=["scores"])
    async def score(
        request: Request, payload: shapes.ScoreRequest, idempotency_key: Once = None
    ) -> Response:
        """Score one customer from their transactions, and say why."""

        def work() -> tuple[str, bool]:
            scorer = serving.champion()
            given = payload.applicant(sorted(needed_columns(scorer.bundle)))

            def answer(decision: Decision | None) -> str:
                found = scorer.explain(given)
                note(request, found)
                facts = facts_of(found, given)
                if decision is not None:
                    actor = f"api key {request.state.client}"
                    facts["event"] = record_score(settings, found, decision, actor)
                return as_json(facts)

            if idempotency_key is None:
                return answer(None), False
            return answer_once(settings, request.state.key, idempotency_key, payload, answer)

        # A hand-over to another thread, and so to another core's caches, takes a tenth of the time
        # of a short answer; what may wait for a disk, or takes long, leaves the event loop free.
        at_once = (
            serving.fresh and idempotency_key is None and len(payload.transactions) <= _AT_ONCE
        )
        content, repeated = work() if at_once else await serving.run(work)
        headers = {"Idempotency-Replayed": "true"} if repeated else {}
        return Response(content, media_type="application/json", headers=headers)

    @api.post(
        "/v1/score/batch", response_model=shapes.BatchResponse, responses=_ERRORS, tags=["scores"]
    )
    async def score_batch(request: Request, payload: shapes.BatchRequest) -> Response:
        """Score several customers in one go; nothing is recorded."""

        def work() -> str:
            champion = serving.champion()
            given = payload.applicants(sorted(needed_columns(champion.bundle)))
            found = explain_many(settings, champion.bundle, champion.version, given)
            for one in found:
                note(request, one)
            pairs = zip(found, given, strict=True)
            return as_json({"scores": [facts_of(one, applicant) for one, applicant in pairs]})

        return Response(await serving.run(work), media_type="application/json")

    @api.get(
        "/v1/models/champion",
        response_model=shapes.ModelResponse,
        responses={code: _ERRORS[code] for code in (401, 429, 503)},
        tags=["models"],
    )
    async def champion() -> Response:
        """Say which model scores now, what it reads and how it fared."""
        found = await serving.run(serving.champion)
        return Response(as_json(_model_facts(found)), media_type="application/json")

    @api.get("/healthz", response_model=shapes.Health, tags=["operation"])
    async def healthz() -> shapes.Health:
        """Say that the process answers."""
        return shapes.Health(status="ok")

    @api.get(
        "/readyz",
        response_model=shapes.Health,
        responses={503: {"model": shapes.Health, "description": "There is no champion."}},
        tags=["operation"],
    )
    async def readyz(response: Response) -> shapes.Health:
        """Say whether there is a champion to score with."""
        try:
            scorer = await serving.run(serving.champion)
        except CandorError as error:
            response.status_code = 503
            return shapes.Health(status="not ready", detail=str(error))
        return shapes.Health(status="ready", detail=scorer.version.reference)

    @api.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, 401: _ERRORS[401], 429: _ERRORS[429]},
        tags=["operation"],
    )
    async def measures() -> Response:
        """Give counts and times for Prometheus; needs an API key, for it tells of scores."""
        return Response(metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _model_facts(found: SingleScorer) -> dict[str, Any]:
    version, bundle = found.version, found.bundle
    return {
        **{name: getattr(version, name) for name in ("name", "version", "family", "label")},
        **{name: getattr(version, name) for name in ("created", "sha256", "metrics")},
        "question": bundle.question,
        "risk_is": RISK_NAME[bundle.question],
        "observation_days": bundle.observation_days,
        "transaction_columns": sorted(needed_columns(bundle)),
        "features": [
            {"name": f.name, "unit": f.unit, "description": f.description}
            for f in bundle.catalogue.features
        ],
        "attributes": [vars(attribute) for attribute in bundle.attributes],
    }


def _handlers(api: FastAPI) -> None:
    def told(
        request: Request, status: int, sentence: str, fields: list[dict[str, str]] | None = None
    ) -> Response:
        made = problem(status, sentence, request.state.request_id)
        if fields:
            content = {"error": sentence, "fields": fields, "request_id": request.state.request_id}
            made.body = made.render(content)
            made.headers["content-length"] = str(len(made.body))
        return made

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        # Never the value itself, which may be personal, endless or not JSON.
        found = error.errors()
        fields = [_field(entry) for entry in found[:_MOST_PROBLEMS]]
        if found[0]["type"] == "json_invalid":
            return told(request, 400, "The body is not valid JSON.")
        more = f" ({len(found):,} problems)" if len(found) > 1 else ""
        return told(request, 422, f"{fields[0]['field']}: {fields[0]['problem']}{more}", fields)

    @api.exception_handler(FieldError)
    async def unusable(request: Request, error: FieldError) -> Response:
        return told(request, 422, str(error), [{"field": error.field, "problem": error.problem}])

    @api.exception_handler(InputError)
    async def refused(request: Request, error: InputError) -> Response:
        no_model = "No model has been promoted" in str(error)
        return told(request, 503 if no_model else 409, str(error))

    @api.exception_handler(CandorError)
    async def candor(request: Request, error: CandorError) -> Response:
        if isinstance(error, idempotency.BusyError):
            return told(request, 409, str(error))
        made = told(request, 503, str(error))
        if isinstance(error, BusyError):
            made.headers["Retry-After"] = "1"
        return made

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        sentence = {404: "There is nothing at this address; /docs lists what there is."}.get(
            error.status_code, str(error.detail)
        )
        made = told(request, error.status_code, sentence.rstrip(".") + ".")
        made.headers.update(error.headers or {})
        return made

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        # The message may quote a value; the type does not.
        log.error(
            json.dumps({"request_id": request.state.request_id, "unexpected": type(error).__name__})
        )
        return told(request, 500, "Something went wrong inside Candor; the log names this request.")


def _field(entry: Any) -> dict[str, str]:
    parts = [str(part)[:60] for part in entry["loc"]]
    inside = parts[1:] if len(parts) > 1 and parts[0] in ("body", "header") else parts
    if "attributes" in inside:  # what follows the name says which kind was tried
        inside = inside[: inside.index("attributes") + 2]
    problem = _PATTERNS.get(entry.get("ctx", {}).get("pattern"), str(entry["msg"]))
    return {"field": ".".join(inside), "problem": problem.removeprefix("Value error, ")}


def _keys_in_schema(api: FastAPI) -> None:
    """Say in the OpenAPI document which calls need a key."""

    def schema() -> dict[str, Any]:
        if api.openapi_schema is None:
            made = get_openapi(
                title=api.title,
                version=api.version,
                summary=api.summary,
                description=api.description,
                routes=api.routes,
            )
            parts = made.setdefault("components", {})
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, calls in made["paths"].items():
                for call in calls.values() if path not in ("/healthz", "/readyz") else ():
                    call["security"] = [{"key": []}]
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = schema  # type: ignore[method-assign]
