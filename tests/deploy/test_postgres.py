"""With PostgreSQL for the record and the registry: workers agree, a restart loses nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from app import keys
from credit_core import workflows
from credit_core.oversight import events
from credit_core.oversight.registry import find_version
from credit_core.settings import PROJECT_ROOT, Settings
from credit_core.workflows import TrainingRequest


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL of the test's own; its URL without a database's name."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not tools:
        pytest.skip("no PostgreSQL server is installed on this machine")
    root = Path(tempfile.mkdtemp(prefix="candor-postgres-"))  # pytest's own folders are private
    user = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        found = pwd.getpwnam("postgres")
        os.chown(root, found.pw_uid, found.pw_gid)
        user = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    port, data = free_port(), root / "data"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {root}"
    for command in (
        ["initdb", "-D", data, "-A", "trust", "-U", "candor", "-E", "UTF8", "--locale=C"],
        ["pg_ctl", "-D", data, "-o", options, "-l", root / "log", "-w", "start"],
        ["createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "candor", "candor"],
        ["createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "candor", "mlflow"],
    ):
        words = [str(tools[-1] / command[0]), *map(str, command[1:])]
        subprocess.run(words, check=True, cwd=root, stdout=subprocess.DEVNULL, **user)
    yield f"postgresql+psycopg://candor@127.0.0.1:{port}"
    stop = [str(tools[-1] / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
    subprocess.run(stop, check=True, cwd=root, stdout=subprocess.DEVNULL, **user)
    shutil.rmtree(root)


@contextmanager
def serving(settings: Settings, workers: int) -> Iterator[str]:
    """Run ``candor serve`` with settings in its environment, as a container would."""
    port = free_port()
    environment = {
        **os.environ,
        "CANDOR_HOME": str(settings.home),
        "CANDOR_MODELS": str(settings.models),
        "CANDOR_DATABASE_URL": settings.database_url,
        "CANDOR_TRACKING_URL": settings.tracking_url,
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    command += ["--port", str(port), "--api-only", "--workers", str(workers)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx2.get(f"{base}/readyz", timeout=20).status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{base}/healthz", timeout=2)


def test_workers_agree_and_a_restart_loses_nothing(server, store, tmp_path, quick) -> None:
    settings = store.settings.model_copy(
        update={
            "home": tmp_path / "home",
            "models": tmp_path / "models",
            "database_url": f"{server}/candor",
            "tracking_url": f"{server}/mlflow",
        }
    )
    settings.home.mkdir()
    shutil.copytree(store.settings.home / "datasets", settings.home / "datasets")
    request = TrainingRequest("disengaged", ("logistic",), promote=True)
    trained = workflows.train(store.dataset, settings, quick, request)
    assert not (settings.models / "mlflow.db").exists()
    assert not (settings.home / "events.db").exists()
    champion = find_version(settings, "champion")
    assert champion == trained.champion
    row = workflows.score_dataset(store.dataset, settings).frame.iloc[0]
    key = keys.create(settings, "test")
    given = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
    body = {"customer_id": "A", "as_of": row["as_of"].isoformat()}
    with serving(settings, workers=2) as base:
        answers = []
        for _ in range(12):  # each on a connection of its own, so that both workers are asked
            found = httpx2.post(f"{base}/v1/score", json=body, headers=given, timeout=30)
            assert found.status_code == 200, found.text
            answers.append(found.json())
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["model_version"] == champion.version
        page = httpx2.get(f"{base}/metrics", headers=given, timeout=30).text
        assert 'route="/v1/score",status="200"} 12.0' in page, "the workers' counts are added up"
    with serving(settings, workers=1) as base:
        again = httpx2.post(f"{base}/v1/score", json=body, headers=given, timeout=30)
    assert again.json() == answers[0]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(events.list_events(settings, kind="scored")) == 1
    assert events.verify(settings) is None
