"""The model registry: the only file that knows MLflow.

MLflow is the ledger (runs, metrics, versions, aliases); bundles are read by Candor's own loader,
never by MLflow's.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from credit_core.errors import CandorError, InputError, RefusedError
from credit_core.modelling.bundle import Bundle, load_bundle
from credit_core.modelling.grades import gains_table
from credit_core.modelling.metrics import calibration_table, roc_points
from credit_core.oversight.version_list import changed_ns, keep, kept
from credit_core.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUESTIONS = ("default", "disengagement")
"""In the order of preference for scoring: observed outcomes before proxies."""
CHAMPION = "champion"
_EXPERIMENT = "candor"
_TRUSTED_SECONDS = 5
"""How long a list of versions read from a database server holds."""
_importing = threading.Lock()
_PARENT, _TOKEN = "mlflow.parentRunId", "process"


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: what it answers, what it is, and how it fared."""

    name: str
    version: str
    run_id: str
    family: str
    label: str
    created: str
    champion: bool
    circular: bool
    refusal: str | None
    sha256: str
    dataset: str
    metrics: dict[str, dict[str, float]]
    path: Path

    @property
    def reference(self) -> str:
        return f"{self.name}:{self.version}"


def import_mlflow() -> None:
    """Import MLflow, silent, one thread at a time.

    Two threads that begin with different parts of it can each find the other's half done.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with _importing:
        for name in ("mlflow", "mlflow.exceptions"):
            importlib.import_module(name)


@contextmanager
def _client(settings: Settings) -> Iterator[MlflowClient]:
    """Yield a client; first constructions are serialised, or they ruin the SQLite file."""
    import_mlflow()
    settings.models.mkdir(parents=True, exist_ok=True)
    with FileLock(str(settings.models / ".registry.lock")):
        client = _connected(str(settings.models.resolve()), settings.tracking_url)
    yield client


@lru_cache(maxsize=8)
def _connected(folder: str, url: str) -> MlflowClient:
    import logging

    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    database = url or f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=database, registry_uri=database)
    if client.get_experiment_by_name(_EXPERIMENT) is None:
        client.create_experiment(_EXPERIMENT, artifact_location=f"file://{folder}/artifacts")
    return client


def is_empty(settings: Settings) -> bool:
    """Return True where nothing was ever trained, as far as can be told without MLflow."""
    return not settings.tracking_url and not (settings.models / "mlflow.db").exists()


def stamp(settings: Settings) -> int:
    """Return a number that changes when the registry may have; for caches.

    A database file says when it changed; of a server one knows nothing but the time.
    """
    if settings.tracking_url:
        return int(time.monotonic() // _TRUSTED_SECONDS)
    return changed_ns(settings.models / "mlflow.db")


@contextmanager
def training(settings: Settings, tags: dict[str, str]) -> Iterator[str]:
    """Hold open the parent run of a training, and yield its id.

    The run ends FINISHED, FAILED with its reason, or KILLED where the training was interrupted;
    unless it finished, no version of it stays. A lock that the system lets go of with the process
    tells the living from the dead: what a killed process left is ended by the next training.
    """
    end_abandoned(settings)
    token = uuid.uuid4().hex
    with _client(settings) as client, _alive(settings, token):
        experiment = client.get_experiment_by_name(_EXPERIMENT)
        run = client.create_run(
            experiment.experiment_id,
            tags={**tags, _TOKEN: token},
            run_name=f"training {tags.get('label', '')}",
        )
        run_id = str(run.info.run_id)
        try:
            yield run_id
        except BaseException as error:
            stopped = not isinstance(error, Exception)
            problem = str(error) if isinstance(error, CandorError) else repr(error)
            reason = "The training was stopped before its end." if stopped else problem
            _undo(client, settings, run_id, "KILLED" if stopped else "FAILED", reason)
            raise
        client.set_terminated(run_id, "FINISHED")


def end_abandoned(settings: Settings) -> None:
    """End as FAILED every training whose process died, and take its versions back."""
    if is_empty(settings):
        return
    with _client(settings) as client:
        experiment = client.get_experiment_by_name(_EXPERIMENT)
        running = client.search_runs(
            [experiment.experiment_id], "attributes.status = 'RUNNING'", max_results=1000
        )
        parents = [run for run in running if _PARENT not in run.data.tags]
        for run in parents:
            run_id = run.info.run_id
            with suppress(Timeout), _alive(settings, run.data.tags.get(_TOKEN, run_id)):
                # It may have ended by itself between the search and the lock.
                if client.get_run(run_id).info.status == "RUNNING":
                    reason = "The training's process ended without a word (out of memory?)."
                    _undo(client, settings, run_id, "FAILED", reason)


@contextmanager
def _alive(settings: Settings, token: str) -> Iterator[None]:
    """Hold the lock of a training; raise ``Timeout`` where its process holds it."""
    path = settings.models / "running" / token
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(str(path), timeout=0):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _undo(client: MlflowClient, settings: Settings, run_id: str, status: str, reason: str) -> None:
    """End a parent run with its reason and delete the versions registered under it."""
    parent = client.get_run(run_id)
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`{_PARENT}` = '{run_id}'", max_results=1000
    )
    for child in children:
        child_id = child.info.run_id
        for version in client.search_model_versions(f"run_id='{child_id}'"):
            client.delete_model_version(version.name, version.version)
        shutil.rmtree(_bundle_folder(settings, child_id).parent, ignore_errors=True)
        client.set_terminated(child_id, status)
    client.set_tag(run_id, "problem", reason[:4000])
    client.set_terminated(run_id, status)


def register(settings: Settings, parent: str, folder: Path) -> ModelVersion:
    """Log a bundle folder as a child run and register it as a version of its question."""
    from mlflow.entities import Metric, Param

    bundle = load_bundle(folder)
    facts = bundle.facts
    with _client(settings) as client:
        experiment = client.get_experiment_by_name(_EXPERIMENT)
        tags = {
            _PARENT: parent,
            "family": bundle.family,
            "label": facts["label"]["kind"],
            "dataset": facts["dataset"]["fingerprint"],
            "catalogue": str(facts["catalogue_fingerprint"]),
            "seed": str(facts["seed"]),
            "sha256": bundle.sha256,
            "windows": json.dumps(facts["label"]["windows"], sort_keys=True),
            "git_revision": git_revision(),
        }
        run = client.create_run(experiment.experiment_id, tags=tags, run_name=bundle.family)
        run_id = str(run.info.run_id)
        now = int(time.time() * 1000)
        client.log_batch(  # in one transaction: each of them waits for the disk
            run_id,
            metrics=[
                Metric(f"{sample}.{key}", float(value), now, 0)
                for sample, metrics in facts["metrics"].items()
                for key, value in metrics.items()
            ],
            params=[Param(key, str(value)) for key, value in facts["parameters"].items()],
        )
        # Not log_artifacts: it writes where the store was made, which a moved store is not.
        target = _bundle_folder(settings, run_id)
        shutil.copytree(folder, target)
        _save_pyfunc(bundle, target)
        _save_tables(target)
        client.set_terminated(run_id, "FINISHED")
        name = bundle.question
        _ensure_model(client, name)
        checks = facts["checks"]
        version = client.create_model_version(
            name,
            source=f"{run.info.artifact_uri}/bundle",
            run_id=run_id,
            tags={
                **{key: tags[key] for key in ("family", "label", "dataset", "sha256")},
                "circular": json.dumps(checks["circular"]),
                "refusal": json.dumps(checks["refusal"]),
                "metrics": json.dumps(facts["metrics"]),
            },
        )
        return _version(settings, _facts(client, version))


def _save_tables(folder: Path) -> None:
    """Put the evaluation's curves and tables beside the bundle, to be looked at in MLflow."""
    import pandas as pd

    evaluation = pd.read_parquet(folder / "evaluation.parquet")
    target = folder.with_name("tables")
    target.mkdir()
    for sample, rows in evaluation.groupby("sample", sort=True):
        label, risk = rows["label"].to_numpy(), rows["risk"].to_numpy()
        if len(np.unique(label)) < 2:
            continue
        curve = roc_points(label, risk)
        roc = pd.DataFrame(curve[:, :2], columns=["false_positive_rate", "true_positive_rate"])
        for name, table in (
            ("roc", roc),
            ("calibration", calibration_table(label, risk)),
            ("gains", gains_table(label, risk)),
        ):
            table.to_csv(target / f"{name}_{sample}.csv", index=False)


def git_revision() -> str:
    """Return the commit this code is at; "" where it is no checkout."""
    head = PROJECT_ROOT / ".git" / "HEAD"
    try:
        words = head.read_text(encoding="ascii").strip()
        if not words.startswith("ref: "):
            return words
        return (head.parent / words.removeprefix("ref: ")).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _save_pyfunc(bundle: Bundle, folder: Path) -> None:
    """Put a model beside the bundle that MLflow's own tools score with, from code (`pyfunc`)."""
    import warnings

    # MLflow warns of its own types, and sets filters of its own: record, and let go.
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        categories = bundle.design.categories
        columns = [
            ColSpec("string" if source in categories else "double", source, required=False)
            for source in bundle.design.sources
        ]
        found = Schema([ColSpec("double", name) for name in ("score", "risk")])
        mlflow.pyfunc.save_model(
            str(folder.with_name("pyfunc")),
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            artifacts={"bundle": str(folder)},
            signature=ModelSignature(Schema(columns), found),
            pip_requirements=["candor"],
        )


def _bundle_folder(settings: Settings, run_id: str) -> Path:
    return settings.models.resolve() / "artifacts" / run_id / "artifacts" / "bundle"


def _ensure_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _facts(client: MlflowClient, found: Any) -> dict[str, Any]:
    """Return what MLflow holds about a version: the fields of `ModelVersion` but its path."""
    tags = found.tags
    aliases = client.get_registered_model(found.name).aliases
    created = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC)
    return {
        "name": found.name,
        "version": str(found.version),
        "run_id": found.run_id,
        "family": tags["family"],
        "label": tags["label"],
        "created": created.isoformat(timespec="seconds"),
        "champion": str(aliases.get(CHAMPION)) == str(found.version),
        "circular": json.loads(tags["circular"]),
        "refusal": json.loads(tags["refusal"]),
        "sha256": tags["sha256"],
        "dataset": tags["dataset"],
        "metrics": json.loads(tags["metrics"]),
    }


def _version(settings: Settings, facts: dict[str, Any]) -> ModelVersion:
    return ModelVersion(**facts, path=_bundle_folder(settings, facts["run_id"]))


def list_versions(settings: Settings) -> list[ModelVersion]:
    """Return every registered version, newest first within its question."""
    if is_empty(settings):
        return []
    changed = None if settings.tracking_url else stamp(settings)
    known = {field.name for field in fields(ModelVersion)} - {"path"}
    listed = kept(settings.models, changed, known) if changed else None
    if listed is None:
        listed = _asked(settings)
        if changed and changed == stamp(settings):
            keep(settings.models, changed, listed)
    return [_version(settings, facts) for facts in listed]


def _asked(settings: Settings) -> list[dict[str, Any]]:
    """Ask MLflow for every version."""
    import_mlflow()
    from mlflow.exceptions import MlflowException

    try:
        with _client(settings) as client:
            versions = []
            for name in QUESTIONS:
                found = client.search_model_versions(f"name='{name}'", max_results=1000)
                versions += sorted(found, key=lambda version: -int(version.version))
            return [_facts(client, version) for version in versions]
    except MlflowException as error:  # a damaged store
        raise InputError(f"The model store cannot be read: {error.message}.") from error


def champion_of(versions: Iterable[ModelVersion], question: str) -> ModelVersion | None:
    """Return the champion of a question among versions, None where it has none."""
    return next((one for one in versions if one.name == question and one.champion), None)


def find_version(settings: Settings, reference: str) -> ModelVersion:
    """Return a version by 'champion', a question's name (its champion) or 'NAME:VERSION'."""
    versions = list_versions(settings)
    if reference == CHAMPION or reference in QUESTIONS:
        for name in QUESTIONS if reference == CHAMPION else (reference,):
            if (champion := champion_of(versions, name)) is not None:
                return champion
        raise InputError(
            "No model has been promoted yet. Train models and promote one, or name a version."
        )
    name, _, number = reference.partition(":")
    for version in versions:
        if version.name == name and version.version == number:
            return version
    known = ", ".join(version.reference for version in versions[:8])
    raise InputError(f"There is no model {reference!r}; known: {known or 'none yet'}.")


def load_version(version: ModelVersion) -> Bundle:
    """Load a version's bundle, checked against the hash in the registry."""
    return load_bundle(version.path, version.sha256)


def promote(settings: Settings, version: ModelVersion) -> None:
    """Make a version the champion of its question; one that a check stands against is refused."""
    if version.refusal is not None:
        raise RefusedError(
            f"{version.reference} is not promoted. {version.refusal}",
            {"version": version.reference, "circular": version.circular},
        )
    with _client(settings) as client:
        client.set_registered_model_alias(version.name, CHAMPION, version.version)
