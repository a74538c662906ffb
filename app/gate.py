"""What every API request passes: request id, key, rate, size and time limits, log and metrics.

It stands before the routes, for a body must not be read before its sender is known.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
import time
from collections import OrderedDict

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import keys
from app.api_docs import FILES
from app.api_metrics import Metrics
from credit_core.settings import Settings

log = logging.getLogger("candor.api")
OPEN = ("/healthz", "/readyz", "/docs", "/openapi.json")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BODY_SECONDS = 15.0
_DISCARD_SECONDS = 5
_DISCARDED = 100_000_000
_TOO_LARGE = 413
_MOST_BUCKETS = 10_000
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def problem(status: int, sentence: str, request_id: str, **headers: str) -> JSONResponse:
    """Return an error as the API words it."""
    content = {"error": sentence, "fields": [], "request_id": request_id}
    return JSONResponse(content, status, {name.replace("_", "-"): v for name, v in headers.items()})


class RateLimit:
    """Tokens that come back evenly over a minute; a bucket a key, in this process."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str) -> float:
        """Take a token and return 0.0, or the seconds until there is one."""
        now = time.monotonic()
        tokens, last = self._buckets.pop(who, (float(self.per_minute), now))
        tokens = min(self.per_minute, tokens + (now - last) * self.per_minute / 60)
        taken = tokens >= 1
        self._buckets[who] = (tokens - taken, now)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) * 60 / self.per_minute


async def _discard(receive: Receive) -> None:
    """Read a body that is too large and forget it, for a while: whoever is still sending would
    find the connection broken and never see why.
    """
    seen = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            while seen < _DISCARDED:
                message = await receive()
                seen += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


class Gate:
    """ASGI middleware around the API's routes."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics
        self._rate = RateLimit(settings.api_per_minute)
        self._keys: tuple[int, list[keys.ApiKey]] = (-1, [])

    def _find(self, headers: Headers) -> keys.ApiKey | None:
        stamp = keys.stamp(self.settings)
        if stamp != self._keys[0]:
            self._keys = (stamp, keys.list_keys(self.settings))
        scheme, _, given = headers.get("authorization", "").partition(" ")
        found = keys.find(self._keys[1], given.strip())
        return found if scheme.lower() == "bearer" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                out = MutableHeaders(scope=message)
                out["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        try:
            refused = self._refuse(scope, headers, request_id, state)
            if refused is not None:
                if refused.status_code == _TOO_LARGE:
                    await _discard(receive)
                await refused(scope, receive, answer)
            else:
                await self.app(scope, self._bounded(receive), answer)
        finally:
            self._note(scope, state, status, time.perf_counter() - begun)

    def _refuse(
        self, scope: Scope, headers: Headers, request_id: str, state: dict[str, object]
    ) -> JSONResponse | None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN or path.startswith(f"{FILES}/"):
            return None
        key = self._find(headers)
        if key is None:
            return problem(
                401,
                "Give a valid API key as `Authorization: Bearer KEY`; `candor keys create NAME` "
                "makes one.",
                request_id,
                WWW_Authenticate="Bearer",
            )
        state["key"], state["client"] = key.id, key.name
        wait = self._rate.wait(key.id)
        if wait:
            return problem(
                429,
                f"More than {self.settings.api_per_minute:,} requests a minute with this key; wait "
                f"{wait:.1f} s.",
                request_id,
                Retry_After=str(int(wait) + 1),
            )
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.settings.api_max_bytes:
            return problem(_TOO_LARGE, self._too_large, request_id, Connection="close")
        return None

    @property
    def _too_large(self) -> str:
        return f"The body is larger than {self.settings.api_max_bytes:,} bytes; send less at once."

    def _bounded(self, receive: Receive) -> Receive:
        """Count the body while it streams in, and do not wait for it without end."""
        seen, begun = 0, time.monotonic()

        async def counted() -> Message:
            nonlocal seen
            if seen < 0:  # the body has ended; what follows is the client going away
                return await receive()
            try:
                async with asyncio.timeout(_BODY_SECONDS - (time.monotonic() - begun)):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, "The body did not arrive in time.") from error
            seen += len(message.get("body", b""))
            if seen > self.settings.api_max_bytes:
                raise HTTPException(_TOO_LARGE, self._too_large)
            if not message.get("more_body", False):
                seen = -1
            return message

        return counted

    def _note(self, scope: Scope, state: dict[str, object], status: int, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", None) or "(no route)"
        self.metrics.request(path, scope["method"], status, seconds)
        # The route's pattern and not the address: nothing a client wrote is in the log.
        log.info(
            json.dumps(
                {
                    "request_id": state["request_id"],
                    "method": scope["method"] if len(scope["method"]) < 10 else "?",
                    "route": path,
                    "status": status,
                    "ms": round(1000 * seconds, 2),
                    "key": state.get("key"),
                    "model": state.get("model"),
                }
            )
        )
