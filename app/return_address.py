"""A link opened before signing in leads to its page afterwards.

Streamlit sends everyone who comes back from the provider to the first page. So the address of a
page asked for is kept in a cookie of the browser that asked, for as long as a sign-in takes, and
put in the place of that redirect. Only the path and query of this very server are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COOKIE, _SECONDS = "candor_asked", 600
_LONGEST = 2_000
_CALLBACK = "/oauth2callback"


class ReturnAddress:
    """ASGI middleware around the dashboard; ``wanted`` says whether people sign in at all."""

    def __init__(self, app: ASGIApp, wanted: Callable[[], bool]) -> None:
        self.app, self._wanted = app, wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not self._wanted():
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(dict(scope))  # routing changes the scope as it goes along

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note(asked, MutableHeaders(scope=message))
            await send(message)

        await self.app(scope, receive, answer)


def _note(asked: HTTPConnection, answer: MutableHeaders) -> None:
    """Keep the address of a page that is answered, or lead back to the one kept."""
    root = asked.scope.get("root_path", "")
    path = asked.scope["path"].removeprefix(root)
    if path == _CALLBACK:
        kept = unquote(asked.cookies.get(_COOKIE, ""))
        # Signing out comes by here as well, without a code: that begins anew.
        if "code" in asked.query_params and "location" in answer and _is_local(kept):
            answer["location"] = f"{root}{kept}"
        answer.append("set-cookie", _cookie(asked, "", 0))
    elif _is_page(asked, answer):
        query = asked.scope["query_string"].decode("latin-1")
        address = quote(path) + (f"?{query}" if query else "")
        if _is_local(address):
            answer.append("set-cookie", _cookie(asked, quote(address, safe=""), _SECONDS))


def _cookie(asked: HTTPConnection, value: str, seconds: int) -> str:
    made = Response()
    made.set_cookie(
        _COOKIE,
        value,
        max_age=seconds,
        path=asked.scope.get("root_path") or "/",
        secure=asked.url.scheme == "https",
        httponly=True,
    )
    return made.headers["set-cookie"]


def _is_page(asked: HTTPConnection, answer: MutableHeaders) -> bool:
    """Return True for what a browser shows as its page, not within one."""
    shown = asked.headers.get("sec-fetch-dest", "document") == "document"
    return shown and answer.get("content-type", "").startswith("text/html")


def _is_local(address: str) -> bool:
    """Return True for a path of this server: `//host` and `/\\host` are another's."""
    return (
        address.startswith("/")
        and address[1:2] not in ("/", "\\")
        and len(address) <= _LONGEST
        and address.isascii()
        and address.isprintable()
    )
