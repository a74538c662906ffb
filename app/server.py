"""Dashboard and API in one process; ``uvicorn app.server:api --workers N`` runs the API alone."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

# Waiting threads of the model libraries must not burn the cores others work on.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount

from app import warm as background
from app.api import build, warm
from app.return_address import ReturnAddress
from app.sign_in import asked_for


def _log_to_stderr() -> None:
    """One JSON line a request, as it is."""
    log = logging.getLogger("candor.api")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False


_log_to_stderr()
api = build(started=background.settle)


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[dict[str, Any] | None]:
    # A mounted application is not told that the server starts.
    background.start()
    await warm(api.state.serving)
    yield None
    api.state.serving.close()


app = st.App(
    Path(__file__).with_name("main.py").resolve(),
    routes=[Mount("/api", app=api)],
    middleware=[Middleware(ReturnAddress, wanted=asked_for)],
    lifespan=_lifespan,
)
