"""One applicant of 200 transactions through the API, over loopback: latency and 16 clients.

    python benchmarks/api.py [--requests 500] [--seconds 10]

It trains a model on the sample data into a folder of its own, starts `candor serve --api-only` as
a process, and asks it one request after the other, then with 16 clients at once.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from credit_core.settings import PROJECT_ROOT, SAMPLE_FILES


def candor(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-c", "from app.cli import main; main()", *words]
    made = subprocess.run(
        command, env=environment, cwd=PROJECT_ROOT, check=True, capture_output=True, text=True
    )
    return made.stdout


def applicant(model: dict[str, object], transactions: int) -> dict[str, object]:
    begin = datetime(2024, 1, 1)
    rows = [
        {
            "timestamp": (begin + timedelta(hours=20 * i)).isoformat(),
            "amount": -900.0 if i % 25 == 0 else 5.25 + i % 37,
            "balance": 400.0 - 3 * (i % 50),
            "category": ("groceries", "rent", "salary")[i % 3],
            "channel": ("card", "transfer")[i % 2],
            "is_fraud": False,
        }
        for i in range(transactions)
    ]
    attributes = {a["name"]: None for a in model["attributes"]}  # type: ignore[attr-defined]
    return {"customer_id": "bench", "transactions": rows, "attributes": attributes}


def quantiles(times: list[float]) -> str:
    cut = statistics.quantiles(times, n=100)
    return f"p50 {1e3 * cut[49]:.1f} ms, p99 {1e3 * cut[98]:.1f} ms"


def one_after_the_other(
    port: int, headers: dict[str, str], body: bytes, requests: int
) -> list[float]:
    """Return the seconds of each request over one connection that stays open.

    The client is the standard library's: httpx itself would add about a millisecond to each.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times = []
    for _ in range(requests + 20):
        begun = time.perf_counter()
        connection.request("POST", "/v1/score", body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise SystemExit(f"the API answered {answer.status}")
    connection.close()
    return times[20:]


async def crowd(base: str, headers: dict[str, str], body: bytes, seconds: float) -> None:
    times: list[float] = []
    errors = 0

    async def one(client: httpx.AsyncClient, end: float) -> None:
        nonlocal errors
        while time.perf_counter() < end:
            begun = time.perf_counter()
            answer = await client.post("/v1/score", content=body)
            times.append(time.perf_counter() - begun)
            errors += answer.status_code != 200

    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as client:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(one(client, end) for _ in range(16)))
    print(f"16 clients: {len(times) / seconds:.0f} answers/s, {quantiles(times)}, {errors} errors")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--transactions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--families", default="logistic,xgboost")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **os.environ,
            "CANDOR_HOME": str(Path(folder) / "home"),
            "CANDOR_MODELS": str(Path(folder) / "models"),
            "CANDOR_API_PER_MINUTE": "1000000",
            "PYTHONPATH": str(PROJECT_ROOT),
        }
        files = [str(SAMPLE_FILES[0]), "--applications", str(SAMPLE_FILES[1])]
        candor(environment, "train", *files, "--models", given.families, "--promote", "--json")
        headers = {
            "Authorization": f"Bearer {candor(environment, 'keys', 'create', 'bench').strip()}",
            "Content-Type": "application/json",
        }
        command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--api-only"]
        command += ["--port", str(port), "--workers", str(given.workers)]
        server = subprocess.Popen(
            command, env=environment, cwd=PROJECT_ROOT, stderr=subprocess.DEVNULL
        )
        base = f"http://127.0.0.1:{port}"
        try:
            while True:
                try:
                    if httpx.get(f"{base}/readyz", timeout=10).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.2)
            model = httpx.get(f"{base}/v1/models/champion", headers=headers).json()
            body = json.dumps(applicant(model, given.transactions)).encode()
            times = one_after_the_other(port, headers, body, given.requests)
            print(
                f"{model['family']}, {len(model['features'])} features, "
                f"{given.transactions} transactions, one after the other: {quantiles(times)}"
            )
            asyncio.run(crowd(base, headers, body, given.seconds))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
