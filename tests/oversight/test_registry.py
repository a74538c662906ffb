"""The registry: champions, promotions and refusals, and a store two processes open at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from credit_core import workflows
from credit_core.errors import InputError, RefusedError
from credit_core.oversight import events, registry
from credit_core.settings import Settings
from credit_core.workflows import TrainingRequest, champions


def runs_of(settings: Settings) -> list[Any]:
    """Return the runs of a model store as MLflow itself has them."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{settings.models.resolve()}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "candor"]
    return client.search_runs([experiment.experiment_id])


def test_the_best_of_a_training_is_champion_of_its_question(store) -> None:
    best = store.observed.versions[0]
    aucs = [v.metrics["out_of_time"]["auc"] for v in store.observed.versions]
    assert aucs == sorted(aucs, reverse=True)
    assert registry.find_version(store.settings, "default").reference == best.reference
    champions = [v for v in registry.list_versions(store.settings) if v.champion]
    assert {v.name for v in champions} == {"default", "disengagement"}
    assert store.observed.champion.reference == best.reference


def test_scoring_prefers_observed_outcomes_to_a_proxy(store) -> None:
    assert registry.find_version(store.settings, "champion").name == "default"
    assert registry.find_version(store.settings, "disengagement").label == "disengaged"


def test_versions_say_what_they_are(store) -> None:
    for version in store.observed.versions:
        again = registry.find_version(store.settings, version.reference)
        assert again.metrics == version.metrics
        assert again.dataset == store.dataset.fingerprint
        assert again.label == "observed"
        assert (again.circular, again.refusal) == (False, None)
        assert registry.load_version(again).sha256 == again.sha256
        assert set(again.metrics) == {"cross_validation", "holdout", "out_of_time"}
    (proxy,) = store.proxy.versions
    assert set(proxy.metrics) >= {"cross_validation", "observed_outcome"}


_LIST = """
import json, sys
from pathlib import Path
from credit_core.oversight import registry
from credit_core.settings import Settings

settings = Settings(home=Path(sys.argv[1]), models=Path(sys.argv[1]))
named = [f"{v.reference} {v.champion} {v.path}" for v in registry.list_versions(settings)]
print(json.dumps({"versions": named, "mlflow": "mlflow" in sys.modules}))
"""


def named(settings: Settings) -> list[str]:
    return [f"{v.reference} {v.champion} {v.path}" for v in registry.list_versions(settings)]


def listed_elsewhere(models: Path) -> dict[str, Any]:
    """Return what another process lists, and whether it needed MLflow for it."""
    command = [sys.executable, "-c", _LIST, str(models)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_unchanged_store_is_listed_without_mlflow(store, tmp_path: Path) -> None:
    models = Path(shutil.copytree(store.settings.models, tmp_path / "models"))
    kept, database = models / "versions.json", models / "mlflow.db"
    kept.unlink(missing_ok=True)
    long_ago = database.stat().st_mtime - 60
    os.utime(database, (long_ago, long_ago))
    asked = listed_elsewhere(models)
    assert asked["mlflow"]
    assert asked["versions"]
    again = listed_elsewhere(models)
    assert again == {**asked, "mlflow": False}

    settings, whole = Settings(home=models, models=models), kept.read_text()
    for damaged in ("", "[]", '{"format": 1}', whole[:-40]):
        kept.write_text(damaged)
        assert named(settings) == asked["versions"]
        assert kept.read_text() == whole, "MLflow was asked, and its answer kept"
    os.utime(database, (long_ago + 1, long_ago + 1))
    assert named(settings) == asked["versions"]
    assert kept.read_text() != whole, "for the store had changed"


def test_a_list_is_kept_only_once_the_store_has_settled(store, tmp_path: Path) -> None:
    """A file system may give one time to two changes: the second would never be seen."""
    models = Path(shutil.copytree(store.settings.models, tmp_path / "models"))
    (models / "versions.json").unlink(missing_ok=True)
    settings = store.settings.model_copy(update={"models": models})
    os.utime(models / "mlflow.db")
    before = registry.list_versions(settings)
    assert not (models / "versions.json").exists()
    (other,) = [v for v in before if v.name == "default" and not v.champion][:1]
    registry.promote(settings, other)
    assert registry.find_version(settings, "default").reference == other.reference


@pytest.mark.parametrize("reference", ["default:99", "default", "nothing", "default:", "champion"])
def test_an_unknown_model_is_refused(reference: str, settings: Settings) -> None:
    with pytest.raises(InputError, match=r"(No|no) model"):
        registry.find_version(settings, reference)
    assert registry.is_empty(settings), "asking makes no store"


def test_promotions_replace_and_refusals_are_recorded(store, fresh: Settings) -> None:
    """One training after the other in a store of its own: first, replaced, refused."""
    settings = fresh.model_copy(update={"home": store.settings.home})
    before = len(events.list_events(settings, limit=10_000))
    train = store.dataset, settings, store.config
    assert workflows.train(*train, TrainingRequest("inactive", ("logistic",))).champion is None
    with pytest.raises(InputError, match="No model has been promoted"):
        registry.find_version(settings, "champion")
    second = workflows.train(*train, TrainingRequest("disengaged", ("logistic",), promote=True))
    assert second.champion.reference == "disengagement:2"
    (changed,) = champions.changes(settings, "disengagement:1")
    assert changed.startswith("Its label is inactive, observed for ")
    assert "the champion's disengaged, observed for " in changed
    assert champions.changes(settings, "disengagement:2") == [], "it is the champion"
    workflows.promote("disengagement:1", "the label is simpler", settings)
    assert registry.find_version(settings, "champion").reference == "disengagement:1"
    assert sum(v.champion for v in registry.list_versions(settings)) == 1

    circular = workflows.train(*train, TrainingRequest("same_window", ("logistic",), promote=True))
    assert circular.champion is None
    assert "same_window" in circular.refused
    assert circular.checks["circular"] is True
    assert circular.facts()["refused"] == circular.refused
    with pytest.raises(RefusedError, match="cannot be promoted") as caught:
        workflows.promote("disengagement:3", "it has the best AUC", settings)
    assert caught.value.evidence["circular"] is True
    assert registry.find_version(settings, "champion").reference == "disengagement:1"

    written = events.list_events(settings, limit=10_000)[: -before or None][::-1]
    assert [event.kind for event in written] == [
        "trained", "trained", "promoted", "promoted", "trained", "promotion refused",
        "promotion refused",
    ]  # fmt: skip
    promoted = written[3].details
    assert promoted["model"] == "disengagement:1"
    assert promoted["replaces"] == "disengagement:2"
    assert promoted["reason"] == "the label is simpler"
    assert len(promoted["sha256"]) == 64
    refused = written[-1].details
    assert refused["reason"] == "it has the best AUC"
    assert "same_window" in refused["refusal"]
    assert events.verify(settings) is None


OPENER = """
import sys
from pathlib import Path
from credit_core.errors import InputError
from credit_core.oversight import registry
from credit_core.settings import Settings
settings = Settings(home=Path(sys.argv[1]), models=Path(sys.argv[2]))
try:
    with registry.training(settings, {"label": "none"}):
        raise InputError("only opened")
except InputError:
    pass
assert registry.list_versions(settings) == []
"""


def test_two_processes_open_an_empty_store_at_once(settings: Settings) -> None:
    command = [sys.executable, "-c", OPENER, str(settings.home), str(settings.models)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate(timeout=200)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    runs = runs_of(settings)
    assert len(runs) == 2
    assert {run.data.tags["problem"] for run in runs} == {"only opened"}


def test_a_failed_training_is_a_failed_run_with_its_reason(
    store, fresh: Settings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no model 'forest'"):
        workflows.train(store.dataset, fresh, store.config, TrainingRequest(None, ("forest",)))
    short = tmp_path / "short.csv"
    short.write_text("customer_id,timestamp,amount\nA,2024-01-05,1\nB,2024-01-09,2\n")
    dataset = workflows.ingest(short, fresh)
    with pytest.raises(InputError, match="spans 5 days"):
        workflows.train(dataset, fresh, store.config, TrainingRequest("inactive", ("logistic",)))
    (run,) = runs_of(fresh)
    assert run.info.status == "FAILED"
    assert "spans 5 days" in run.data.tags["problem"]


def test_a_training_that_is_stopped_late_leaves_no_version(store, fresh: Settings) -> None:
    finished = store.version("logistic")

    def stop() -> None:
        with registry.training(fresh, {"label": "observed"}) as run_id:
            version = registry.register(fresh, run_id, finished.path)
            assert registry.list_versions(fresh) == [version]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert registry.list_versions(fresh) == []
    assert {run.info.status for run in runs_of(fresh)} == {"KILLED"}
    assert "stopped before its end" in str([run.data.tags.get("problem") for run in runs_of(fresh)])
    assert not list(fresh.models.glob("artifacts/*/artifacts/bundle"))


ENDLESS = """
import sys
import time
from pathlib import Path
from credit_core.oversight import registry
from credit_core.settings import Settings
settings = Settings(home=Path(sys.argv[1]), models=Path(sys.argv[2]))
with registry.training(settings, {"label": "observed"}) as run:
    registry.register(settings, run, Path(sys.argv[3]))
    print("registered", flush=True)
    time.sleep(200)
"""


def test_what_a_killed_training_left_is_ended_by_the_next(store, fresh: Settings) -> None:
    bundle = store.version("logistic").path
    command = [sys.executable, "-c", ENDLESS, str(fresh.home), str(fresh.models), str(bundle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"registered\n"
            registry.end_abandoned(fresh)
            (version,) = registry.list_versions(fresh)
            assert "RUNNING" in {run.info.status for run in runs_of(fresh)}, "it lives"
        finally:
            process.kill()
    with registry.training(fresh, {"label": "observed"}) as run_id:
        assert registry.list_versions(fresh) == []
    runs = {run.info.run_id: run for run in runs_of(fresh)}
    assert runs.pop(run_id).info.status == "FINISHED"
    assert {run.info.status for run in runs.values()} == {"FAILED"}
    assert "process ended" in str([run.data.tags.get("problem") for run in runs.values()])
    assert not version.path.exists()


def test_a_run_holds_its_tables_and_says_what_it_was_made_of(store) -> None:
    version = store.version("logistic")
    (run,) = [run for run in runs_of(store.settings) if run.info.run_id == version.run_id]
    tags, facts = run.data.tags, store.bundle("logistic").facts
    assert json.loads(tags["windows"]) == facts["label"]["windows"]
    assert tags["seed"] == str(facts["seed"])
    assert tags.get("git_revision", "") == registry.git_revision()
    tables = version.path.with_name("tables")
    for name in ("roc_development", "calibration_holdout", "gains_out_of_time"):
        assert (tables / f"{name}.csv").exists()
    evaluation = pd.read_parquet(version.path / "evaluation.parquet")
    held = evaluation[evaluation["sample"] == "holdout"]
    roc = pd.read_csv(tables / "roc_holdout.csv")
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(roc_auc_score(held["label"], held["risk"]))
