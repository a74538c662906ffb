"""The API's description as a page: Swagger UI from this installation's own files."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

PAGE, FILES = "/docs", "/docs/files"
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def add_docs(api: FastAPI) -> None:
    """Serve the page and its files; nothing on it may come from, or go to, another host."""
    folder = Path(fastapi_offline.__file__).with_name("static")
    api.mount(FILES, StaticFiles(directory=folder), name="docs-files")

    @api.get(PAGE, include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{api.openapi_url}",
            title=f"{api.title}: the API",
            swagger_js_url=f"{root}{FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{FILES}/swagger-ui.css",
            swagger_favicon_url=f"{root}{FILES}/favicon.png",
        )
        page.headers["Content-Security-Policy"] = _only_this_host(bytes(page.body).decode())
        return page


def _only_this_host(html: str) -> str:
    """Return the policy under which the page's own script runs, and no other one in its text."""
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _SCRIPT.findall(html)
    ]
    scripts = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; connect-src 'self'; script-src 'self' {scripts}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
