"""The page that describes the API works without a network."""

from __future__ import annotations

import base64
import hashlib
import re

from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.api import build
from credit_core.settings import Settings


def _addresses(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', html)


def test_every_file_of_the_page_comes_from_this_server(settings: Settings) -> None:
    around = FastAPI()
    around.mount("/api", build(settings))
    client = TestClient(around)
    page = client.get("/api/docs")
    assert page.status_code == 200
    found = _addresses(page.text)
    assert len(found) == 3
    assert all(address.startswith("/api/docs/files/") for address in found)
    assert "http" not in page.text
    assert all(client.get(address).status_code == 200 for address in found)
    assert client.get("/api/openapi.json").json()["openapi"].startswith("3.1")


def test_no_other_host_and_no_other_script_is_let_in(settings: Settings) -> None:
    page = TestClient(build(settings)).get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy


def test_only_the_page_and_its_files_are_open(settings: Settings) -> None:
    client = TestClient(build(settings))
    assert client.get("/docs/files/../../v1/models/champion").status_code == 401
    assert client.get("/docs/files/%2e%2e/%2e%2e/__init__.py").status_code in (401, 404)
    assert client.get("/docs/other").status_code == 401
