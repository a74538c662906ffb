"""The API under load: 16 clients, good and bad requests mixed, for as long as CANDOR_LOAD_SECONDS.

A client pauses for a moment after an answer, as callers do; how much the API can do at most is
measured in ``benchmarks/api.py``.
Ten seconds by default; the whole run on a clean checkout takes a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import keys
from credit_core.settings import PROJECT_ROOT
from tests.browser.conftest import free_port
from tests.conftest import Store

SECONDS = float(os.environ.get("CANDOR_LOAD_SECONDS", "10"))
CLIENTS = 16
PAUSE = 0.4
"""Seconds between an answer and a client's next request."""
GROWTH_MB = 150
"""What a server may keep after the crowd has gone; one big request weighs some 60."""

pytestmark = pytest.mark.timeout(int(SECONDS) + 240)


@dataclass(frozen=True)
class Api:
    """A running API: where, with which key, as which process."""

    url: str
    headers: dict[str, str]
    pid: int

    def memory_mb(self) -> float:
        """Return the resident memory of the server and its children."""
        total, waiting = 0.0, [self.pid]
        while waiting:
            pid = waiting.pop()
            status = Path(f"/proc/{pid}/status").read_text()
            total += next(
                int(line.split()[1]) / 1024
                for line in status.splitlines()
                if line.startswith("VmRSS")
            )
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return total


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Iterator[Api]:
    shutil.copytree(store.settings.home, tmp_path / "home")
    settings = store.settings.model_copy(update={"home": tmp_path / "home"})
    port = free_port()
    environment = {
        **os.environ,
        "CANDOR_HOME": str(settings.home),
        "CANDOR_MODELS": str(settings.models),
        "CANDOR_API_PER_MINUTE": "1000000",
    }
    words = ["-c", "from app.cli import main; main()", "serve", "--api-only", "--port", str(port)]
    log = tmp_path / "log.txt"
    with log.open("wb") as stderr:
        server = subprocess.Popen(
            [sys.executable, *words], cwd=PROJECT_ROOT, env=environment, stderr=stderr
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{url}/readyz", timeout=10).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield Api(url, {"Authorization": f"Bearer {keys.create(settings, 'crowd')}"}, server.pid)
    finally:
        server.terminate()
        server.wait(30)
    # From start to end it has said nothing but a line a request.
    assert [line for line in log.read_text().splitlines() if not line.startswith('{"')] == []


def applicant(attributes: list[dict[str, Any]], transactions: int) -> dict[str, Any]:
    begin = datetime(2024, 1, 1)
    rows = [
        {
            "timestamp": (begin + timedelta(hours=i % 4000)).isoformat(),
            "amount": -900.0 if i % 25 == 0 else 5.25 + i % 37,
            "balance": 400.0 - 3 * (i % 50),
            "category": ("groceries", "rent", "salary")[i % 3],
            "channel": ("card", "transfer")[i % 2],
            "is_fraud": False,
        }
        for i in range(transactions)
    ]
    given = {one["name"]: None for one in attributes}
    return {"customer_id": "crowd", "transactions": rows, "attributes": given}


async def crowd(api: Api, sent: dict[str, tuple[bytes, int]]) -> tuple[Counter[str], set[str]]:
    """Send everything in turn with many clients; return what was answered otherwise than it must.

    Every answer to a good request must be the same text.
    """
    wrong: Counter[str] = Counter()
    done: Counter[str] = Counter()
    good: set[str] = set()
    order = list(sent)
    end = time.monotonic() + SECONDS

    async def one(client: httpx.AsyncClient, turn: int) -> None:
        while time.monotonic() < end:
            # Four in five requests are good, as in life.
            name = order[0] if turn % 5 else order[1 + (turn // 5) % (len(order) - 1)]
            turn += 1
            body, expected = sent[name]
            answer = await client.post("/v1/score", content=body)
            done[name] += 1
            if answer.status_code != expected:
                wrong[f"{name}: {answer.status_code} {answer.text[:200]}"] += 1
            elif name == "good":
                good.add(answer.text)
            await asyncio.sleep(PAUSE)

    headers = {**api.headers, "Content-Type": "application/json"}
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(
        base_url=api.url, headers=headers, timeout=60, limits=limits
    ) as client:
        await asyncio.gather(*(one(client, 7 * i) for i in range(CLIENTS)))
    assert all(done[name] for name in sent), done
    return wrong, good


def test_a_crowd_is_answered_and_the_server_keeps_its_memory(api: Api) -> None:
    headers = {**api.headers, "Content-Type": "application/json"}
    with httpx.Client(base_url=api.url, headers=headers, timeout=60) as client:
        champion = client.get("/v1/models/champion").json()
        good = applicant(champion["attributes"], 200)

        def changed(**changes: Any) -> bytes:
            return json.dumps({**good, **changes}).encode()

        one = dict(good["transactions"][0])
        sent = {
            "good": (changed(), 200),
            "an unknown field": (changed(credit_limit=5), 422),
            "a wrong type": (changed(transactions=[{**one, "amount": "much"}]), 422),
            "a number that is none": (changed(transactions=[one]).replace(b"-900.0", b"NaN"), 422),
            "too many rows": (json.dumps(applicant([], 20_000)).encode(), 422),
            "too large": (b'{"customer_id": "' + b"x" * 12_000_000 + b'"}', 413),
            "deep": (b"[" * 50_000 + b"]" * 50_000, 400),
            "no JSON": (b"customer_id=1", 400),
        }
        alone = client.post("/v1/score", content=sent["good"][0]).text
        for body, _ in sent.values():
            client.post("/v1/score", content=body)
        before = api.memory_mb()
        with ThreadPoolExecutor(1) as own:  # this thread may have an event loop already
            wrong, answers = own.submit(asyncio.run, crowd(api, sent)).result()
        assert not wrong, wrong
        assert answers == {alone}
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert api.memory_mb() < before + GROWTH_MB
