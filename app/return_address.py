"""A link opened before signing in leads to its page afterwards.

Streamlit sends everyone who comes back from the provider to the first page. So the address of a
page asked for is kept in a cookie of the browser that asked, for as long as a sign-in takes, and
put in the place of that redirect. Only the path and query of this very server are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote

from starlette.datastructures import Headers, MutableHeaders
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
        headers = Headers(scope=scope)
        root = scope.get("root_path", "")
        path = scope["path"].removeprefix(root)
        query = scope["query_string"].decode("latin-1")
        secure = "; Secure" if scope.get("scheme") == "https" else ""

        def cookie(value: str, seconds: int) -> str:
            return (
                f"{_COOKIE}={value}; Max-Age={seconds}; Path={root or '/'}; HttpOnly; "
                f"SameSite=Lax{secure}"
            )

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                if path == _CALLBACK:
                    # Signing out comes by here as well, without a code: that begins anew.
                    asked = _asked(headers) if "code=" in query else ""
                    if asked and "location" in out:
                        out["location"] = f"{root}{asked}"
                    out.append("set-cookie", cookie("", 0))
                elif _is_page(headers, out):
                    address = quote(path) + (f"?{query}" if query else "")
                    if _is_local(address):
                        out.append("set-cookie", cookie(quote(address, safe=""), _SECONDS))
            await send(message)

        await self.app(scope, receive, answer)


def _is_page(headers: Headers, answer: MutableHeaders) -> bool:
    """Return True for what a browser shows as its page, not within one."""
    shown = headers.get("sec-fetch-dest", "document") == "document"
    return shown and answer.get("content-type", "").startswith("text/html")


def _asked(headers: Headers) -> str:
    """Return the address kept in the browser's cookie; '' where there is none of ours."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    address = unquote(jar[_COOKIE].value) if _COOKIE in jar else ""
    return address if _is_local(address) else ""


def _is_local(address: str) -> bool:
    """Return True for a path of this server: `//host` and `/\\host` are another's."""
    return (
        address.startswith("/")
        and address[1:2] not in ("/", "\\")
        and len(address) <= _LONGEST
        and address.isascii()
        and address.isprintable()
    )
