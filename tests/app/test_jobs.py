"""Jobs as processes: followed from their folder, cancelled, killed."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable

import pytest

from app import jobs
from credit_core.config import ModelConfig
from credit_core.data.store import Dataset
from credit_core.errors import InputError, RefusedError
from credit_core.oversight import events, registry
from credit_core.settings import Settings


@pytest.fixture
def own(fresh: Settings, shared_settings: Settings, dataset: Dataset) -> Settings:
    """Stores of a test's own with the shared dataset in them."""
    found = shared_settings.datasets / dataset.fingerprint
    shutil.copytree(found, fresh.datasets / dataset.fingerprint)
    return fresh


def training(
    settings: Settings,
    dataset: Dataset,
    config: ModelConfig,
    families: tuple[str, ...] = ("logistic", "xgboost", "lightgbm"),
) -> str:
    """Start a training as the Train page does."""
    request = {
        "dataset": dataset.fingerprint,
        "label": "inactive",
        "families": list(families),
        "config": config.model_dump(mode="json"),
        "promote": False,
    }
    return jobs.submit(settings, "train", request)


def wait(settings: Settings, job_id: str, until: Callable[[jobs.Job], bool]) -> jobs.Job:
    for _ in range(1200):
        job = jobs.read(settings, job_id)
        assert job is not None
        if until(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"still {job}")


def statuses(settings: Settings) -> set[str]:
    from mlflow import MlflowClient

    uri = f"sqlite:///{settings.models.resolve()}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return {run.info.status for run in client.search_runs(ids)}


def test_a_cancelled_training_leaves_nothing_behind(
    own: Settings, dataset: Dataset, quick: ModelConfig
) -> None:
    job_id = training(own, dataset, quick)
    assert training(own, dataset, quick) == job_id, "pressed twice, it is one job"
    wait(own, job_id, lambda job: job.share > 0.5 or not job.running)
    jobs.cancel(own, job_id)
    job = jobs.read(own, job_id)
    assert (job.state, job.problem) == ("cancelled", "Cancelled.")
    assert not jobs._alive(own.home / "jobs" / job_id)
    assert registry.list_versions(own) == []
    assert statuses(own) == {"KILLED"}
    log = (own.home / "jobs" / job_id / "log.txt").read_text()
    assert "Traceback" not in log


def test_no_more_jobs_run_at_once_than_may(
    own: Settings, dataset: Dataset, quick: ModelConfig
) -> None:
    own = own.model_copy(update={"jobs": 1})
    first = training(own, dataset, quick)
    with pytest.raises(InputError, match="As many jobs are running as may"):
        jobs.submit(own, "score", {"dataset": dataset.fingerprint, "model": "champion"})
    assert [job.id for job in jobs.list_jobs(own)] == [first]
    jobs.cancel(own, first)
    assert jobs.submit(own, "score", {"dataset": dataset.fingerprint, "model": "champion"})


def test_a_training_that_does_not_listen_is_killed(
    own: Settings, dataset: Dataset, quick: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = training(own, dataset, quick)
    wait(own, job_id, lambda job: job.share > 0.1 or not job.running)
    os.kill(int((own.home / "jobs" / job_id / "pid").read_text()), signal.SIGSTOP)
    monkeypatch.setattr(jobs, "_PATIENCE", 2.0)
    jobs.cancel(own, job_id)
    assert jobs.read(own, job_id).state == "cancelled"
    assert registry.list_versions(own) == []
    assert statuses(own) == {"FAILED"}


@pytest.mark.parametrize("restarted", [False, True], ids=["same dashboard", "restarted dashboard"])
def test_a_killed_job_has_failed_with_a_reason(
    own: Settings,
    dataset: Dataset,
    quick: ModelConfig,
    monkeypatch: pytest.MonkeyPatch,
    restarted: bool,
) -> None:
    job_id = training(own, dataset, quick)
    child = jobs._children[job_id]
    if restarted:  # another process knows the job from its folder alone
        monkeypatch.setattr(jobs, "_children", {})
    assert jobs.read(own, job_id).running
    child.kill()
    child.wait()
    job = jobs.read(own, job_id)
    assert job.state == "failed"
    assert "process ended without a result" in job.problem


def test_the_leaderboard_fills_while_it_runs(
    own: Settings, dataset: Dataset, quick: ModelConfig
) -> None:
    job_id = training(own, dataset, quick)
    during = wait(own, job_id, lambda job: bool(job.finished) or not job.running)
    assert during.running, "seen before its end"
    assert during.finished[0]["family"] == "logistic"
    assert 0 < during.finished[0]["cross_validation"]["auc"] < 1
    done = wait(own, job_id, lambda job: not job.running)
    assert done.state == "done"
    assert done.result is not None
    by_family = {model["family"]: model for model in done.result["models"]}
    for found in done.finished:
        assert found["cross_validation"] == by_family[found["family"]]["cross_validation"]


def test_a_job_is_of_who_asked_and_asks_for_the_permission(
    own: Settings, dataset: Dataset, quick: ModelConfig
) -> None:
    looking = own.model_copy(update={"role": "auditor", "actor": "Ann"})
    with pytest.raises(RefusedError, match="The role auditor may not train"):
        training(looking, dataset, quick)
    assert not jobs.list_jobs(own)
    manager = own.model_copy(update={"role": "risk_manager", "actor": "Bea"})
    started = training(manager, dataset, quick, ("logistic",))
    done = wait(manager, started, lambda job: not job.running)
    assert done.state == "done"
    assert events.list_events(own, kind="trained")[0].actor == "Bea"
