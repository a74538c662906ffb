"""Whoever signs in comes back to the address asked for, and only ever to this server."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from app.return_address import ReturnAddress

HOME = "/"


async def _back(request: Request) -> Response:
    return RedirectResponse(HOME, 302)


async def _page(request: Request) -> Response:
    return HTMLResponse("<h1>page</h1>")


def browser(wanted: bool = True) -> TestClient:
    """A browser before a server that sends everyone who comes back to its first page."""
    served = Starlette(
        routes=[
            Route("/oauth2callback", _back),
            Mount("/api", routes=[Route("/docs", _page)]),
            Route("/{page:path}", _page),
        ],
        middleware=[Middleware(ReturnAddress, wanted=lambda: wanted)],
    )
    return TestClient(served, follow_redirects=False)


def back(client: TestClient, query: str = "code=abc&state=s") -> str:
    return str(client.get(f"/oauth2callback?{query}").headers["location"])


@pytest.mark.parametrize(
    "address",
    ["/applicant?customer=C000010", "/applicant?customer=M%C3%BCller%20%26%20Co", "/api/docs", "/"],
)
def test_a_link_leads_to_its_page_after_signing_in(address: str) -> None:
    client = browser()
    client.get(address)
    assert back(client) == address
    assert back(client) == HOME  # once


def test_what_a_page_loads_within_itself_is_no_page() -> None:
    client = browser()
    client.get("/governance")
    client.get("/component/frame", headers={"Sec-Fetch-Dest": "iframe"})
    assert back(client) == "/governance"


def test_signing_out_forgets_where_the_last_person_was() -> None:
    client = browser()
    client.get("/applicant?customer=C000010")
    assert back(client, "") == HOME
    assert back(client) == HOME


@pytest.mark.parametrize(
    "planted",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: y", "", "/" * 3],
)
def test_nobody_is_sent_elsewhere(planted: str) -> None:
    client = browser()
    client.cookies.set("candor_asked", quote(planted, safe=""))
    assert back(client) == HOME


def test_without_sign_in_nothing_is_kept() -> None:
    client = browser(wanted=False)
    assert "set-cookie" not in client.get("/governance").headers
