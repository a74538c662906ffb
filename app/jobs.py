"""Long work as a job: a child process that runs a workflow, with its state on disk.

A folder a job: ``request.json``, ``progress.json``, and in the end ``result.json`` or
``error.json``. Any process that sees the folder can follow the job: another page, a second
browser, a dashboard that was restarted.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credit_core.data.store import write_atomic
from credit_core.errors import CandorError, InputError
from credit_core.oversight import access, registry
from credit_core.settings import PROJECT_ROOT, Settings, get_settings

_children: dict[str, subprocess.Popen[bytes]] = {}
KINDS = ("ingest", "train", "score", "examine")
_PERMISSIONS: dict[str, access.Permission] = {"ingest": "bring in data", "train": "train"}
_PATIENCE = 5.0
"""Seconds that a cancelled job has to clear up, and then that a killed one has to be gone."""


@dataclass(frozen=True)
class Job:
    """A job as it stands: ``state`` is running, done, failed or cancelled."""

    id: str
    kind: str
    request: dict[str, Any]
    state: str
    share: float
    text: str
    started: float
    seconds: float
    result: dict[str, Any] | None
    problem: str | None
    finished: tuple[dict[str, Any], ...] = ()
    """Of a training: the families judged so far."""

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def seconds_left(self) -> float | None:
        """Return an estimate from the share done; None while too little is."""
        if not self.running or self.share < 0.1:
            return None
        return self.seconds * (1 - self.share) / self.share


def _root(settings: Settings) -> Path:
    return settings.home / "jobs"


def submit(settings: Settings, kind: str, request: dict[str, Any]) -> str:
    """Start a job and return its id; the same request while one runs is that one.

    Raises
    ------
    InputError
        Where as many jobs are running as may.
    """
    if kind not in KINDS:
        raise InputError(f"There is no job {kind!r}.")
    if permission := _PERMISSIONS.get(kind):
        access.require(settings, permission)  # at once, not in the child
    digest = _digest(kind, request)
    root = _root(settings)
    root.mkdir(parents=True, exist_ok=True)
    earlier = _same(settings, digest)
    if earlier and (found := read(settings, earlier[-1].name)) is not None and found.running:
        return found.id
    if sum(job.running for job in list_jobs(settings)) >= settings.jobs:
        raise InputError(
            f"As many jobs are running as may at the same time ({settings.jobs}, CANDOR_JOBS); "
            "start this one when one of them has ended or was cancelled."
        )
    number = int(earlier[-1].name.split("-")[1]) + 1 if earlier else 1
    folder = root / f"{digest}-{number}"
    try:
        folder.mkdir()
    except FileExistsError:  # another session pressed the button at the same moment
        return folder.name
    started = {"kind": kind, "request": request, "started": time.time()}
    write_atomic(folder / "request.json", json.dumps(started).encode())
    _write_progress(folder, 0.0, "Starting")
    environment = {
        **os.environ,
        "OMP_WAIT_POLICY": "passive",
        "CANDOR_HOME": str(settings.home),
        "CANDOR_MODELS": str(settings.models),
        "CANDOR_ACTOR": settings.actor,
        "CANDOR_ROLE": settings.role,
    }
    with (folder / "log.txt").open("wb") as log, (folder / "alive").open("wb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        child = subprocess.Popen(  # noqa: S603 - our own module, no text of a user in it
            [sys.executable, "-m", "app.jobs", str(folder)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=PROJECT_ROOT,
            env=environment,
            pass_fds=[alive.fileno()],  # the child keeps the lock until it ends, however it ends
        )
    write_atomic(folder / "pid", str(child.pid).encode())
    _children[folder.name] = child
    return folder.name


def _digest(kind: str, request: dict[str, Any]) -> str:
    content = json.dumps({"kind": kind, **request}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _same(settings: Settings, digest: str) -> list[Path]:
    """Return the folders of the jobs with this content, oldest first."""
    found = _root(settings).glob(f"{digest}-*")
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def latest(settings: Settings, kind: str, request: dict[str, Any]) -> Job | None:
    """Return the newest job with exactly this request, None where there was none."""
    same = _same(settings, _digest(kind, request))
    return read(settings, same[-1].name) if same else None


def read(settings: Settings, job_id: str) -> Job | None:
    """Return a job as it stands, None where there is none of that id."""
    folder = _root(settings) / job_id
    if not job_id or "/" in job_id or not (folder / "request.json").is_file():
        return None
    started = _json(folder / "request.json") or {}
    progress = _json(folder / "progress.json") or {"share": 0.0, "text": "", "at": time.time()}
    result, error = _json(folder / "result.json"), _json(folder / "error.json")
    state, problem = "running", None
    if result is not None:
        state = "done"
    elif error is not None:
        state, problem = error["state"], error["problem"]
    elif not _alive(folder):
        state, problem = "failed", "The job's process ended without a result (out of memory?)."
    end = time.time() if state == "running" else progress["at"]
    return Job(
        job_id,
        started["kind"],
        started["request"],
        state,
        progress["share"],
        progress["text"],
        started["started"],
        end - started["started"],
        result,
        problem,
        tuple((_json(folder / "finished.json") or {"families": []})["families"]),
    )


def list_jobs(settings: Settings, kind: str | None = None) -> list[Job]:
    """Return the jobs, newest first."""
    root = _root(settings)
    found = [read(settings, path.name) for path in root.iterdir()] if root.is_dir() else []
    jobs = [job for job in found if job is not None and (kind is None or job.kind == kind)]
    return sorted(jobs, key=lambda job: -job.started)


def cancel(settings: Settings, job_id: str) -> None:
    """Stop a running job; nothing half-done of it stays in the registry.

    The process is asked first, so that it ends its own run, and killed where it does not listen.
    """
    job = read(settings, job_id)
    if job is None or not job.running:
        return
    folder = _root(settings) / job_id
    _fail(folder, "Cancelled.", "cancelled")
    with suppress(OSError, ValueError):  # it has ended by itself, or is not started yet
        group = int((folder / "pid").read_text())
        os.killpg(group, signal.SIGTERM)
        if not _ends(folder):
            os.killpg(group, signal.SIGKILL)
            _ends(folder)  # a process lets go of its locks only when it is gone
            registry.end_abandoned(settings)


def _ends(folder: Path) -> bool:
    """Wait for the end of a job's process; return False where it outlives our patience."""
    until = time.monotonic() + _PATIENCE
    while _alive(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _alive(folder: Path) -> bool:
    """Return True while the job's process lives: it holds a lock the system frees at its end."""
    child = _children.get(folder.name)
    if child is not None:
        return child.poll() is None
    try:
        with (folder / "alive").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime < 10  # it is being started
    except BlockingIOError:
        return True
    return False


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def _write_progress(folder: Path, share: float, words: str) -> None:
    content = {"share": share, "text": words, "at": time.time()}
    write_atomic(folder / "progress.json", json.dumps(content).encode())


def _run(folder: Path) -> None:
    """Do the job of a folder; this is the child process."""
    # Raises KeyboardInterrupt, so that a training can close its run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = _json(folder / "request.json") or {}
    settings = get_settings()
    try:
        result = _WORK[started["kind"]](settings, started["request"], folder)
    except CandorError as error:
        _fail(folder, str(error))
    except KeyboardInterrupt:
        if not (folder / "error.json").exists():
            _fail(folder, "The job was stopped from outside.")
    except MemoryError:
        _fail(folder, "The job ran out of memory; use fewer customers or a larger machine.")
    except Exception as error:
        _fail(folder, f"Something went wrong inside Candor: {type(error).__name__}: {error}.")
        raise
    else:
        write_atomic(folder / "result.json", json.dumps(result, default=str).encode())


def _fail(folder: Path, problem: str, state: str = "failed") -> None:
    content = {"state": state, "problem": problem}
    write_atomic(folder / "error.json", json.dumps(content).encode())


def _ingest(settings: Settings, request: dict[str, Any], folder: Path) -> dict[str, Any]:
    from credit_core import workflows
    from credit_core.data.mapping import Mapping

    transactions, applications = request["transactions"], request["applications"]
    mapping = request["mapping"]
    dataset = workflows.ingest(
        Path(transactions) if transactions else None,
        settings,
        mapping=Mapping.model_validate(mapping) if mapping else None,
        applications=Path(applications) if applications else None,
        protected=tuple(request["protected"]),
        progress=lambda share, words: _write_progress(folder, share, words),
    )
    return {"dataset": dataset.fingerprint}


def _train(settings: Settings, request: dict[str, Any], folder: Path) -> dict[str, Any]:
    from credit_core import workflows
    from credit_core.config import ModelConfig
    from credit_core.data.store import open_dataset

    finished: list[dict[str, Any]] = []

    def each(found: dict[str, Any]) -> None:
        finished.append(found)
        write_atomic(folder / "finished.json", json.dumps({"families": finished}).encode())

    result = workflows.train(
        open_dataset(settings, request["dataset"]),
        settings,
        ModelConfig.model_validate(request["config"]),
        workflows.TrainingRequest(
            request["label"], tuple(request["families"]), bool(request.get("promote"))
        ),
        lambda share, words: _write_progress(folder, share, words),
        each,
    )
    return result.facts()


def _score(settings: Settings, request: dict[str, Any], folder: Path) -> dict[str, Any]:
    from credit_core import workflows
    from credit_core.data.store import open_dataset

    dataset = open_dataset(settings, request["dataset"])
    out = folder / "scores.parquet"
    found = workflows.score_to_files(
        dataset,
        settings,
        [out, out.with_suffix(".csv")],
        model=request["model"],
        all_reasons=bool(request.get("all_reasons")),
        progress=lambda share, words: _write_progress(folder, share, words),
    )
    return {
        "rows": found.rows,
        "rejected_rows": dataset.rejected,
        "out": str(out),
        "counts": found.manifest["counts"],
        "summary": found.summary,
        "model": found.version.reference,
        "warnings": list(found.warnings),
        "decisions": found.decisions,
    }


def _examine(settings: Settings, request: dict[str, Any], folder: Path) -> dict[str, Any]:
    from credit_core import workflows
    from credit_core.config import ModelConfig
    from credit_core.data.store import open_dataset

    return workflows.examine_label(
        open_dataset(settings, request["dataset"]),
        settings,
        ModelConfig.model_validate(request["config"]),
        request["label"],
        lambda share, words: _write_progress(folder, share, words),
    )


_WORK = {"ingest": _ingest, "train": _train, "score": _score, "examine": _examine}

if __name__ == "__main__":
    _run(Path(sys.argv[1]))
